//! A framework of strings, for tests.

use std::sync::Arc;

use tidegate_http::{Constant, Field, Header, Options, Text};
use tidegate_limiter::{Limiter, Policy, Quota};
use tidegate_store_memory::MemoryStore;

use crate::{Framework, Gate};

pub(crate) struct Plain;

pub(crate) type Lines = Vec<(String, String)>;

/// One request a minute.
pub(crate) fn gate(options: Options<()>) -> Arc<Gate<Plain>> {
    let policy = Policy::new("per-client", Quota::per_minute(1).unwrap());
    let limiter = Limiter::builder(MemoryStore::new()).policy(policy);
    Gate::new(limiter.build().unwrap(), options)
}

impl Framework for Plain {
    type Request = ();
    type Headers = Lines;
    type Value = String;

    fn value(bytes: &[u8]) -> Option<String> {
        String::from_utf8(bytes.to_vec()).ok()
    }

    fn shared(text: Text) -> Option<String> {
        Some(text.as_str().to_owned())
    }

    fn constant(constant: Constant) -> String {
        constant.as_str().to_owned()
    }

    fn has(headers: &Lines, field: Field) -> bool {
        headers.iter().any(|(name, _)| name == field.as_str())
    }

    fn append(headers: &mut Lines, field: Field, value: String) {
        headers.push((field.as_str().to_owned(), value));
    }

    fn append_any(headers: &mut Lines, (name, value): Header) {
        headers.push((name.into_owned(), value.as_str().to_owned()));
    }
}
