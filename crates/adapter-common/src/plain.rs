//! A framework of strings, for tests.

use tidegate_http::{Constant, Field, Header, Text};

use crate::Framework;

pub(crate) struct Plain;

pub(crate) type Lines = Vec<(String, String)>;

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
