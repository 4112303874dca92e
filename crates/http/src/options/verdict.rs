//! What becomes of a request after the limiter's decision.

use tidegate_core::Decision;

use super::Options;
use crate::{Answer, Dialects, Field, Header, PolicyField, Sink, Text, fields, problem};

/// What an adapter is to do after the limiter's decision.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass the request on, and add these headers to the response.
    Proceed(Vec<Header>),
    /// Answer this.
    Refuse(Answer),
}

/// The answer to a denied request.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its headers have been written.
    Written {
        /// The status code.
        status: u16,
        /// The body, shared with other answers if it is the same for many.
        body: Text,
    },
    /// A function of the user's has made it what it is. None of its headers have been written.
    Changed(Answer),
}

impl<R: ?Sized> Options<R> {
    /// What to do after a decision, as strings. `policies` are those in force that enforce: clients are not told of the others.
    ///
    /// An adapter that wants to be fast has headers written into its framework's types, by [`tell`](Self::tell) or
    /// [`refuse`](Self::refuse).
    pub fn verdict(&self, decision: &Decision, policies: &PolicyField) -> Verdict {
        let mut headers = Vec::new();
        if decision.is_allowed() {
            self.tell(decision, policies, &mut headers);
            return Verdict::Proceed(headers);
        }
        Verdict::Refuse(match self.refuse(decision, policies, &mut headers) {
            Refusal::Written { status, body } => Answer {
                status,
                headers,
                body: body.as_str().to_owned(),
            },
            Refusal::Changed(answer) => answer,
        })
    }

    /// Writes what is told of a decision, whichever it is: the headers to add to an admitted request's response.
    /// `policies` are those in force that enforce: clients are not told of those in shadow.
    ///
    /// ```
    /// use tidegate_core::{PolicyName, Quota, Rule, Timestamp, Usage, decide};
    /// use tidegate_http::{Header, Options, PolicyField, key};
    ///
    /// let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?)];
    /// let decision = decide(&rules, &mut [Usage::default()], 1, Timestamp::from_secs(1_700_000_000));
    /// let policies = PolicyField::new(rules.iter().map(|rule| (rule.name().as_str(), rule.quota())));
    ///
    /// let options: Options<()> = Options::new(key::client_ip());
    /// let mut headers: Vec<Header> = Vec::new();
    /// options.tell(&decision, &policies, &mut headers);
    /// assert_eq!(headers[0], ("ratelimit-policy".into(), r#""per-client";q=100;w=60"#.into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn tell(&self, decision: &Decision, policies: &PolicyField, sink: &mut impl Sink) {
        fields::limits(sink, self.dialects, decision, policies);
        if self.mode {
            let mode = decision.provenance().as_str();
            sink.written(Field::Mode, mode.as_bytes());
        }
    }

    /// Whether [`tell`](Self::tell) never writes anything.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.dialects == Dialects::OFF && !self.mode
    }

    /// Answers a denied request. `policies` are those in force that enforce: clients are not told of those in shadow.
    ///
    /// ```
    /// use tidegate_core::{Decision, Fallback, Provenance, Timestamp};
    /// use tidegate_http::{Header, Options, PolicyField, Refusal, key};
    ///
    /// let away = Provenance::Outage(Fallback::Closed);
    /// let decision = Decision::uncounted(false, 1, Timestamp::EPOCH, away);
    /// let options: Options<()> = Options::new(key::client_ip());
    /// let mut headers: Vec<Header> = Vec::new();
    /// let refusal = options.refuse(&decision, &PolicyField::new([]), &mut headers);
    /// assert!(matches!(refusal, Refusal::Written { status: 503, .. }));
    /// assert_eq!(headers[0], ("content-type".into(), "application/problem+json".into()));
    /// ```
    #[inline]
    pub fn refuse(
        &self,
        decision: &Decision,
        policies: &PolicyField,
        sink: &mut impl Sink,
    ) -> Refusal {
        let Some(change) = &self.on_denial else {
            let (status, body) = self.write_refusal(decision, policies, sink);
            return Refusal::Written { status, body };
        };
        let mut headers = Vec::new();
        let (status, body) = self.write_refusal(decision, policies, &mut headers);
        let mut answer = Answer {
            status,
            headers,
            body: body.as_str().to_owned(),
        };
        answer.change(|answer| change(answer, decision));
        Refusal::Changed(answer)
    }

    fn write_refusal(
        &self,
        decision: &Decision,
        policies: &PolicyField,
        sink: &mut impl Sink,
    ) -> (u16, Text) {
        let wait = decision.retry_after();
        let problem = problem::of(decision, wait);
        problem.tell(sink);
        if let Some(seconds) = fields::retry_after(decision, wait, self.jitter) {
            fields::number(sink, Field::RetryAfter, seconds);
        }
        self.tell(decision, policies, sink);
        (problem.status, problem.body_under(policies))
    }
}
