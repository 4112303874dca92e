//! Problem details (RFC 9457): the bodies of refused requests.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use tidegate_core::{Decision, Fallback, Provenance};

use crate::{Answer, Constant, Field, KeyError, PolicyField, Sink, Text};

const DETAIL: &str = r#","detail":"#;
const VIOLATED: &str = r#","violated-policies":["#;

/// A problem's type, title and status: the beginning of its body.
macro_rules! problem {
    ($kind:literal, $title:literal, $status:literal) => {
        concat!(
            r#"{"type":""#,
            $kind,
            r#"","title":""#,
            $title,
            r#"","status":"#,
            $status
        )
    };
}

/// What keeps a request from being answered by the service.
pub(crate) struct Problem<'a> {
    pub(crate) status: u16,
    /// The members that are the same in every problem of the kind.
    head: &'static str,
    detail: Option<Cow<'static, str>>,
    /// Whose violated policies are named.
    decision: Option<&'a Decision>,
}

/// A denied request, which is admitted after this wait, if that is known.
pub(crate) fn of(decision: &Decision, wait: Option<Duration>) -> Problem<'_> {
    if decision.is_unavailable() {
        temporary_reduced_capacity(decision)
    } else {
        quota_exceeded(decision, wait)
    }
}

const QUOTA_EXCEEDED: &str = problem!(
    "https://iana.org/assignments/http-problem-types#quota-exceeded",
    "Quota Exceeded",
    429
);

/// 429: the client has used up its quota.
fn quota_exceeded(decision: &Decision, wait: Option<Duration>) -> Problem<'_> {
    Problem {
        status: 429,
        head: QUOTA_EXCEEDED,
        detail: match wait {
            Some(_) => None,
            None => never_admitted(decision).map(Cow::Owned),
        },
        decision: Some(decision),
    }
}

/// The body of that problem where one policy alone refused, and it helps to wait.
pub(crate) fn quota_exceeded_of(policy: &str) -> String {
    format!("{QUOTA_EXCEEDED}{VIOLATED}\"{policy}\"]}}")
}

/// Why it does not help to wait, if that is a policy's limit.
#[cold]
fn never_admitted(decision: &Decision) -> Option<String> {
    let never = decision
        .violated()
        .find(|status| status.retry_after().is_none())?;
    let admits = match decision.provenance() {
        // This node's share of the limit, which comes to an end with the outage.
        Provenance::Outage(Fallback::Share) => "admits, for now, no",
        _ => "never admits",
    };
    Some(format!(
        "The request costs {}, and the policy {} {admits} more than {} at once.",
        decision.cost(),
        never.name(),
        never.limit()
    ))
}

/// 503: the store is away, and the policy would rather refuse than guess.
fn temporary_reduced_capacity(decision: &Decision) -> Problem<'_> {
    let detail = "The rate limiter cannot reach its store, and refuses requests until it can.";
    Problem {
        status: 503,
        head: problem!(
            "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
            "Temporary Reduced Capacity",
            503
        ),
        detail: Some(detail.into()),
        decision: Some(decision),
    }
}

/// The request could not be attributed to anybody.
pub(crate) fn no_subject(error: &KeyError, advice: Option<&str>) -> Answer {
    let mut detail = error.to_string();
    let (status, head) = match advice {
        Some(advice) => {
            detail.push_str(": ");
            detail.push_str(advice);
            (500, problem!("about:blank", "Internal Server Error", 500))
        }
        None => (400, problem!("about:blank", "Bad Request", 400)),
    };
    let problem = Problem {
        status,
        head,
        detail: Some(detail.into()),
        decision: None,
    };
    let mut headers = Vec::new();
    problem.tell(&mut headers);
    Answer {
        status,
        headers,
        body: problem.body(),
    }
}

