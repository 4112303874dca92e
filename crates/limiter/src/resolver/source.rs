//! Where subjects' own limits come from, if they have any.

use std::sync::Arc;

use tidegate_core::{Rule, Subject};

use super::lookups::Lookups;
use super::{Applied, AsyncResolver, Limits, LookupSettings, Resolver, Rules};
use crate::Event;
use crate::observers::Observers;
use crate::panics::caught;

pub(crate) enum Source {
    /// Nowhere: the policies' own quotas apply.
    None,
    /// From memory.
    Immediate(Box<dyn Resolver>, Observers),
    /// From elsewhere.
    Lookups(Arc<Lookups>),
}

impl Source {
    pub(crate) fn lookups(
        resolver: Box<dyn AsyncResolver>,
        settings: LookupSettings,
        observers: Observers,
    ) -> Self {
        Self::Lookups(Lookups::new(resolver, settings, observers))
    }

    /// What the subject is limited by, if that is known without waiting.
    #[inline]
    pub(crate) fn now<'a>(&self, subject: Subject<'_>, rules: &'a [Rule]) -> Option<Applied<'a>> {
        match self {
            Self::None => Some(Applied::Rules(Rules::Policies(rules))),
            Self::Immediate(resolver, observers) => {
                Some(ask(&**resolver, subject, observers).apply(rules))
            }
            Self::Lookups(lookups) => Some(lookups.now(subject)?.limits.apply(rules)),
        }
    }

    /// What the subject is limited by.
    pub(crate) async fn wait<'a>(&self, subject: Subject<'_>, rules: &'a [Rule]) -> Applied<'a> {
        if let Self::Lookups(lookups) = self {
            return lookups.wait(subject).await.limits.apply(rules);
        }
        let policies = || Applied::Rules(Rules::Policies(rules));
        self.now(subject, rules).unwrap_or_else(policies)
    }

    /// Forgets what is known of the subject.
    pub(crate) async fn forget(&self, subject: Subject<'_>) {
        if let Self::Lookups(lookups) = self {
            lookups.forget(subject).await;
        }
    }
}

/// A resolver that panics has no answer.
fn ask(resolver: &dyn Resolver, subject: Subject<'_>, observers: &Observers) -> Limits {
    caught(|| resolver.limits(subject)).unwrap_or_else(|panicked| {
        observers.notify(&Event::LookupFailed { error: &panicked });
        Limits::new()
    })
}
