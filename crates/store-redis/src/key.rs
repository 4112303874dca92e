//! The names of records: injective, all of one subject's in one cluster slot, and nothing that a user can forge.
//!
//! ```text
//! <prefix>tg1:{s<subject, escaped>}:<policy>:<algorithm's letter><window in ms>
//! <prefix>tg1:{h<subject's keyed hash>}:<policy>:...
//! <prefix>tg1:{onodes}               who the nodes are
//! <prefix>tg1:{onodes}:generation    which generation of data this is
//! ```
//!
//! What stands between the braces decides the slot. A subject is escaped so that it contains no brace; the leading
//! letter keeps the tag from being empty, and tells subjects, hashed subjects and tidegate's own keys apart. `tg1` is
//! the version of the records' format.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};
use smallvec::SmallVec;
use tidegate_core::{Algorithm, Rule, Subject};

/// Subjects whose escaped form is longer than this are always hashed.
const LONGEST: usize = 128;

/// Makes the names of records.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// What comes before the tag's content: the user's prefix, the version, an opening brace.
    opening: Vec<u8>,
    hash_all: bool,
    hash_key: [u8; 16],
}

/// The names of one subject's records under some rules, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    /// How much of each name stands for the subject.
    tagged: usize,
    /// Where each name ends.
    ends: SmallVec<[u32; 2]>,
}

impl Names {
    pub(crate) fn new(prefix: &str, hash_all: bool, hash_key: [u8; 16]) -> Self {
        Self {
            opening: format!("{prefix}tg1:{{").into_bytes(),
            hash_all,
            hash_key,
        }
    }

    /// The names of a subject's records under `rules`, in their order.
    pub(crate) fn records<'r>(
        &self,
        subject: Subject<'_>,
        rules: impl IntoIterator<Item = &'r Rule>,
    ) -> Keys {
        let mut keys = Keys {
            bytes: Vec::with_capacity(96),
            tagged: 0,
            ends: SmallVec::new(),
        };
        for rule in rules {
            if keys.ends.is_empty() {
                self.write_tagged(subject.as_bytes(), &mut keys.bytes);
                keys.tagged = keys.bytes.len();
            } else {
                keys.bytes.extend_from_within(..keys.tagged);
            }
            write_policy(rule, &mut keys.bytes);
            // A name has at most a few hundred bytes, and the prefix is limited.
            keys.ends
                .push(u32::try_from(keys.bytes.len()).unwrap_or(u32::MAX));
        }
        keys
    }

    /// The name of something of tidegate's own.
    pub(crate) fn own(&self, what: &str) -> Vec<u8> {
        let mut key = self.opening.clone();
        key.extend_from_slice(b"o");
        key.extend_from_slice(what.as_bytes());
        key.push(b'}');
        key
    }

    /// The name of something else of tidegate's own, in the slot of the first.
    pub(crate) fn own_beside(&self, first: &str, what: &str) -> Vec<u8> {
        let mut key = self.own(first);
        key.extend_from_slice(b":");
        key.extend_from_slice(what.as_bytes());
        key
    }

    fn write_tagged(&self, subject: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.opening);
        let begin = out.len();
        if !self.hash_all && subject.len() <= LONGEST {
            out.push(b's');
            escape(subject, out);
        }
        if out.len() == begin || out.len() - begin > LONGEST + 1 {
            out.truncate(begin);
            out.push(b'h');
            self.write_hash(subject, out);
        }
        out.push(b'}');
    }

    fn write_hash(&self, subject: &[u8], out: &mut Vec<u8>) {
        let mut hasher = SipHasher24::new_with_key(&self.hash_key);
        hasher.write(subject);
        let hash = hasher.finish128().as_u128();
        out.extend_from_slice(format!("{hash:032x}").as_bytes());
    }
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// What all the names begin with, and no other subject's names do.
    pub(crate) fn subject(&self) -> &[u8] {
        &self.bytes[..self.tagged]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |end| {
            let end = *end as usize;
            let name = &self.bytes[begin..end];
            begin = end;
            name
        })
    }
}

