//! From a request to an outcome, by a limiter.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tidegate_http::{Answer, Asked, Options, Refusal, RequestView, Text};
use tidegate_limiter::{Decision, Limiter, Provenance, SubjectBuf, Timestamp};
use tokio::runtime::Handle;

use crate::Framework;
use crate::complaints::Complaints;
use crate::headers::{Shown, Told, Writer};

/// A decision that takes time: it waits for the store.
pub type Later = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// A limiter, and how it is used over HTTP. One is shared by everything that handles requests.
pub struct Gate<F: Framework> {
    limiter: Limiter,
    options: Options<F::Request>,
    complaints: Complaints,
}

/// When it is known what becomes of a request.
#[must_use]
pub enum Entry<'d, F: Framework> {
    /// At once.
    Now(Outcome<'d, F>),
    /// When the store has decided. Then [`Gate::outcome`] tells what becomes of the subject's request.
    Later(Later, SubjectBuf),
}

/// What to do with a request.
#[must_use]
pub enum Outcome<'d, F: Framework> {
    /// Pass it on. The decision that admits it is in the slot; there is none if it is not limited.
    Pass(Exit<F>),
    /// Answer what [`Gate::refuse`] writes.
    Refuse(Why<'d>),
}

/// What is left to do when the response of a request that was passed on is there.
#[must_use]
pub struct Exit<F: Framework> {
    headers: Told<F>,
    /// None if the response's status does not matter.
    ticket: Option<Box<Ticket<F>>>,
}

/// The right to give back what a request was charged.
struct Ticket<F: Framework> {
    gate: Arc<Gate<F>>,
    subject: SubjectBuf,
    decision: Decision,
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Why<'d> {
    /// It was denied.
    Denied(&'d mut Decision),
    /// It is nobody's, which is answered like this.
    Nobodys(Box<Answer>),
}

impl Why<'_> {
    /// The decision, if there is one: for the response's extensions, if it is to be [told](Gate::tells_decision).
    #[inline]
    pub fn into_decision(self) -> Option<Decision> {
        match self {
            Self::Denied(decision) => Some(take(decision)),
            Self::Nobodys(_) => None,
        }
    }
}

/// The decision; nobody looks at what is left in its place.
fn take(decision: &mut Decision) -> Decision {
    let nothing = Decision::uncounted(false, 0, Timestamp::EPOCH, Provenance::Resolved);
    mem::replace(decision, nothing)
}

impl<F: Framework> Gate<F> {
    /// Limits by `limiter` as `options` say; a key alone is enough.
    pub fn new(limiter: Limiter, options: impl Into<Options<F::Request>>) -> Arc<Self> {
        Arc::new(Self {
            limiter,
            options: options.into(),
            complaints: Complaints::default(),
        })
    }

    /// A request arrives; `view` shows what `request` holds. `slot` is a place for the decision, which has some hundred bytes
    /// that are better not moved often; whatever was in there is not this request's.
    #[inline(always)]
    pub fn enter<'d>(
        self: &Arc<Self>,
        request: &F::Request,
        view: &dyn RequestView,
        slot: &'d mut Option<Decision>,
    ) -> Entry<'d, F> {
        *slot = None;
        let mut subject = SubjectBuf::new();
        let cost = match self.options.ask(request, view, &mut subject) {
            Asked::Ask { cost } => cost,
            Asked::Skip => return Entry::Now(Outcome::Pass(Exit::new())),
            Asked::Refuse { error, answer } => {
                self.complaints.tell(&error, view);
                return Entry::Now(Outcome::Refuse(Why::Nobodys(answer)));
            }
        };
        self.limiter.try_check_into(&subject, cost, slot);
        match slot {
            Some(decision) => Entry::Now(self.outcome(&subject, decision)),
            None => self.wait(subject, cost),
        }
    }

    #[cold]
    fn wait<'d>(&self, subject: SubjectBuf, cost: u64) -> Entry<'d, F> {
        let (limiter, asked) = (self.limiter.clone(), subject.clone());
        let decision = async move { limiter.check_with_cost(&asked, cost).await };
        Entry::Later(Box::pin(decision), subject)
    }

    /// Whether the decision is to be put into the extensions, of an admitted request and of a refusal: an adapter asks before it
    /// does.
    #[inline]
    pub fn tells_decision(&self) -> bool {
        self.options.tells_decision()
    }

    /// What to do with the subject's request, now that it is decided.
    #[inline(always)]
    pub fn outcome<'d>(
        self: &Arc<Self>,
        subject: &SubjectBuf,
        decision: &'d mut Decision,
    ) -> Outcome<'d, F> {
        if !decision.is_allowed() {
            return Outcome::Refuse(Why::Denied(decision));
        }
        let mut exit = Exit::new();
        if !self.options.is_silent() || self.options.is_charged_by_response() {
            self.prepare(subject, decision, &mut exit);
        }
        Outcome::Pass(exit)
    }

    /// Prepares what is left to do when the response is there.
    fn prepare(self: &Arc<Self>, subject: &SubjectBuf, decision: &Decision, exit: &mut Exit<F>) {
        if !self.options.is_silent() {
            self.limiter.with_derived(Shown::<F>::new, |shown| {
                let put = |field, value| exit.headers.push(field, value);
                let mut writer = Writer { shown, put };
                self.options.tell(decision, &shown.field, &mut writer);
            });
        }
        if self.options.is_charged_by_response() {
            exit.ticket = Some(Box::new(Ticket {
                gate: Arc::clone(self),
                subject: subject.clone(),
                decision: decision.clone(),
            }));
        }
    }

    /// Writes a refused request's headers, of which there are none yet; returns the status and the body.
    pub fn refuse(&self, why: &Why<'_>, headers: &mut F::Headers) -> (u16, Text) {
        let decision = match why {
            Why::Denied(decision) => decision,
            Why::Nobodys(answer) => return changed::<F>((**answer).clone(), headers),
        };
        let mut written = (429, Text::default());
        self.limiter.with_derived(Shown::<F>::new, |shown| {
            let put = |field, value| F::append(headers, field, value);
            let mut writer = Writer { shown, put };
            written = match self.options.refuse(decision, &shown.field, &mut writer) {
                Refusal::Written { status, body } => (status, body),
                Refusal::Changed(answer) => changed::<F>(answer, headers),
            };
        });
        written
    }
}

