//! Strings into actix-web's types.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_adapter_common::translate_headers;
use tidegate_http::{Answer, Header, unsaid};
use tidegate_limiter::Decision;

translate_headers!(HeaderName, HeaderValue);

/// The answer to a refused request, with the decision in its extensions.
pub(crate) fn response<B>(
    request: ServiceRequest,
    answer: Answer,
    decision: Option<Decision>,
) -> ServiceResponse<EitherBody<B>> {
    // No other code can come from this crate; a user's function may have left one that HTTP does not have.
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let mut response = HttpResponse::with_body(status, BoxBody::new(answer.body));
    for (name, value) in answer.headers.into_iter().filter_map(translated) {
        response.headers_mut().append(name, value);
    }
    if let Some(decision) = decision {
        response.extensions_mut().insert(decision);
    }
    request.into_response(response).map_into_right_body()
}

/// Adds to what the inner service said.
pub(crate) fn add_headers(headers: &mut HeaderMap, added: Vec<Header>) {
    let added = unsaid(added, |name| headers.contains_key(name));
    for (name, value) in added.into_iter().filter_map(translated) {
        headers.append(name, value);
    }
}
