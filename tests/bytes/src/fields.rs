//! Headers and bodies of answers, from counts of any size: they are text that a client can read.

use std::time::Duration;

use tidegate_core::{Algorithm, PolicyName, Quota, Rule, Timestamp, Usage, look};
use tidegate_http::{Answer, Dialect, Options, PolicyField, Verdict, key};

/// Seven numbers of eight bytes: limit, window, burst, two counts, the time, the cost. A byte before them is the
/// algorithm.
pub fn fields(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let mut rest = rest.chunks(8).map(|chunk| {
        let mut number = [0; 8];
        number[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(number)
    });
    let mut number = || rest.next().unwrap_or(1);
    let algorithm = [
        Algorithm::FixedWindow,
        Algorithm::SlidingWindow,
        Algorithm::TokenBucket,
    ][usize::from(first % 3)];
    let quota = Quota::new(number(), Duration::from_millis(number()))
        .and_then(|quota| quota.with_algorithm(algorithm));
    let Ok(quota) = quota else {
        return;
    };
    let quota = match algorithm {
        Algorithm::TokenBucket => quota.with_burst(number()).unwrap_or(quota),
        Algorithm::FixedWindow | Algorithm::SlidingWindow => quota,
    };
    let (used, now) = ([number(), number()], Timestamp::from_nanos(number()));
    let usage = match algorithm {
        Algorithm::TokenBucket => Usage::bucket(Timestamp::from_nanos(used[0])),
        Algorithm::FixedWindow | Algorithm::SlidingWindow => {
            Usage::window(now - quota.window() / 2, used[0], used[1])
        }
    };
    let Ok(name) = PolicyName::new("per-client") else {
        unreachable!("it is a name");
    };
    let rules = [Rule::new(name, quota)];
    let decision = look(&rules, &[usage], number(), now);
    let policies = PolicyField::new([("per-client", &quota)]);
    for dialect in [Dialect::Draft11, Dialect::XRateLimit] {
        let options: Options<()> = Options::new(key::everyone()).headers(dialect);
        let headers = match options.verdict(&decision, &policies) {
            Verdict::Proceed(headers) => headers,
            Verdict::Refuse(Answer { headers, body, .. }) => {
                assert!(body.starts_with('{') && body.ends_with('}'), "{body}");
                headers
            }
        };
        for (name, value) in &headers {
            let readable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            assert!(readable && !value.is_empty(), "{name}: {value:?}");
        }
    }
}
