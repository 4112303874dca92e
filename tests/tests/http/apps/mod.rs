//! The same app in both frameworks: `/` answers `ok`, `/items/{id}` and `/nested/items/{id}` too, `/fail` is a 401, `/decision` tells what
//! the limiter decided; anything else is a 404.

pub(crate) mod actix;
pub(crate) mod axum;

use tidegate_limiter::Decision;

pub(crate) fn told(decision: Option<&Decision>) -> String {
    match decision.and_then(|decision| decision.statuses().first()) {
        Some(status) => format!("{} has {} left", status.name(), status.remaining()),
        None => "not limited".to_owned(),
    }
}
