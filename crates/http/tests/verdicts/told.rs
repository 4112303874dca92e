//! What is told of a decision: the headers, and the body of a refusal.

use std::time::Duration;

use tidegate_core::{Fallback, PolicyName, Provenance, Quota, Rule, Timestamp, Usage, decide};
use tidegate_http::{Answer, Dialect, Dialects, Header, Options, PolicyField, Verdict};

use crate::{NOW, decided, field, options, refused, uncounted};

fn names(verdict: Verdict) -> Vec<String> {
    let (Verdict::Proceed(headers) | Verdict::Refuse(Answer { headers, .. })) = verdict;
    headers
        .into_iter()
        .map(|(name, _)| name.into_owned())
        .collect()
}

#[test]
fn an_outage_that_refuses_is_503_with_a_hint_to_come_back() {
    let answer = refused(
        &options(),
        &uncounted(false, Provenance::Outage(Fallback::Closed)),
    );
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some(r#""per-client";q=2;w=60"#)
    );
    assert_eq!(answer.header("ratelimit"), None);
    assert!(answer.body.contains("#temporary-reduced-capacity"));
}

#[test]
fn an_outage_that_admits_shows_the_policy_only() {
    let decision = uncounted(true, Provenance::Outage(Fallback::Open));
    assert_eq!(
        names(options().verdict(&decision, &field())),
        ["ratelimit-policy"]
    );
}

#[test]
fn who_is_not_limited_is_told_no_limit_and_who_is_blocked_no_time() {
    let unlimited = uncounted(true, Provenance::Resolved);
    assert_eq!(
        options().verdict(&unlimited, &field()),
        Verdict::Proceed(vec![])
    );
    let blocked = refused(&options(), &uncounted(false, Provenance::Resolved));
    assert_eq!(blocked.status, 429);
    assert_eq!(blocked.header("retry-after"), None);
    assert_eq!(blocked.header("ratelimit-policy"), None);
}

#[test]
fn a_cost_that_never_fits_has_no_retry_after_and_says_so() {
    let answer = refused(&options(), &decided(2, 3));
    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("retry-after"), None);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        body["detail"],
        "The request costs 3, and the policy per-client never admits more than 2 at once."
    );
}

#[test]
fn a_cost_above_the_share_of_an_outage_is_not_said_to_be_too_much_for_ever() {
    let share = decided(2, 3).with_provenance(Provenance::Outage(Fallback::Share));
    let body = refused(&options(), &share).body;
    let detail =
        "The request costs 3, and the policy per-client admits, for now, no more than 2 at once.";
    assert!(body.contains(detail), "{body}");
}

#[test]
fn a_subject_with_a_quota_of_its_own_is_shown_that_one() {
    let Verdict::Proceed(headers) = options().verdict(&decided(7, 1), &field()) else {
        panic!()
    };
    assert_eq!(headers[0].1, r#""per-client";q=7;w=60"#);
    assert!(headers[1].1.starts_with(r#""per-client";r=6;t="#));
}

#[test]
fn dialects_combine_and_can_be_off_but_retry_after_stays() {
    let decision = decided(2, 1);
    let both = options().headers(Dialect::Draft11 | Dialect::XRateLimit);
    let expected = [
        "ratelimit-policy",
        "ratelimit",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    ];
    assert_eq!(names(both.verdict(&decision, &field())), expected);
    let off = options().headers(Dialects::OFF);
    assert_eq!(off.verdict(&decision, &field()), Verdict::Proceed(vec![]));
    let mode_alone = options().headers(Dialects::OFF).mode_header();
    assert_eq!(
        names(mode_alone.verdict(&decision, &field())),
        ["tidegate-mode"]
    );
    let silent = [&both, &off, &mode_alone].map(Options::is_silent);
    assert_eq!(silent, [false, true, false]);

    let name = PolicyName::new("per-client").unwrap();
    let rule = Rule::new(name, Quota::per_minute(1).unwrap());
    let mut usage = [Usage::default()];
    assert!(decide(&[rule], &mut usage, 1, NOW).is_allowed());
    let answer = refused(&off, &decide(&[rule], &mut usage, 1, NOW));
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn the_mode_is_told_if_wanted() {
    let options = options().mode_header();
    let decision = decided(2, 1).with_provenance(Provenance::Outage(Fallback::Share));
    let Verdict::Proceed(headers) = options.verdict(&decision, &field()) else {
        panic!()
    };
    assert_eq!(
        headers.last().unwrap(),
        &("tidegate-mode".into(), "share".into())
    );
}

#[test]
fn jitter_only_lengthens_and_stays_within_what_was_given() {
    let decision = uncounted(false, Provenance::Outage(Fallback::Closed));
    let options = options().retry_jitter(Duration::from_secs(3));
    let mut seen = [false; 4];
    for _ in 0..1000 {
        let answer = refused(&options, &decision);
        let seconds: usize = answer.header("retry-after").unwrap().parse().unwrap();
        seen[seconds - 1] = true;
    }
    assert_eq!(seen, [true; 4]);
}

#[test]
fn jitter_of_a_part_of_a_second_counts_as_a_whole_one() {
    let decision = uncounted(false, Provenance::Outage(Fallback::Closed));
    for (jitter, most) in [(0, 1), (1, 2), (500, 2), (1000, 2), (1001, 3)] {
        let options = options().retry_jitter(Duration::from_millis(jitter));
        let waits = (0..1000).map(|_| {
            let answer = refused(&options, &decision);
            answer
                .header("retry-after")
                .unwrap()
                .parse::<u64>()
                .unwrap()
        });
        assert_eq!(waits.max(), Some(most), "{jitter} ms");
    }
}

#[test]
fn clients_are_not_told_of_policies_in_shadow() {
    let name = |name| PolicyName::new(name).unwrap();
    let enforced = Rule::new(name("per-client"), Quota::per_minute(2).unwrap());
    let shadow = Rule::new(name("tried"), Quota::per_minute(1).unwrap()).with_shadow(true);
    let both = Dialect::Draft11 | Dialect::XRateLimit;
    let told = |rules: &[Rule], policies: &PolicyField| {
        let mut usages = [Usage::default(); 2];
        let decision = decide(rules, &mut usages[..rules.len()], 1, Timestamp::EPOCH);
        let mut headers: Vec<Header> = Vec::new();
        options()
            .headers(both)
            .tell(&decision, policies, &mut headers);
        headers
    };
    let alone = told(&[enforced], &field());
    assert_eq!(alone.len(), 5);
    assert_eq!(told(&[enforced, shadow], &field()), alone);
    assert_eq!(told(&[shadow, enforced], &field()), alone);
    assert_eq!(told(&[shadow], &PolicyField::new([])), []);
    // a subject with limits of its own
    assert_eq!(told(&[shadow, enforced], &PolicyField::new([])), alone);
}

#[test]
fn in_an_outage_without_counts_there_is_no_empty_field() {
    let decision = uncounted(true, Provenance::Outage(Fallback::Open));
    for (policies, lines) in [(field(), 1), (PolicyField::new([]), 0)] {
        let mut headers: Vec<Header> = Vec::new();
        options().tell(&decision, &policies, &mut headers);
        assert_eq!(headers.len(), lines, "{headers:?}");
    }
}
