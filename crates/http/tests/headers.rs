//! The headers of random decisions, read back with a parser of structured fields (RFC 9651).
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

use std::time::Duration;

use proptest::prelude::*;
use sfv::{BareItem, List, ListEntry, Parser};
use tidegate_core::{
    Algorithm, Decision, MAX_COUNT, PolicyName, Quota, Rule, Status, Timestamp, Usage, decide, look,
};
use tidegate_http::{Answer, Dialect, Header, Options, PolicyField, Verdict, key};

const NAMES: [&str; 4] = ["burst", "daily", "a.b_c-D", "4"];
const MAX_INTEGER: u64 = 999_999_999_999_999;

fn quotas() -> impl Strategy<Value = Quota> {
    let limit = prop_oneof![1_u64..1000, 1..=MAX_COUNT];
    let window = prop_oneof![1_u64..100_000, 1_u64..=366 * 24 * 3600 * 1000];
    (limit, window, 0_usize..3).prop_filter_map(
        "not every bucket is possible",
        |(limit, window, kind)| {
            let algorithms = [
                Algorithm::FixedWindow,
                Algorithm::SlidingWindow,
                Algorithm::TokenBucket,
            ];
            let quota = Quota::new(limit, Duration::from_millis(window)).ok()?;
            quota.with_algorithm(algorithms[kind]).ok()
        },
    )
}

prop_compose! {
    /// Some policies, and a decision under them.
    fn decisions()(
        quotas in prop::collection::vec(quotas(), 1..=4),
        used in prop::array::uniform4((0_u64..2000, 0_u64..2000)),
        cost in prop_oneof![0_u64..5, Just(MAX_COUNT)],
        shadow in any::<[bool; 4]>(),
        now in 0_u64..4_000_000_000_000,
    ) -> (Vec<Rule>, Decision) {
        let now = Timestamp::from_millis(now);
        let rules: Vec<Rule> = quotas.iter().zip(NAMES).zip(shadow).map(|((quota, name), shadow)| {
            Rule::new(PolicyName::new(name).unwrap(), *quota).with_shadow(shadow)
        }).collect();
        let mut usages: Vec<Usage> = rules.iter().zip(used).map(|(rule, (current, previous))| {
            let quota = rule.quota();
            let before = quota.charged(Usage::default(), previous, now - quota.window());
            quota.charged(quota.brought_forward(before, now), current, now)
        }).collect();
        let decision = decide(&rules, &mut usages, cost, now);
        (rules, decision)
    }
}

/// Of those that enforce.
fn field(rules: &[Rule]) -> PolicyField {
    PolicyField::new(
        rules
            .iter()
            .filter(|rule| !rule.is_shadow())
            .map(|rule| (rule.name().as_str(), rule.quota())),
    )
}

fn options() -> Options<()> {
    Options::new(key::everyone())
}

fn headers(verdict: Verdict) -> Vec<Header> {
    match verdict {
        Verdict::Proceed(headers) | Verdict::Refuse(Answer { headers, .. }) => headers,
    }
}

fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let mut found = headers.iter().filter(|(other, _)| other == name);
    let (first, second) = (found.next(), found.next());
    assert!(second.is_none(), "{name} is there twice");
    first.map(|(_, value)| value.as_str())
}

/// The items of a list of strings with integer parameters, which must serialize to the very same text.
fn parsed(text: &str) -> Vec<(String, Vec<(String, u64)>)> {
    let list: List = Parser::new(text).parse().unwrap();
    let mut again = sfv::ListSerializer::new();
    again.members(&list);
    assert_eq!(again.finish().unwrap(), text, "canonical");
    list.into_iter()
        .map(|entry| {
            let ListEntry::Item(item) = entry else {
                panic!("an inner list")
            };
            let BareItem::String(name) = item.bare_item else {
                panic!("not a string")
            };
            let params = item.params.into_iter().map(|(key, value)| {
                let BareItem::Integer(value) = value else {
                    panic!("not an integer")
                };
                (key.to_string(), u64::try_from(i64::from(value)).unwrap())
            });
            (name.to_string(), params.collect())
        })
        .collect()
}

fn parameters(pairs: [(&str, u64); 2]) -> Vec<(String, u64)> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.min(MAX_INTEGER)))
        .into()
}

fn seconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000_000))
        .unwrap()
        .max(1)
}

