//! Keys made of several parts: what differs in any part has another key (G9).

use tidegate_core::SubjectBuf;
use tidegate_http::{Key, PlainRequest, key};

const NAMES: [&str; 2] = ["x-tenant", "x-user"];

/// Four header values, each up to the next line's end: two clients' tenants and users.
pub fn keys(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut value = || lines.next().unwrap_or_default();
    let (one, other) = ([value(), value()], [value(), value()]);
    let [tenant, user] = NAMES.map(|name| match key::header::<PlainRequest>(name) {
        Ok(key) => key,
        Err(error) => unreachable!("{error}"),
    });
    let both = tenant.and(user);
    let subjects = [one, other].map(|values| subject(&both, values));
    if let [Some(first), Some(second)] = subjects {
        assert_eq!(first == second, one == other, "{one:?} and {other:?}");
    }
}

fn subject(key: &Key<PlainRequest>, values: [&[u8]; 2]) -> Option<SubjectBuf> {
    let request = NAMES
        .iter()
        .zip(values)
        .fold(PlainRequest::new("GET"), |request, (name, value)| {
            request.with_header(name, value)
        });
    key.subject(&request, &request).ok()
}
