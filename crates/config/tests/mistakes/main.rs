//! What is no policy is named, with its line and field, and what is allowed; all of it at once.
#![allow(clippy::unwrap_used)] // also in the helpers, which clippy does not take for tests

mod text;

use tidegate_config::parse;

fn mistakes(text: &str) -> Vec<String> {
    let mistakes = parse(text).expect_err(text);
    mistakes.all().iter().map(ToString::to_string).collect()
}

/// The mistake in a policy that is right but for these fields, which begin at line 5.
fn in_policy(fields: &str) -> String {
    let text = format!("[[policy]]\nname = \"p\"\nlimit = 10\nwindow = \"1m\"\n{fields}");
    let [only] = &mistakes(&text)[..] else {
        panic!("{:?}", mistakes(&text));
    };
    only.clone()
}

#[test]
fn every_field_says_where_it_is_what_it_holds_and_what_is_allowed() {
    for (field, expected) in [
        (
            "algorithm = 'leaky'",
            r#"algorithm "leaky": it must be "fixed-window", "sliding-window" or "token-bucket""#,
        ),
        (
            "burst = 0",
            "burst 0: it must be a whole number, 1 to 9007199254740991",
        ),
        (
            "tolerance = 1.5",
            "tolerance 1.5: it must be a fraction of the limit, 0 (exact) to 1",
        ),
        (
            "tolerance = nan",
            "tolerance nan: it must be a fraction of the limit, 0 (exact) to 1",
        ),
        (
            "tolerance = '1%'",
            r#"tolerance "1%": it must be a fraction of the limit, 0 (exact) to 1"#,
        ),
        (
            "outage = 'panic'",
            r#"outage "panic": it must be "share", "full", "open" or "closed""#,
        ),
        (
            "outage = ['open']",
            r#"outage [...]: it must be "share", "full", "open" or "closed""#,
        ),
        (
            "shadow = 'yes'",
            r#"shadow "yes": it must be true or false"#,
        ),
        (
            "limits = 10",
            "limits: there is no such field; there are name, limit, window, algorithm, burst, tolerance, outage, shadow",
        ),
        (
            "outage = { first = 'open', for = '1s' }",
            r#"outage: then is missing: it must be "share", "full", "open" or "closed""#,
        ),
        (
            "outage = { first = 'open', for = 1, then = 'open' }",
            r#"outage: for 1: it must be a time such as "500ms", "60s" or "1h", in ns, us, ms, s, m (minutes), h, d or w"#,
        ),
        (
            "outage = { first = 'open', for = '1s', then = 'open', last = 1 }",
            "outage: last: there is no such field; there are first, for, then",
        ),
        (
            "outage = { first = 'open', for = '1M', then = 'closed' }",
            r#"outage: for "1M": it must be a time such as "500ms", "60s" or "1h", in ns, us, ms, s, m (minutes), h, d or w"#,
        ),
        (
            "outage = { first = 'open', for = '0s', then = 'closed' }",
            r#"outage: for "0s": it must be longer than no time and at most 366 days"#,
        ),
        (
            "outage = { first = 'open', for = '367days', then = 'closed' }",
            r#"outage: for "367days": it must be longer than no time and at most 366 days"#,
        ),
        (
            "burst = 5",
            "burst 5: burst 5 was given for a sliding-window: only a token-bucket has a burst",
        ),
    ] {
        assert_eq!(
            in_policy(field),
            format!("line 5: policy \"p\": {expected}")
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_their_lines() {
    let text = r#"
colour = "red"

[[policy]]
limit = -1
window = "1 fortnight"

[[policy]]
name = "naïve"
limit = 9007199254740992
window = "500us"

[[policy]]
name = "twice"
limit = 1
window = 60

[[policy]]
name = "twice"
limit = 1
window = "1us"
"#;
    let number = "it must be a whole number, 1 to 9007199254740991";
    let time = r#"it must be a time such as "500ms", "60s" or "1h", in ns, us, ms, s, m (minutes), h, d or w"#;
    let expected = [
        "line 2: colour: there is no such field; every policy begins with a line [[policy]]".to_owned(),
        "line 4: policy 1: name is missing: it must be text in quotes".to_owned(),
        format!("line 5: policy 1: limit -1: {number}"),
        format!(r#"line 6: policy 1: window "1 fortnight": {time}"#),
        r#"line 9: policy "naïve": name "naïve": a policy's name has a character at byte 2 that is not one of a-z A-Z 0-9 - _ ."#.to_owned(),
        format!(r#"line 10: policy "naïve": limit 9007199254740992: {number}"#),
        r#"line 11: policy "naïve": window "500us": window 500µs is out of range: it must be 1ms to 366 days"#.to_owned(),
        format!(r#"line 16: policy "twice": window 60: {time}"#),
        r#"line 19: policy "twice": name "twice": policy 3 of this file has that name already"#.to_owned(),
        r#"line 21: policy "twice": window "1us": window 1µs is out of range: it must be 1ms to 366 days"#.to_owned(),
    ];
    assert_eq!(mistakes(text), expected);
}

/// The lines of the mistakes in a policy of these fields, which begin at line 3, with the field of each.
fn fields_at_fault(fields: &str) -> Vec<String> {
    let told = mistakes(&format!("[[policy]]\nname = \"p\"\n{fields}"));
    let fields = told.iter().map(|line| {
        let (line, rest) = line.split_once(": policy \"p\": ").unwrap();
        format!("{line} {}", rest.split(' ').next().unwrap())
    });
    fields.collect()
}

#[test]
fn a_mistake_in_one_field_hides_none_in_another() {
    for (fields, at_fault) in [
        (
            "limit = 0\nwindow = '0s'",
            &["line 3 limit", "line 4 window"][..],
        ),
        (
            "limit = 0\nwindow = '1500us'",
            &["line 3 limit", "line 4 window"],
        ),
        (
            "limit = 0\nwindow = '400days'\nburst = 3",
            &["line 3 limit", "line 4 window", "line 5 burst"],
        ),
        (
            "burst = 3\nlimit = 1\nwindow = '0s'\nalgorithm = 'fixed-window'",
            &["line 3 burst", "line 5 window"],
        ),
        ("burst = 3\nlimit = 1", &["line 1 window", "line 3 burst"]),
        ("window = '367days'", &["line 1 limit", "line 3 window"]),
        // which of them is at fault cannot be told before it is known how they are counted
        (
            "limit = 0\nwindow = '1m'\nburst = 3\nalgorithm = 'leaky'",
            &["line 3 limit", "line 6 algorithm"],
        ),
    ] {
        assert_eq!(fields_at_fault(fields), at_fault, "{fields}");
    }
}

#[test]
fn a_bucket_that_takes_too_long_to_fill_is_blamed_on_what_makes_it_so() {
    for (fields, at_fault) in [
        (
            "limit = 10\nwindow = '1m'\nburst = 9007199254740991",
            "line 6 burst",
        ),
        (
            "limit = 10\nwindow = '100days'\nburst = 1",
            "line 3 algorithm",
        ),
        ("limit = 10\nwindow = '100days'", "line 3 algorithm"),
        ("limit = 10001\nwindow = '1ms'", "line 4 limit"),
    ] {
        let fields = format!("algorithm = 'token-bucket'\n{fields}");
        assert_eq!(fields_at_fault(&fields), [at_fault], "{fields}");
    }
}

#[test]
fn names_of_fields_are_told_in_one_line_and_without_control_characters() {
    for (field, told) in [
        (
            r#""sh\nadow" = true"#,
            r#"line 5: policy "p": "sh\nadow": there is"#,
        ),
        (
            r#""\u001b[31mred" = 1"#,
            r#"line 5: policy "p": "\u{1b}[31mred": there is"#,
        ),
        (r#""" = 1"#, r#"line 5: policy "p": "": there is"#),
        (
            r#""shadow " = 1"#,
            r#"line 5: policy "p": "shadow ": there is"#,
        ),
        (
            r#"outage = { first = "open", "f\tor" = 1, for = "1s", then = "open" }"#,
            r#"line 5: policy "p": outage: "f\tor": there is"#,
        ),
    ] {
        let only = in_policy(field);
        assert!(only.starts_with(told), "{only}");
    }
    assert!(
        mistakes(r#""pol\nicy" = 1"#)[0].starts_with(r#"line 1: "pol\nicy": there is"#),
        "{:?}",
        mistakes(r#""pol\nicy" = 1"#)
    );
}