/// Whoever uses all that is left can use one more after `t` seconds, and none a second earlier, whether or not this request was
/// refused; then it is not admitted before that either (section 6).
fn check_window(status: &Status, at: Timestamp, t: u64) {
    let quota = status.quota();
    if let (true, Some(wait)) = (status.is_violated(), status.retry_after()) {
        assert!(t <= seconds(wait));
    }
    let used_up = quota.charged(status.usage(), status.remaining(), at);
    let one_more_fits = |then: Timestamp| {
        let usage = quota.brought_forward(used_up, then);
        quota.admits(usage, 1, then)
    };
    assert!(t >= 1);
    assert!(one_more_fits(at + Duration::from_secs(t)));
    assert!(t == 1 || !one_more_fits(at + Duration::from_secs(t - 1)));
}

proptest! {
    #[test]
    fn all_policies_that_enforce_are_in_both_fields_and_read_back_as_they_are((rules, decision) in decisions()) {
        let headers = headers(options().verdict(&decision, &field(&rules)));
        let enforced: Vec<_> = decision.statuses().iter().filter(|status| !status.is_shadow()).collect();
        if enforced.is_empty() {
            prop_assert_eq!(headers, []);
            return Ok(());
        }
        let policies = parsed(value(&headers, "ratelimit-policy").unwrap());
        let limits = parsed(value(&headers, "ratelimit").unwrap());
        prop_assert_eq!(policies.len(), enforced.len());
        prop_assert_eq!(limits.len(), enforced.len());
        for (at, status) in enforced.into_iter().enumerate() {
            let (quota, window) = (status.quota(), status.quota().capacity_window());
            let mut expected = parameters([("q", quota.capacity()), ("w", seconds(window))]);
            if window < Duration::from_secs(1) {
                expected.truncate(1);
            }
            prop_assert_eq!(&policies[at], &(status.name().to_string(), expected));

            let (name, parameters) = &limits[at];
            prop_assert_eq!(name, status.name().as_str());
            prop_assert_eq!(&parameters[0], &("r".to_owned(), status.remaining().min(MAX_INTEGER)));
            prop_assert_eq!(parameters.len(), 2);
            prop_assert_eq!(&parameters[1].0, "t");
            check_window(status, decision.at(), parameters[1].1);
        }
    }

    #[test]
    fn l5_retry_after_is_at_least_one_and_long_enough((rules, decision) in decisions()) {
        let verdict = options().verdict(&decision, &field(&rules));
        let Verdict::Refuse(answer) = verdict else {
            prop_assert!(decision.is_allowed());
            return Ok(());
        };
        prop_assert_eq!(answer.status, 429);
        let Some(wait) = answer.header("retry-after") else {
            let never = decision.violated().any(|status| decision.cost() > status.limit());
            prop_assert!(never, "only a cost that never fits has no Retry-After");
            return Ok(());
        };
        let wait: u64 = wait.parse().unwrap();
        prop_assert!(wait >= 1);
        let later = decision.at() + Duration::from_secs(wait);
        let usages: Vec<Usage> = decision.statuses().iter().map(|status| status.usage()).collect();
        prop_assert!(look(&rules, &usages, decision.cost(), later).is_allowed());
        // Section 6: not earlier than the end of the effective window of what refused.
        for status in decision.violated() {
            prop_assert!(wait >= seconds(status.retry_after().unwrap()));
        }
    }

    #[test]
    fn bodies_are_problem_details_that_name_what_was_violated((rules, decision) in decisions()) {
        let verdict = options().verdict(&decision, &field(&rules));
        if let Verdict::Refuse(answer) = verdict {
            prop_assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            prop_assert_eq!(answer.header("cache-control"), Some("no-store"));
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            prop_assert_eq!(&body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
            prop_assert_eq!(&body["status"], 429);
            let violated: Vec<&str> = decision.violated().map(|status| status.name().as_str()).collect();
            prop_assert_eq!(&body["violated-policies"], &serde_json::json!(violated));
        }
    }

    #[test]
    fn the_other_dialect_shows_the_policy_that_leaves_the_least((rules, decision) in decisions()) {
        let options = options().headers(Dialect::XRateLimit);
        let headers = headers(options.verdict(&decision, &field(&rules)));
        prop_assert!(value(&headers, "ratelimit").is_none());
        let Some(status) = decision.most_restrictive() else {
            prop_assert_eq!(headers, [], "all are in shadow");
            return Ok(());
        };
        let number = |name: &str| value(&headers, name).unwrap().parse::<u64>().unwrap();
        let shown = (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), number("x-ratelimit-reset"));
        prop_assert_eq!(shown, (status.limit(), status.remaining(), seconds(status.full_in())));
    }
}
