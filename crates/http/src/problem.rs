//! Problem details (RFC 9457): the bodies of refused requests.

use std::fmt::Write;

use tidegate_core::{Decision, Fallback, Provenance, Status};

use crate::{Answer, KeyError};

const DETAIL: &str = r#","detail":"#;
const VIOLATED: &str = r#","violated-policies":["#;

/// As many as a refusal usually has at most: what is below, when to try again, one dialect, the mode.
const MOST_HEADERS: usize = 8;

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

/// 429: the client has used up its quota.
pub(crate) fn quota_exceeded(decision: &Decision) -> Answer {
    let never = decision
        .violated()
        .find(|status| status.retry_after().is_none());
    let admits = match decision.provenance() {
        // This node's share of the limit, which comes to an end with the outage.
        Provenance::Outage(Fallback::Share) => "admits, for now, no",
        _ => "never admits",
    };
    let detail = never.map(|status| {
        format!(
            "The request costs {}, and the policy {} {admits} more than {} at once.",
            decision.cost(),
            status.name(),
            status.limit()
        )
    });
    let problem = Problem {
        status: 429,
        head: problem!(
            "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "Quota Exceeded",
            429
        ),
        detail: detail.as_deref(),
    };
    problem.answer(Some(decision))
}

/// 503: the store is away, and the policy would rather refuse than guess.
pub(crate) fn temporary_reduced_capacity(decision: &Decision) -> Answer {
    let problem = Problem {
        status: 503,
        head: problem!(
            "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
            "Temporary Reduced Capacity",
            503
        ),
        detail: Some("The rate limiter cannot reach its store, and refuses requests until it can."),
    };
    problem.answer(Some(decision))
}

/// The request could not be attributed to anybody.
pub(crate) fn no_subject(error: &KeyError, how_to_tell_the_peer: &str) -> Answer {
    let mut detail = error.to_string();
    let (status, head) = match error {
        KeyError::PeerAddress => (500, problem!("about:blank", "Internal Server Error", 500)),
        _ => (400, problem!("about:blank", "Bad Request", 400)),
    };
    if matches!(error, KeyError::PeerAddress) {
        detail.push_str(": ");
        detail.push_str(how_to_tell_the_peer);
    }
    let problem = Problem {
        status,
        head,
        detail: Some(&detail),
    };
    problem.answer(None)
}

struct Problem<'a> {
    status: u16,
    /// The members that are the same in every problem of the kind.
    head: &'static str,
    detail: Option<&'a str>,
}

impl Problem<'_> {
    /// The response, which no cache may keep (RFC 6585, section 4, for 429; the others are as short-lived).
    fn answer(&self, decision: Option<&Decision>) -> Answer {
        let mut answer = Answer {
            status: self.status,
            headers: Vec::with_capacity(MOST_HEADERS),
            body: self.body(decision),
        };
        answer.push("content-type", "application/problem+json");
        answer.push("cache-control", "no-store");
        answer
    }

    fn body(&self, decision: Option<&Decision>) -> String {
        let mut body = String::with_capacity(self.room(decision));
        body.push_str(self.head);
        if let Some(detail) = self.detail {
            body.push_str(DETAIL);
            push_json(&mut body, detail);
        }
        if let Some(decision) = decision {
            body.push_str(VIOLATED);
            push_names(&mut body, decision.violated());
            body.push(']');
        }
        body.push('}');
        body
    }

    /// The body's length, if nothing in it must be escaped: then it is neither grown nor copied on its way.
    fn room(&self, decision: Option<&Decision>) -> usize {
        let quoted = |text: &str| text.len() + 2;
        let detail = self.detail.map_or(0, |text| DETAIL.len() + quoted(text));
        let violated = decision.map_or(0, |decision| {
            let names = decision
                .violated()
                .map(|status| quoted(status.name().as_str()));
            let (names, count) =
                names.fold((0, 0_usize), |(all, count), one| (all + one, count + 1));
            VIOLATED.len() + names + count.saturating_sub(1) + 1
        });
        self.head.len() + detail + violated + 1
    }
}

fn push_names<'a>(body: &mut String, statuses: impl Iterator<Item = &'a Status>) {
    for (at, status) in statuses.enumerate() {
        if at > 0 {
            body.push(',');
        }
        push_json(body, status.name().as_str());
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
            let body = quota_exceeded(&decision()).body;
            assert_eq!(body.capacity(), body.len(), "{body}");
        }
        let body = no_subject(&KeyError::PeerAddress, "say so").body;
        assert_eq!(body.capacity(), body.len(), "{body}");
    }
}
