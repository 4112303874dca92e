//! Panics of a shared store, turned into errors: a call that never ended would hold its subjects for ever.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tidegate_store::{ErrorKind, StoreError};

/// The call's answer; an error if it panics, be it before it has returned a future: a store need not be written with
/// async-trait. What the store was working on is its own affair.
pub(crate) async fn caught<T, F>(call: impl FnOnce() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let call = async { call().await };
    let answer = AssertUnwindSafe(call).catch_unwind().await;
    answer.unwrap_or_else(|_| {
        Err(StoreError::new(
            ErrorKind::Internal,
            "the shared store panicked",
        ))
    })
}
