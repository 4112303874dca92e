//! The same app in both frameworks: `/` answers `ok`, `/items/{id}` and `/nested/items/{id}` too, `/fail` is a 401,
//! `/decision` tells what the limiter decided, `/echo` what it was sent, `/panic` panics, `/upgrade` turns into a
//! WebSocket that echoes bytes, `/own` speaks of limits of its own; anything else is a 404. Outermost, a mark is put on every
//! response if wanted, which tells of a denied one's decision.

pub(crate) mod actix;
pub(crate) mod axum;

use tidegate_limiter::Decision;

/// What limiters decided, from the outermost inwards.
pub(crate) fn told<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> String {
    let told = decisions.into_iter().map(|decision| {
        let status = decision.statuses().first().unwrap();
        format!("{} has {} left", status.name(), status.remaining())
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What `/own` says of limits, in no particular order.
pub(crate) const OWN: [(&str, &str); 4] = [
    ("ratelimit", r#""own";r=7;t=8"#),
    ("ratelimit-policy", r#""own";q=9;w=10"#),
    ("x-ratelimit-limit", "11"),
    ("tidegate-mode", "own"),
];

/// The mark on a response with that decision in its extensions.
pub(crate) fn mark_of(decision: Option<&Decision>) -> String {
    decision.map_or("yes".to_owned(), |decision| told([decision]))
}

/// Whose scripts the CORS layer lets in.
pub(crate) const ORIGIN: &str = "https://example.org";
/// The answer to the key of every handshake in these tests, which is the example of RFC 6455, section 1.3.
pub(crate) const WEBSOCKET_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Panics without printing anything.
pub(crate) fn panic() -> &'static str {
    std::panic::resume_unwind(Box::new("told to panic"))
}
