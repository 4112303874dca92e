//! Strings into the types of `http`.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tidegate_adapter_common::translate_headers;
use tidegate_http::{Answer, Header, unsaid};

translate_headers!(HeaderName, HeaderValue);

/// The answer to a refused request.
pub(crate) fn response<B: From<String>>(answer: Answer) -> Response<B> {
    let mut response = Response::new(B::from(answer.body));
    // No other code can come from this crate; a user's function may have left one that HTTP does not have.
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    // One more for the body's length, which the server adds.
    response.headers_mut().reserve(answer.headers.len() + 1);
    for (name, value) in answer.headers.into_iter().filter_map(translated) {
        response.headers_mut().append(name, value);
    }
    response
}

/// Adds to what the inner service said.
pub(crate) fn add_headers(headers: &mut HeaderMap, added: Vec<Header>) {
    let added = unsaid(added, |name| headers.contains_key(name));
    for (name, value) in added.into_iter().filter_map(translated) {
        headers.append(name, value);
    }
}
