//! What went wrong with a call, and what follows from it: for the caller, the breaker and the connection.

mod class;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use redis::RedisError;
use tidegate_core::Outcome;
use tidegate_store::{ErrorKind, Extent, StoreError};

use self::class::Class;

/// A failed call. It can be told to all who waited for the call.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// What it says of the server's health.
    pub(crate) outcome: Outcome,
    /// How much of the store it concerns.
    pub(crate) extent: Extent,
    /// Whether the connection must be replaced.
    pub(crate) severs: bool,
    /// Where else to ask, if a member of a cluster says so.
    pub(crate) redirect: Option<Redirect>,
    message: Arc<str>,
    source: Option<RedisError>,
}

/// What a member of a cluster says that does not have the keys, or not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// Another member has the slot: at this address.
    Moved(String),
    /// Another member, at this address, is about to have the slot, and has these keys already.
    Ask(String),
    /// Some of the keys are on their way.
    TryAgain,
}

impl Failure {
    /// A failure that says nothing of the server: the caller's, or ours.
    pub(crate) fn local(kind: ErrorKind, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            outcome: Outcome::Success,
            extent: Extent::Whole,
            severs: false,
            redirect: None,
            message: message.into(),
            source: None,
        }
    }

    /// No answer in time.
    pub(crate) fn timeout(message: impl Into<Arc<str>>) -> Self {
        Self {
            outcome: Outcome::Failure,
            ..Self::local(ErrorKind::Timeout, message)
        }
    }

    /// No answer from a server in so much time.
    pub(crate) fn late(endpoint: &str, after: Duration) -> Self {
        let advice = Class::TimedOut.advice();
        Self::timeout(format!(
            "redis at {endpoint}: no answer within {after:?}{advice}"
        ))
    }

    /// No connection to a server in time.
    pub(crate) fn not_connected(endpoint: &str, limit: impl Display) -> Self {
        Self::timeout(format!(
            "redis at {endpoint}: not connected within {limit} (see that the server is not stopped or stuck, that host and port \
             are its own, that it speaks TLS if the address begins with rediss and only then, and that no packet filter is in between)"
        ))
    }

    /// An answer that cannot be: the stream is out of step, or this is no Redis.
    pub(crate) fn nonsense(endpoint: &str, what: &str) -> Self {
        Self {
            outcome: Outcome::Failure,
            severs: true,
            ..Self::local(
                ErrorKind::Internal,
                format!("redis at {endpoint} gave an answer that cannot be: {what}"),
            )
        }
    }

    /// What the client library reports.
    pub(crate) fn from_redis(endpoint: &str, error: &RedisError) -> Self {
        let class = Class::of(error);
        let message = format!("redis at {endpoint}: {error}{}", class.advice());
        Self::of_class(class, message, error)
    }

    /// What the client library reports of a Sentinel.
    pub(crate) fn from_sentinel(address: &str, error: &RedisError) -> Self {
        let class = Class::of(error);
        let advice = match class {
            Class::Refused => {
                " (check the Sentinels' own login, sentinel_user and sentinel_password, and the TLS settings)"
            }
            class => class.advice(),
        };
        Self::of_class(
            class,
            format!("redis Sentinel at {address}: {error}{advice}"),
            error,
        )
    }

    /// A Sentinel answers, but has never heard of the primary.
    pub(crate) fn unknown_to_sentinel(address: &str, primary: &str) -> Self {
        let message = format!(
            "redis Sentinel at {address}: it knows of no primary called {primary:?}; what it calls its primaries is told \
             by SENTINEL MASTERS"
        );
        Self {
            outcome: Outcome::Failure,
            ..Self::local(ErrorKind::Unavailable, message)
        }
    }

    /// A Sentinel names a server as the primary that is none.
    pub(crate) fn demoted(endpoint: &str) -> Self {
        let message =
            format!("redis at {endpoint}: a Sentinel calls it the primary, but it is none now");
        Self {
            outcome: Outcome::Failure,
            ..Self::local(ErrorKind::Unavailable, message)
        }
    }

    fn of_class(class: Class, message: String, error: &RedisError) -> Self {
        let (kind, outcome, severs) = class.consequences();
        Self {
            kind,
            outcome,
            extent: Extent::Whole,
            severs,
            redirect: None,
            message: message.into(),
            source: Some(error.clone()),
        }
    }

    /// What the client library reports of a member of a cluster. A member that sends callers elsewhere works.
    pub(crate) fn from_member(endpoint: &str, error: &RedisError) -> Self {
        let failure = Self::from_redis(endpoint, error);
        let redirect = match (error.code(), error.redirect_node()) {
            (Some("MOVED"), Some((to, _))) => Redirect::Moved(to.to_owned()),
            (Some("ASK"), Some((to, _))) => Redirect::Ask(to.to_owned()),
            (Some("TRYAGAIN"), _) => Redirect::TryAgain,
            _ => return failure,
        };
        Self {
            kind: ErrorKind::Unavailable,
            outcome: Outcome::Success,
            severs: false,
            redirect: Some(redirect),
            message: format!("redis at {endpoint} sends this call elsewhere: {error}").into(),
            ..failure
        }
    }

    /// The same, of a part of the store.
    pub(crate) fn of_a_part(self) -> Self {
        Self {
            extent: Extent::Part,
            ..self
        }
    }

    /// Whether it says that a server is lost, and nothing of others.
    ///
    /// A cluster that serves nobody while it lacks a member says so, too, by all members that work.
    pub(crate) fn is_of_one_server(&self) -> bool {
        let gone = matches!(
            self.kind,
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Refused
        );
        let code = self.source.as_ref().and_then(RedisError::code);
        gone && self.redirect.is_none() && code != Some("CLUSTERDOWN")
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, &*failure.message).with_extent(failure.extent);
        match failure.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}