/// Percent-encodes everything but printable ASCII, and of that the braces, the percent sign and the space.
fn escape(subject: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in subject {
        if byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'%') {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}

/// `:<policy>:<letter><window>`: what identifies a policy's counter. Names have no colon.
fn write_policy(rule: &Rule, out: &mut Vec<u8>) {
    let letter = match rule.quota().algorithm() {
        Algorithm::FixedWindow => b'f',
        Algorithm::SlidingWindow => b's',
        Algorithm::TokenBucket => b'b',
    };
    out.push(b':');
    out.extend_from_slice(rule.name().as_str().as_bytes());
    out.extend_from_slice(&[b':', letter]);
    write_decimal(rule.quota().window().as_millis(), out);
}

fn write_decimal(number: u128, out: &mut Vec<u8>) {
    let mut digits = [0; 39];
    let (mut at, mut rest) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tidegate_core::{PolicyName, Quota};

    use super::*;

    fn names(prefix: &str) -> Names {
        Names::new(prefix, false, [0; 16])
    }

    fn rule(name: &'static str, millis: u64, algorithm: Algorithm) -> Rule {
        let quota = Quota::new(1, Duration::from_millis(millis))
            .unwrap()
            .with_algorithm(algorithm)
            .unwrap();
        Rule::new(PolicyName::new(name).unwrap(), quota)
    }

    fn name(names: &Names, subject: &[u8], rule: &Rule) -> Vec<u8> {
        let keys = names.records(Subject::new(subject), [rule]);
        keys.iter().next().unwrap().to_vec()
    }

    /// What a cluster hashes: between the first opening brace and the first closing one after it, if that is not
    /// nothing (the Redis cluster specification, "Hash tags").
    fn hash_tag(key: &[u8]) -> &[u8] {
        let Some(open) = key.iter().position(|byte| *byte == b'{') else {
            return key;
        };
        match key[open + 1..].iter().position(|byte| *byte == b'}') {
            Some(0) | None => key,
            Some(len) => &key[open + 1..open + 1 + len],
        }
    }

    fn subjects() -> impl Strategy<Value = Vec<u8>> {
        let nasty =
            prop::collection::vec(prop::sample::select(b"{}%:s h0\0\n\xff2".to_vec()), 0..12);
        prop_oneof![nasty, prop::collection::vec(any::<u8>(), 0..200)]
    }

    fn rules() -> impl Strategy<Value = Rule> {
        (
            prop::sample::select(vec!["a", "b", "a.b", "s1"]),
            prop::sample::select(vec![1u64, 11, 60_000]),
            prop::sample::select(vec![
                Algorithm::FixedWindow,
                Algorithm::SlidingWindow,
                Algorithm::TokenBucket,
            ]),
        )
            .prop_map(|(name, millis, algorithm)| rule(name, millis, algorithm))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn g9_different_subjects_or_policies_have_different_names(
            (a, b) in (subjects(), subjects()), (r, s) in (rules(), rules()),
        ) {
            let names = names("app:");
            let same = a == b && r.id() == s.id();
            prop_assert_eq!(name(&names, &a, &r) == name(&names, &b, &s), same);
        }

        #[test]
        fn g9_a_subject_makes_one_whole_hash_tag_and_no_other(
            (a, b) in (subjects(), subjects()), (r, s) in (rules(), rules()),
        ) {
            let names = names("app:");
            let (one, two) = (name(&names, &a, &r), name(&names, &a, &s));
            prop_assert_eq!(hash_tag(&one), hash_tag(&two), "all policies of a subject share a slot");
            prop_assert!(matches!(hash_tag(&one)[0], b's' | b'h'));
            prop_assert_eq!(hash_tag(&one) == hash_tag(&name(&names, &b, &r)), a == b);
            let own = names.own("nodes");
            prop_assert_ne!(hash_tag(&one), hash_tag(&own));
        }

        #[test]
        fn names_are_short_printable_and_hash_if_told(subject in subjects(), rule in rules()) {
            let plain = name(&names(""), &subject, &rule);
            prop_assert!(plain.len() <= LONGEST + 64);
            prop_assert!(plain.iter().all(u8::is_ascii_graphic));
            let hashed = name(&Names::new("", true, [1; 16]), &subject, &rule);
            prop_assert_eq!(hash_tag(&hashed).len(), 33);
            let other_key = name(&Names::new("", true, [2; 16]), &subject, &rule);
            prop_assert_ne!(hashed, other_key);
        }
    }

    #[test]
    fn several_rules_make_several_names_of_one_subject() {
        let rules = [
            rule("burst", 1_000, Algorithm::TokenBucket),
            rule("daily", 86_400_000, Algorithm::FixedWindow),
        ];
        let keys = names("app:").records(Subject::from("al{ice"), &rules);
        let shown: Vec<_> = keys.iter().map(String::from_utf8_lossy).collect();
        assert_eq!(
            shown,
            [
                "app:tg1:{sal%7bice}:burst:b1000",
                "app:tg1:{sal%7bice}:daily:f86400000"
            ]
        );
    }

    #[test]
    fn overlong_subjects_are_hashed() {
        let rule = rule("p", 1, Algorithm::FixedWindow);
        for (len, hashed) in [(LONGEST, false), (LONGEST + 1, true), (1 << 20, true)] {
            let name = name(&names(""), &vec![b'x'; len], &rule);
            assert_eq!(hash_tag(&name)[0] == b'h', hashed, "{len}");
        }
        let name = name(&names(""), &[0; 50], &rule);
        assert_eq!(
            hash_tag(&name)[0],
            b'h',
            "it is the escaped length that counts"
        );
    }
}
