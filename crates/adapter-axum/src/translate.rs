//! Strings into the types of `http`.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tidegate_http::{Answer, Header, is_list};
use tidegate_limiter::Decision;

/// The answer to a refused request, with the decision in its extensions.
pub(crate) fn response<B: From<String>>(answer: Answer, decision: Option<Decision>) -> Response<B> {
    let mut response = Response::new(B::from(answer.body));
    // No other code can come from this crate; a user's function may have left one that HTTP does not have.
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    for header in answer.headers {
        if let Some((name, value)) = translated(header) {
            response.headers_mut().append(name, value);
        }
    }
    if let Some(decision) = decision {
        response.extensions_mut().insert(decision);
    }
    response
}

/// Adds to what the inner service said.
pub(crate) fn add_headers(headers: &mut HeaderMap, added: Vec<Header>) {
    for header in added {
        let list = is_list(&header.0);
        let Some((name, value)) = translated(header) else {
            continue;
        };
        if list {
            headers.append(name, value);
        } else {
            headers.entry(name).or_insert(value);
        }
    }
}

/// `None` for what HTTP does not allow.
fn translated((name, value): Header) -> Option<(HeaderName, HeaderValue)> {
    let name = match name {
        // Names that are part of the program are in lower case, and checked without a copy.
        std::borrow::Cow::Borrowed(name) => HeaderName::from_bytes(name.as_bytes()).ok()?,
        std::borrow::Cow::Owned(name) => HeaderName::try_from(name).ok()?,
    };
    let value = match value {
        std::borrow::Cow::Borrowed(value) => HeaderValue::from_str(value).ok()?,
        std::borrow::Cow::Owned(value) => HeaderValue::try_from(value).ok()?,
    };
    Some((name, value))
}
