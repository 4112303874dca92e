//! Strings into the types of `http`.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tidegate_adapter_common::translate_headers;
use tidegate_http::{Answer, Header, is_list};
use tidegate_limiter::Decision;

translate_headers!(HeaderName, HeaderValue);

/// The answer to a refused request, with the decision in its extensions.
pub(crate) fn response<B: From<String>>(answer: Answer, decision: Option<Decision>) -> Response<B> {
    let mut response = Response::new(B::from(answer.body));
    // No other code can come from this crate; a user's function may have left one that HTTP does not have.
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    response.headers_mut().reserve(answer.headers.len());
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
