//! From a request to an outcome, by a limiter.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use tidegate_http::{
    Answer, Header, Options, PolicyField, PolicyFieldCache, Question, RequestView, Verdict,
};
use tidegate_limiter::{Decision, Limiter, SubjectBuf};
use tokio::runtime::Handle;

/// Something that takes time: it waits for the store.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A limiter, and how it is used over HTTP. One is shared by everything that handles requests.
pub struct Gate<R: ?Sized> {
    limiter: Limiter,
    options: Options<R>,
    field: PolicyFieldCache,
}

/// When the outcome is known.
#[must_use]
pub enum Entry {
    /// At once. The decision, if there is one, is in the slot.
    Now(Outcome),
    /// The store must be asked.
    Later(Later<(Outcome, Decision)>),
}

/// What to do with a request.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// Pass it on as it is.
    Skip,
    /// Pass it on.
    Admit(Admission),
    /// Answer this instead.
    Refuse(Answer),
}

/// What goes with an admitted request.
#[derive(Debug)]
#[must_use]
pub struct Admission {
    /// Headers to add to the response.
    pub headers: Vec<Header>,
    /// To hand in with the response's status; none if the status does not matter.
    pub ticket: Option<Box<Ticket>>,
}

/// The right to give back what a request was charged.
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    subject: SubjectBuf,
    decision: Decision,
}

impl<R: ?Sized + 'static> Gate<R> {
    /// Limits by `limiter` as `options` say; a key alone is enough.
    pub fn new(limiter: Limiter, options: impl Into<Options<R>>) -> Arc<Self> {
        Arc::new(Self {
            limiter,
            options: options.into(),
            field: PolicyFieldCache::new(),
        })
    }

    /// A request arrives; `view` shows what `request` holds. A decision that is taken at once is put into `slot`, since
    /// it has some hundred bytes, which are better not moved often; whatever was in there is not this request's.
    pub fn enter(
        self: &Arc<Self>,
        request: &R,
        view: &dyn RequestView,
        slot: &mut Option<Decision>,
    ) -> Entry {
        *slot = None;
        let (subject, cost) = match self.options.question(request, view) {
            Question::Ask { subject, cost } => (subject, cost),
            Question::Skip => return Entry::Now(Outcome::Skip),
            Question::Refuse(answer) => return Entry::Now(Outcome::Refuse(answer)),
        };
        *slot = self.limiter.try_check_with_cost(&subject, cost);
        if let Some(decision) = slot {
            return Entry::Now(self.outcome(subject, decision));
        }
        let gate = Arc::clone(self);
        Entry::Later(Box::pin(async move {
            let decision = gate.limiter.check_with_cost(&subject, cost).await;
            (gate.outcome(subject, &decision), decision)
        }))
    }

    /// The response of an admitted request is there: its status decides whether the request counts. No response waits
    /// for the store to give back a cost.
    pub fn leave(&self, ticket: Box<Ticket>, status: u16) {
        if !self.options.gives_back(status) {
            return;
        }
        let limiter = self.limiter.clone();
        in_background(async move {
            let Ticket { subject, decision } = *ticket;
            // A store that does not answer keeps the charge; its error has been reported by the limiter.
            let _ = limiter.refund(&subject, decision).await;
        });
    }

    fn outcome(&self, subject: SubjectBuf, decision: &Decision) -> Outcome {
        let field = self.field.get(self.limiter.policy_version(), || {
            let policies = self.limiter.policies();
            PolicyField::new(
                policies
                    .iter()
                    .map(|policy| (policy.name(), policy.quota())),
            )
        });
        match self.options.verdict(decision, &field) {
            Verdict::Proceed(headers) => Outcome::Admit(Admission {
                headers,
                ticket: self.options.is_charged_by_response().then(|| {
                    Box::new(Ticket {
                        subject,
                        decision: decision.clone(),
                    })
                }),
            }),
            Verdict::Refuse(answer) => Outcome::Refuse(answer),
        }
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

impl<R: ?Sized> fmt::Debug for Gate<R> {
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

    fn gate(options: Options<()>) -> Arc<Gate<()>> {
        let policy = Policy::new("per-client", Quota::per_minute(1).unwrap());
        let limiter = Limiter::builder(MemoryStore::new()).policy(policy);
        Gate::new(limiter.build().unwrap(), options)
    }

    fn enter(gate: &Arc<Gate<()>>) -> Outcome {
        let request = PlainRequest::new("GET").with_peer([192, 0, 2, 1]);
        match gate.enter(&(), &request, &mut None) {
            Entry::Now(outcome) => outcome,
            Entry::Later(_) => panic!("memory answers at once"),
        }
    }

    fn admitted(gate: &Arc<Gate<()>>) -> Admission {
        match enter(gate) {
            Outcome::Admit(admission) => admission,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_does_not_count_by_its_status_is_given_back() {
        let gate = gate(Options::new(key::client_ip()).charge_if(|status| status == 401));
        for _ in 0..3 {
            let ticket = admitted(&gate).ticket.unwrap();
            gate.leave(ticket, 200);
        }
        let ticket = admitted(&gate).ticket.unwrap();
        gate.leave(ticket, 401);
        assert!(matches!(enter(&gate), Outcome::Refuse(_)));
    }

    #[test]
    fn where_the_status_does_not_matter_nothing_is_kept_for_it() {
        let gate = gate(key::client_ip().into());
        assert!(admitted(&gate).ticket.is_none());
    }

    #[test]
    fn replaced_policies_are_shown_from_the_next_request_on() {
        let gate = gate(key::client_ip().into());
        let shown = |admission: Admission| admission.headers[0].1.clone();
        assert_eq!(shown(admitted(&gate)), r#""per-client";q=1;w=60"#);
        let policy = Policy::new("per-client", Quota::per_minute(5).unwrap());
        gate.limiter.replace_policies([policy]).unwrap();
        assert_eq!(shown(admitted(&gate)), r#""per-client";q=5;w=60"#);
    }
}
