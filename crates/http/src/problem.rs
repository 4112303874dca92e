//! Problem details (RFC 9457): the bodies of refused requests.

use std::fmt::Write;

use tidegate_core::{Decision, Fallback, Provenance, Status};

use crate::{Answer, KeyError, number};

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
        kind: "https://iana.org/assignments/http-problem-types#quota-exceeded",
        title: "Quota Exceeded",
        status: 429,
        detail: detail.as_deref(),
    };
    problem.answer(Some(decision))
}

/// 503: the store is away, and the policy would rather refuse than guess.
pub(crate) fn temporary_reduced_capacity(decision: &Decision) -> Answer {
    let problem = Problem {
        kind: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
        title: "Temporary Reduced Capacity",
        status: 503,
        detail: Some("The rate limiter cannot reach its store, and refuses requests until it can."),
    };
    problem.answer(Some(decision))
}

/// The request could not be attributed to anybody.
pub(crate) fn no_subject(error: &KeyError, how_to_tell_the_peer: &str) -> Answer {
    let mut detail = error.to_string();
    let (status, title) = match error {
        KeyError::PeerAddress => (500, "Internal Server Error"),
        _ => (400, "Bad Request"),
    };
    if matches!(error, KeyError::PeerAddress) {
        detail.push_str(": ");
        detail.push_str(how_to_tell_the_peer);
    }
    let problem = Problem {
        kind: "about:blank",
        title,
        status,
        detail: Some(&detail),
    };
    problem.answer(None)
}

struct Problem<'a> {
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: Option<&'a str>,
}

impl Problem<'_> {
    /// The response, which no cache may keep (RFC 6585, section 4, for 429; the others are as short-lived).
    fn answer(&self, decision: Option<&Decision>) -> Answer {
        let mut answer = Answer::new(self.status, self.body(decision));
        answer.headers.reserve(8);
        answer.push("content-type", "application/problem+json");
        answer.push("cache-control", "no-store");
        answer
    }

    fn body(&self, decision: Option<&Decision>) -> String {
        let mut body = String::with_capacity(192);
        body.push_str(r#"{"type":""#);
        body.push_str(self.kind);
        body.push_str(r#"","title":""#);
        body.push_str(self.title);
        body.push_str(r#"","status":"#);
        number::push(&mut body, self.status.into());
        if let Some(detail) = self.detail {
            body.push_str(r#","detail":"#);
            push_json(&mut body, detail);
        }
        if let Some(decision) = decision {
            body.push_str(r#","violated-policies":["#);
            push_names(&mut body, decision.violated());
            body.push(']');
        }
        body.push('}');
        body
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
    use super::*;

    #[test]
    fn any_text_is_a_json_string() {
        let text = "a \"b\" \\ \n \u{1} \u{fc} \u{1f600}";
        let mut json = String::new();
        push_json(&mut json, text);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
