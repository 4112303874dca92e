//! Who is compared, and tidegate's limiter as each is given it.

use anyhow::{Context, Result};
use tidegate_limiter::{Limiter, Policy, Quota};
use tidegate_metrics::MetricsObserver;
use tidegate_store_memory::MemoryStore;

/// A web framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// axum.
    Axum,
    /// actix-web.
    Actix,
}

/// What is around the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// Nothing.
    Nothing,
    /// A layer that does nothing: what the framework takes for having one.
    Layer,
    /// A layer that adds two lines to each response, always the same: what any limiter with tidegate's headers costs.
    Lines,
    /// tidegate as it comes: with headers.
    Tidegate,
    /// tidegate without headers, which is what the peers send unless told.
    WithoutHeaders,
    /// tidegate without headers, and without the decision in the extensions: no more than tower_governor does.
    Untold,
    /// tidegate as it comes, and every decision counted and timed.
    WithMetrics,
    /// tidegate as it comes around a whole router of axum's, which spares what [`Self::Layer`] costs there.
    Outermost,
    /// The same without headers.
    OutermostWithoutHeaders,
    /// The framework's other limiter.
    Peer,
}

/// A server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contestant {
    /// What serves.
    pub framework: Framework,
    /// What limits.
    pub around: Around,
}

/// Which answer the requests are to get, but for the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The limit is far away.
    Allowed,
    /// The limit was reached.
    Denied,
}

impl Framework {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Axum, Self::Actix];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Actix => "actix-web",
        }
    }
}

/// What [`Around::Lines`] adds: as long as tidegate's.
pub const LINES: [(&str, &str); 2] = [
    ("ratelimit-policy", r#""per-client";q=1000000000;w=1"#),
    ("ratelimit", r#""per-client";r=999999999;t=1"#),
];

impl Around {
    /// All that do not limit.
    pub const OTHERS: [Self; 3] = [Self::Nothing, Self::Layer, Self::Lines];

    /// All that limit in a framework.
    pub const fn limiters(framework: Framework) -> &'static [Self] {
        const ALL: [Around; 7] = [
            Around::Tidegate,
            Around::WithoutHeaders,
            Around::Untold,
            Around::WithMetrics,
            Around::Peer,
            Around::Outermost,
            Around::OutermostWithoutHeaders,
        ];
        match framework {
            Framework::Axum if cfg!(feature = "outermost") => &ALL,
            _ => ALL.split_at(5).0,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "bare",
            Self::Layer => "empty-layer",
            Self::Lines => "two-constant-lines",
            Self::Tidegate => "tidegate",
            Self::WithoutHeaders => "tidegate-without-headers",
            Self::Untold => "tidegate-without-headers-and-decision",
            Self::WithMetrics => "tidegate-with-metrics",
            Self::Outermost => "tidegate-around-router",
            Self::OutermostWithoutHeaders => "tidegate-around-router-without-headers",
            Self::Peer => "peer",
        }
    }
}

impl Contestant {
    /// A framework's servers, and what each answers: the bare one first.
    pub fn all(framework: Framework) -> impl Iterator<Item = (Self, Answer)> {
        let others = Around::OTHERS.map(|around| (around, Answer::Allowed));
        let limiters = Around::limiters(framework).iter();
        let limited =
            limiters.flat_map(|&around| [(around, Answer::Allowed), (around, Answer::Denied)]);
        let servers = others.into_iter().chain(limited);
        servers.map(move |(around, answer)| (Self { framework, around }, answer))
    }

    /// Its name in the report.
    pub const fn name(self) -> &'static str {
        match (self.around, self.framework) {
            (Around::Peer, Framework::Axum) => "tower_governor 0.8",
            (Around::Peer, Framework::Actix) => "actix-extensible-rate-limit 0.4",
            (around, _) => around.as_str(),
        }
    }

    /// As an argument of the process that serves it.
    pub fn argument(self) -> String {
        format!("{}/{}", self.framework.as_str(), self.around.as_str())
    }

    /// From such an argument.
    pub fn parse(argument: &str) -> Result<Self> {
        let mut all = Framework::ALL.into_iter().flat_map(|framework| {
            let limiters = Around::limiters(framework).iter();
            let around = Around::OTHERS.iter().chain(limiters);
            around.map(move |&around| Self { framework, around })
        });
        all.find(|contestant| contestant.argument() == argument)
            .with_context(|| format!("--serve {argument}: there is no such server"))
    }
}

impl Answer {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Result<Self> {
        let mut all = [Self::Allowed, Self::Denied].into_iter();
        all.find(|answer| answer.as_str() == name)
            .with_context(|| format!("{name}: it must be allowed or denied"))
    }

    /// The status of such an answer.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Allowed => "200",
            Self::Denied => "429",
        }
    }
}

/// tidegate's limiter, in memory, with one policy of the default algorithm.
pub fn limiter(around: Around, answer: Answer) -> Result<Limiter> {
    let quota = match answer {
        Answer::Allowed => Quota::per_second(1_000_000_000)?,
        Answer::Denied => Quota::per_day(1)?,
    };
    let limiter = Limiter::builder(MemoryStore::new()).policy(Policy::new("per-client", quota));
    let limiter = if around == Around::WithMetrics {
        limiter.observer(MetricsObserver::new())
    } else {
        limiter
    };
    Ok(limiter.build()?)
}