impl Problem<'_> {
    /// The headers of the body, which no cache may keep (RFC 6585, section 4, for 429; the others are as short-lived).
    pub(crate) fn tell(&self, sink: &mut impl Sink) {
        sink.constant(Field::ContentType, Constant::ProblemJson);
        sink.constant(Field::CacheControl, Constant::NoStore);
    }

    /// The body, which `policies` have at hand for nearly every denied request.
    pub(crate) fn body_under(&self, policies: &PolicyField) -> Text {
        let at_hand = self.at_hand(policies).cloned();
        at_hand.unwrap_or_else(|| self.body().into())
    }

    fn at_hand<'p>(&self, policies: &'p PolicyField) -> Option<&'p Text> {
        match (&self.detail, self.decision, self.status) {
            (None, Some(decision), 429) => policies.exceeded(decision.violated()),
            _ => None,
        }
    }

    fn body(&self) -> String {
        let mut body = String::with_capacity(self.room());
        body.push_str(self.head);
        if let Some(detail) = &self.detail {
            body.push_str(DETAIL);
            push_json(&mut body, detail);
        }
        if let Some(decision) = self.decision {
            body.push_str(VIOLATED);
            for (at, status) in decision.violated().enumerate() {
                // A policy's name has nothing in it that must be escaped.
                body.push_str(if at == 0 { "\"" } else { ",\"" });
                body.push_str(status.name().as_str());
                body.push('"');
            }
            body.push(']');
        }
        body.push('}');
        body
    }

    /// The body's length, if nothing in it must be escaped: then it is neither grown nor copied on its way.
    fn room(&self) -> usize {
        let detail = self.detail.as_ref();
        let detail = detail.map_or(0, |text| DETAIL.len() + text.len() + 2);
        let violated = self.decision.map_or(0, |decision| {
            let names = decision.violated().map(|status| status.name());
            // With its quotes, and with a comma or the bracket that ends the list.
            let names: usize = names.map(|name| name.as_str().len() + 3).sum();
            VIOLATED.len() + names.max(1)
        });
        self.head.len() + detail + violated + 1
    }
}

/// A JSON string (RFC 8259, section 7).
fn push_json(body: &mut String, text: &str) {
    body.push('"');
    let plain = |byte| byte >= 0x20 && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(plain) {
        // As nearly always: names and our own sentences.
        body.push_str(text);
        body.push('"');
        return;
    }
    for char in text.chars() {
        match char {
            '"' | '\\' => {
                body.push('\\');
                body.push(char);
            }
            '\0'..='\x1f' => {
                // Writing to a string cannot fail.
                let _ = write!(body, "\\u{:04x}", u32::from(char));
            }
            _ => body.push(char),
        }
    }
    body.push('"');
}

#[cfg(test)]
mod tests {
    use tidegate_core::{PolicyName, Quota, Rule, Timestamp, Usage, decide};

    use super::*;

    #[test]
    fn any_text_is_a_json_string() {
        let text = "a \"b\" \\ \n \u{1} \u{fc} \u{1f600}";
        let mut json = String::new();
        push_json(&mut json, text);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn a_body_has_the_room_that_it_takes() {
        let quota = Quota::per_minute(1).unwrap();
        let rules = ["burst", "daily"].map(|name| Rule::new(PolicyName::new(name).unwrap(), quota));
        for (rules, cost) in [(&rules[..1], 1), (&rules, 1), (&rules, 2)] {
            let mut usages = [Usage::default(); 2];
            let mut decision = || decide(rules, &mut usages[..rules.len()], cost, Timestamp::EPOCH);
            let _ = decision();
            let decision = decision();
            let body = of(&decision, decision.retry_after()).body();
            assert_eq!(body.capacity(), body.len(), "{body}");
        }
        let body = no_subject(&KeyError::PeerAddress, Some("say so")).body;
        assert_eq!(body.capacity(), body.len(), "{body}");
    }

    #[test]
    fn a_body_at_hand_is_the_one_that_would_be_written() {
        let quota = Quota::per_minute(1).unwrap();
        let rules = ["burst", "daily"].map(|name| Rule::new(PolicyName::new(name).unwrap(), quota));
        let known = PolicyField::new([("burst", &quota), ("daily", &quota)]);
        for (rules, cost, is_at_hand) in [
            (&rules[..1], 1, true),
            (&rules[1..], 1, true),
            (&rules, 1, false),
            (&rules[..1], 2, false),
        ] {
            let mut usages = [Usage::default(); 2];
            let mut decision = || decide(rules, &mut usages[..rules.len()], cost, Timestamp::EPOCH);
            let _ = decision();
            let decision = decision();
            let problem = of(&decision, decision.retry_after());
            for policies in [&known, &PolicyField::new([])] {
                assert_eq!(problem.body_under(policies).as_str(), problem.body());
            }
            let [body, again] = [(); 2].map(|()| problem.body_under(&known));
            let is_shared = body.as_str().as_ptr() == again.as_str().as_ptr();
            assert_eq!(is_shared, is_at_hand);
        }
    }
}
