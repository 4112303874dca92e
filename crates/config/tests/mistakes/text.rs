//! Texts that are no TOML, hold no policies, or are anything at all.

use tidegate_config::parse;

use crate::mistakes;

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let told = mistakes("[[policy]]\nname = \"p\nlimit = 3\nwindow = = 2\n");
    assert!(told.len() >= 2, "{told:?}");
    assert!(told[0].starts_with("line 2: not TOML: "), "{told:?}");
    assert!(
        told.iter()
            .any(|line| line.starts_with("line 4: not TOML: ")),
        "{told:?}"
    );
}

#[test]
fn a_key_that_is_there_twice_is_named() {
    for (text, told) in [
        (
            "[[policy]]\nname = 'a'\nname = 'b'\n",
            "line 3: not TOML: duplicate key: name",
        ),
        (
            "[[policy]]\n\"na me\" = 'a'\n\"na me\" = 'b'\n",
            "line 3: not TOML: duplicate key: \"na me\"",
        ),
        (
            "[[policy]]\noutage = { for = '1s', first = 'open',\nfor = '2s' }\n",
            "line 3: not TOML: duplicate key: for",
        ),
        (
            "[[policy]]\n[policy]\n",
            "line 2: not TOML: duplicate key: policy",
        ),
    ] {
        assert_eq!(mistakes(text)[0], told);
    }
}

#[test]
fn what_is_not_toml_is_told_without_control_characters() {
    for text in [
        "a\u{1b}[31mb = 1",
        "a = 1\na\u{1b}[31m = 2",
        "a = \u{1b}[31m",
        "a = 'x\u{1b}y'",
        "\u{1b} = 1\n\u{1b} = 2",
    ] {
        for told in mistakes(text) {
            assert!(!told.contains(|char: char| char.is_control()), "{told:?}");
        }
    }
}

#[test]
fn a_file_without_policies_says_how_one_begins() {
    let form = "every policy begins with a line [[policy]]";
    for text in ["", "# nothing yet\n", "policy = []"] {
        assert_eq!(mistakes(text), [format!("line 1: no policies: {form}")]);
    }
    for text in ["[policy]\nname = 'p'", "policy = 'p'"] {
        assert_eq!(mistakes(text), [format!("line 1: policy: {form}")]);
    }
    assert_eq!(
        mistakes("\n[policies.p]\nlimit = 1")[0],
        format!("line 2: policies: there is no such field; {form}")
    );
    assert_eq!(
        mistakes("policy = [3]"),
        [format!("line 1: policy 1: {form}")]
    );
}

#[test]
fn g8_nothing_panics() {
    for text in [
        "\u{feff}",
        "[[policy]]",
        "\0",
        "[[policy]]\nname.x = 1",
        "[[policy]]\nlimit = 0x_",
        "a = \"\\u{0}\"",
        "[[policy]]\nname = 'p'\nlimit = 99999999999999999999999\nwindow = '999999999999999999years'",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    let deep = "[".repeat(100_000);
    assert!(parse(&format!("policy = {deep}")).is_err());
}

proptest::proptest! {
    #[test]
    fn g8_no_text_panics(text in "(\\[\\[policy\\]\\]|name|limit|window|outage|for|=|'1s'|'p'|[0-9.eE+-]{1,20}|[{}\\[\\],]|\n|.){0,40}") {
        let _ = parse(&text);
    }
}
