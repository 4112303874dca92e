//! What to ask the limiter for a request, if anything.

use tidegate_core::SubjectBuf;

use super::{Cost, Options};
use crate::{Answer, KeyError, RequestView, problem};

/// What an adapter is to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Question {
    /// Pass it on, unlimited.
    Skip,
    /// Ask the limiter.
    Ask {
        /// Who is limited.
        subject: SubjectBuf,
        /// What the request takes.
        cost: u64,
    },
    /// It cannot be told whose request it is.
    Refuse {
        /// Why not.
        error: KeyError,
        /// What to answer.
        answer: Answer,
    },
}

/// What [`Options::ask`] says: a [`Question`] without who is limited.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Pass it on, unlimited.
    Skip,
    /// Ask the limiter.
    Ask {
        /// What the request takes.
        cost: u64,
    },
    /// It cannot be told whose request it is.
    Refuse {
        /// Why not.
        error: KeyError,
        /// What to answer.
        answer: Box<Answer>,
    },
}

impl<R: ?Sized> Options<R> {
    /// What to do with a request: `view` shows what `request` holds.
    pub fn question(&self, request: &R, view: &dyn RequestView) -> Question {
        let mut subject = SubjectBuf::new();
        match self.ask(request, view, &mut subject) {
            Asked::Skip => Question::Skip,
            Asked::Ask { cost } => Question::Ask { subject, cost },
            Asked::Refuse { error, answer } => Question::Refuse {
                error,
                answer: *answer,
            },
        }
    }

    /// As [`question`](Self::question), for adapters that want to be fast: who is limited, which has a hundred bytes, is put
    /// into `subject`, in place of whoever is there.
    ///
    /// ```
    /// use tidegate_core::SubjectBuf;
    /// use tidegate_http::{Asked, Options, PlainRequest, Question, key};
    ///
    /// let options: Options<()> = Options::new(key::client_ip());
    /// let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
    /// let mut subject = SubjectBuf::new().with("somebody else");
    /// let Asked::Ask { cost } = options.ask(&(), &request, &mut subject) else { panic!() };
    /// assert_eq!(options.question(&(), &request), Question::Ask { subject, cost });
    /// ```
    #[inline]
    pub fn ask(&self, request: &R, view: &dyn RequestView, subject: &mut SubjectBuf) -> Asked {
        subject.clear();
        let all_count = self.skips.is_empty() && self.allowed.is_empty() && !self.skip_preflights;
        if !all_count && self.skips(request, view) {
            return Asked::Skip;
        }
        match self.key.put(request, view, subject) {
            Ok(()) => Asked::Ask {
                cost: match &self.cost {
                    Cost::Always(cost) => *cost,
                    Cost::By(cost) => cost(request),
                },
            },
            Err(error) => self.refuse_nobodys(error, view),
        }
    }

    fn skips(&self, request: &R, view: &dyn RequestView) -> bool {
        self.skips.iter().any(|skip| skip(request))
            || (self.skip_preflights && is_preflight(view))
            || self.allowed.iter().any(|allowed| allowed.admits(view))
    }

    #[cold]
    fn refuse_nobodys(&self, error: KeyError, view: &dyn RequestView) -> Asked {
        let mut answer = Box::new(problem::no_subject(&error, error.advice(view)));
        if let Some(change) = &self.on_key_error {
            answer.change(|answer| change(answer, &error));
        }
        Asked::Refuse { error, answer }
    }
}

fn is_preflight(view: &dyn RequestView) -> bool {
    view.method() == "OPTIONS"
        && view.header("origin").is_some()
        && view.header("access-control-request-method").is_some()
}
