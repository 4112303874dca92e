//! From a request to an outcome, by a limiter.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use tidegate_http::{Answer, Options, Question, Refusal, RequestView};
use tidegate_limiter::{Decision, Limiter, SubjectBuf};
use tokio::runtime::Handle;

use crate::Framework;
use crate::headers::{Shown, Told, Writer};

/// A decision that takes time: it waits for the store.
pub type Later = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// A limiter, and how it is used over HTTP. One is shared by everything that handles requests.
pub struct Gate<F: Framework> {
    limiter: Limiter,
    options: Options<F::Request>,
    /// Whether it was said that nobody can be told apart.
    complained: AtomicBool,
}

/// When it is known what becomes of a request.
#[must_use]
pub enum Entry<F: Framework> {
    /// At once. The decision, if there is one, is in the slot.
    Now(Outcome<F>),
    /// When the store has decided. Then [`Gate::outcome`] tells what becomes of the subject's request.
    Later(Later, SubjectBuf),
}

/// What to do with a request.
#[must_use]
pub enum Outcome<F: Framework> {
    /// Pass it on.
    Pass(Exit<F>),
    /// Answer what [`Gate::refuse`] writes.
    Refuse(Why),
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
pub enum Why {
    /// It was denied.
    Denied,
    /// It is nobody's, which is answered like this.
    Nobodys(Box<Answer>),
}

impl<F: Framework> Gate<F> {
    /// Limits by `limiter` as `options` say; a key alone is enough.
    pub fn new(limiter: Limiter, options: impl Into<Options<F::Request>>) -> Arc<Self> {
        Arc::new(Self {
            limiter,
            options: options.into(),
            complained: AtomicBool::new(false),
        })
    }

    /// A request arrives; `view` shows what `request` holds. A decision that is taken at once is put into `slot`, since
    /// it has some hundred bytes, which are better not moved often; whatever was in there is not this request's.
    pub fn enter(
        self: &Arc<Self>,
        request: &F::Request,
        view: &dyn RequestView,
        slot: &mut Option<Decision>,
    ) -> Entry<F> {
        *slot = None;
        let (subject, cost) = match self.options.question(request, view) {
            Question::Ask { subject, cost } => (subject, cost),
            Question::Skip => return Entry::Now(Outcome::Pass(Exit::new())),
            Question::Refuse(answer) => {
                self.complain(&answer);
                return Entry::Now(Outcome::Refuse(Why::Nobodys(Box::new(answer))));
            }
        };
        self.limiter.try_check_into(&subject, cost, slot);
        if let Some(decision) = slot {
            return Entry::Now(self.outcome(subject, decision));
        }
        let (limiter, asked) = (self.limiter.clone(), subject.clone());
        let decision = async move { limiter.check_with_cost(&asked, cost).await };
        Entry::Later(Box::pin(decision), subject)
    }

    /// A request that is nobody's because of how the server was set up is told to who runs it, once.
    #[cold]
    fn complain(&self, answer: &Answer) {
        if answer.status >= 500 && !self.complained.swap(true, Ordering::Relaxed) {
            let answer = &answer.body;
            tracing::error!(answer, "requests cannot be told apart, and are refused");
        }
    }

    /// What to do with the subject's request, now that it is decided.
    pub fn outcome(self: &Arc<Self>, subject: SubjectBuf, decision: &Decision) -> Outcome<F> {
        if !decision.is_allowed() {
            return Outcome::Refuse(Why::Denied);
        }
        let mut exit = Exit::new();
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
                subject,
                decision: decision.clone(),
            }));
        }
        Outcome::Pass(exit)
    }

    /// Writes a refused request's headers, of which there are none yet; returns the status and the body. `decision` is
    /// that which led to it, if there was one.
    pub fn refuse(
        &self,
        why: Why,
        decision: Option<&Decision>,
        headers: &mut F::Headers,
    ) -> (u16, String) {
        let mut refusal = None;
        match (why, decision) {
            (Why::Nobodys(answer), _) => refusal = Some(Refusal::Changed(*answer)),
            (Why::Denied, Some(decision)) => self.limiter.with_derived(Shown::<F>::new, |shown| {
                let put = |field, value| F::append(headers, field, value);
                let mut writer = Writer { shown, put };
                let written = self.options.refuse(decision, &shown.field, &mut writer);
                refusal = Some(written);
            }),
            // A decision denies, so there is one.
            (Why::Denied, None) => {}
        }
        match refusal {
            Some(Refusal::Written { status, body }) => (status, body),
            Some(Refusal::Changed(answer)) => {
                for header in answer.headers {
                    F::append_any(headers, header);
                }
                (answer.status, answer.body)
            }
            None => (429, String::new()),
        }
    }
}

impl<F: Framework> Exit<F> {
    fn new() -> Self {
        Self {
            headers: Told::new(),
            ticket: None,
        }
    }

    /// The response is there: its status decides whether the request counts, and headers are added to its own. No
    /// response waits for the store to give back a cost.
    pub fn leave(self, status: u16, headers: &mut F::Headers) {
        self.headers.add_to(headers);
        give_back_by(self.ticket, status);
    }

    /// The inner service failed, and the framework will make a response of this status of that: what leaves the limiter has
    /// no headers.
    pub fn leave_with_error(self, status: u16) {
        give_back_by(self.ticket, status);
    }
}

/// Gives back what was charged, if the response's status does not count.
#[inline]
fn give_back_by<F: Framework>(ticket: Option<Box<Ticket<F>>>, status: u16) {
    if let Some(ticket) = ticket
        && ticket.gate.options.gives_back(status)
    {
        in_background(ticket.give_back());
    }
}

impl<F: Framework> Ticket<F> {
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
    use tidegate_store_memory::MemoryStore;

    use super::*;
    use crate::plain::{Lines, Plain};

    fn gate(options: Options<()>) -> Arc<Gate<Plain>> {
        let policy = Policy::new("per-client", Quota::per_minute(1).unwrap());
        let limiter = Limiter::builder(MemoryStore::new()).policy(policy);
        Gate::new(limiter.build().unwrap(), options)
    }

    fn enter(gate: &Arc<Gate<Plain>>) -> Outcome<Plain> {
        let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
        match gate.enter(&(), &request, &mut None) {
            Entry::Now(outcome) => outcome,
            Entry::Later(..) => panic!("memory answers at once"),
        }
    }

    fn passed_on(gate: &Arc<Gate<Plain>>) -> Exit<Plain> {
        match enter(gate) {
            Outcome::Pass(exit) => exit,
            Outcome::Refuse(why) => panic!("{why:?}"),
        }
    }

    #[test]
    fn what_does_not_count_by_its_status_is_given_back() {
        let gate = gate(Options::new(key::client_ip()).charge_if(|status| status == 401));
        for _ in 0..3 {
            passed_on(&gate).leave(200, &mut Lines::new());
        }
        passed_on(&gate).leave(401, &mut Lines::new());
        assert!(matches!(enter(&gate), Outcome::Refuse(Why::Denied)));
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
