//! What keeps a request from having a subject.

use std::sync::Arc;

use crate::RequestView;

/// A name that no header can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a header's name: it must be one or more of a-z A-Z 0-9 and !#$%&'*+-.^_`|~"
)]
pub struct HeaderNameError {
    /// What was given.
    pub given: String,
}

/// What a request lacks, so that it is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The server does not know where the connection comes from. This is a mistake in the program, or a unix
    /// socket; all clients would share one limit.
    #[error("the peer's address, by which requests are limited, is not known to the server")]
    PeerAddress,
    /// The server has not looked for a route yet, or does not know of routes. This is a mistake in the program; all
    /// routes would share one limit.
    #[error("the matched route, by which requests are limited, is not known to the server")]
    Route,
    /// A header is missing or empty.
    #[error("the header {name}, by which requests are limited, is missing or empty")]
    Header {
        /// The header's name.
        name: Arc<str>,
    },
    /// The matched route has no such parameter, or what stands there is not UTF-8.
    #[error("the path parameter {name}, by which requests are limited, is missing or not UTF-8")]
    Parameter {
        /// The parameter's name.
        name: Arc<str>,
    },
    /// A function found nothing.
    #[error("the {name}, by which requests are limited, is missing")]
    Custom {
        /// The part's name.
        name: &'static str,
    },
}

impl KeyError {
    /// What to change in the program, as a sentence, if that is what keeps requests from having subjects; `None` where the
    /// request itself lacks something.
    ///
    /// ```
    /// use tidegate_http::{KeyError, PlainRequest};
    ///
    /// let request = PlainRequest::new("GET");
    /// let advice = KeyError::PeerAddress.advice(&request);
    /// assert_eq!(advice, Some("give it with `PlainRequest::with_peer`"));
    /// assert_eq!(KeyError::Custom { name: "user" }.advice(&request), None);
    /// ```
    pub fn advice(&self, view: &dyn RequestView) -> Option<&'static str> {
        match self {
            Self::PeerAddress => Some(view.how_to_tell_the_peer()),
            Self::Route => Some(view.how_to_tell_the_route()),
            _ => None,
        }
    }

    /// Whether it is the program that is mistaken, and not the request.
    pub(super) const fn is_mistake(&self) -> bool {
        matches!(self, Self::PeerAddress | Self::Route)
    }
}