/// Writes an answer's headers, which may be any.
fn changed<F: Framework>(answer: Answer, headers: &mut F::Headers) -> (u16, Text) {
    for header in answer.headers {
        F::append_any(headers, header);
    }
    (answer.status, answer.body.into())
}

impl<F: Framework> Exit<F> {
    #[inline]
    fn new() -> Self {
        Self {
            headers: Told::new(),
            ticket: None,
        }
    }

    /// The response is there: its status decides whether the request counts, and headers are added to its own. No
    /// response waits for the store to give back a cost.
    #[inline(always)]
    pub fn leave(self, status: u16, headers: &mut F::Headers) {
        if !self.headers.is_empty() {
            self.headers.add_to(headers);
        }
        if let Some(ticket) = self.ticket {
            ticket.settle(status);
        }
    }

    /// The inner service failed, and the framework will make a response of this status of that: what leaves the limiter has
    /// no headers.
    pub fn leave_with_error(self, status: u16) {
        if let Some(ticket) = self.ticket {
            ticket.settle(status);
        }
    }
}

impl<F: Framework> Ticket<F> {
    /// Gives back what was charged, if the response's status does not count.
    fn settle(self: Box<Self>, status: u16) {
        if self.gate.options.gives_back(status) {
            in_background(self.give_back());
        }
    }

    async fn give_back(self: Box<Self>) {
        let Self {
            gate,
            subject,
            decision,
        } = *self;
        // A store that does not answer keeps the charge; its error has been reported by the limiter.
        let _ = gate.limiter.refund(&subject, decision).await;
    }
}

/// Does now what can be done at once, and goes on in the background with what must wait.
fn in_background(task: impl Future<Output = ()> + Send + 'static) {
    let mut task = Box::pin(task);
    let waits = task
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending();
    // Only a tokio runtime can make a limiter wait.
    if waits && let Ok(runtime) = Handle::try_current() {
        runtime.spawn(task);
    }
}

impl<F: Framework> fmt::Debug for Gate<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tidegate_http::{PlainRequest, key};
    use tidegate_limiter::{Policy, Quota};

    use super::*;
    use crate::plain::{Lines, Plain, gate};

    /// What is left to do for a request that is passed on; `None` for one that is denied.
    fn enter(gate: &Arc<Gate<Plain>>) -> Option<Exit<Plain>> {
        let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
        match gate.enter(&(), &request, &mut None) {
            Entry::Now(Outcome::Pass(exit)) => Some(exit),
            Entry::Now(Outcome::Refuse(Why::Denied(_))) => None,
            Entry::Now(Outcome::Refuse(Why::Nobodys(answer))) => panic!("{answer:?}"),
            Entry::Later(..) => panic!("memory answers at once"),
        }
    }

    fn passed_on(gate: &Arc<Gate<Plain>>) -> Exit<Plain> {
        enter(gate).unwrap()
    }

    #[test]
    fn what_does_not_count_by_its_status_is_given_back() {
        let gate = gate(Options::new(key::client_ip()).charge_if(|status| status == 401));
        for _ in 0..3 {
            passed_on(&gate).leave(200, &mut Lines::new());
        }
        passed_on(&gate).leave(401, &mut Lines::new());
        assert!(enter(&gate).is_none());
    }

    #[test]
    fn where_the_status_does_not_matter_nothing_is_kept_for_it() {
        let gate = gate(key::client_ip().into());
        assert!(passed_on(&gate).ticket.is_none());
    }

    #[test]
    fn replaced_policies_are_shown_from_the_next_request_on() {
        let gate = gate(key::client_ip().into());
        let shown = |exit: Exit<Plain>| {
            let mut lines = Lines::new();
            exit.leave(200, &mut lines);
            lines[0].1.clone()
        };
        assert_eq!(shown(passed_on(&gate)), r#""per-client";q=1;w=60"#);
        let policy = Policy::new("per-client", Quota::per_minute(5).unwrap());
        gate.limiter.replace_policies([policy]).unwrap();
        assert_eq!(shown(passed_on(&gate)), r#""per-client";q=5;w=60"#);
    }
}
