//! The trait that a store implements.

use async_trait::async_trait;
use tidegate_core::Decision;

use crate::{Capabilities, Request, StoreError};

/// Holds counts, and decides requests on them.
///
/// The contract, which the conformance suite checks:
///
/// - a decision is atomic: no two requests are admitted on the same remaining unit (G1);
/// - several policies are charged all or none; a denied request changes no count (G8);
/// - subjects and policies are told apart by all their bytes (G9); the limit is not part of a policy's identity,
///   so that it can change without losing counts;
/// - time is the store's own: no caller says what time it is;
/// - dropping a call's future counts the request at most once and leaks nothing (L6);
/// - errors say what failed ([`StoreError`]); nothing panics.
///
/// No method has a default, so that none is forgotten; but for [`try_acquire_into`](Self::try_acquire_into), which
/// is [`try_acquire`](Self::try_acquire) for those who count nanoseconds.
#[async_trait]
pub trait Store: Send + Sync {
    /// What this store can do. Constant over its life.
    fn capabilities(&self) -> Capabilities;

    /// Decides the request now, if that can be done without waiting: `None` if it cannot, and nothing was
    /// counted.
    fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>>;

    /// As [`try_acquire`](Self::try_acquire), with the decision put into `slot`, which is empty and stays so if there is
    /// none. A decision has some hundred bytes: a store that decides in tens of nanoseconds would spend a third
    /// of them on moving it. No other store need implement this.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    fn try_acquire_into(
        &self,
        request: &Request<'_>,
        slot: &mut Option<Decision>,
    ) -> Result<(), StoreError> {
        *slot = self.try_acquire(request).transpose()?;
        Ok(())
    }

    /// Decides the request, and charges it to all its policies if all admit it.
    async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError>;

    /// What [`acquire`](Self::acquire) would answer now, charging nothing.
    async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError>;

    /// Gives back what `decision`, this store's answer to the same request, charged: into the windows that it
    /// was charged to, and no later ones. The caller does so at most once per decision.
    async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError>;

    /// Forgets what the request's subject has used under its policies.
    async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: Store + ?Sized> Store for $pointer {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn try_acquire(&self, request: &Request<'_>) -> Option<Result<Decision, StoreError>> {
                (**self).try_acquire(request)
            }

            fn try_acquire_into(
                &self,
                request: &Request<'_>,
                slot: &mut Option<Decision>,
            ) -> Result<(), StoreError> {
                (**self).try_acquire_into(request, slot)
            }

            async fn acquire(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
                (**self).acquire(request).await
            }

            async fn peek(&self, request: &Request<'_>) -> Result<Decision, StoreError> {
                (**self).peek(request).await
            }

            async fn refund(&self, request: &Request<'_>, decision: &Decision) -> Result<(), StoreError> {
                (**self).refund(request, decision).await
            }

            async fn reset(&self, request: &Request<'_>) -> Result<(), StoreError> {
                (**self).reset(request).await
            }
        }
    )*};
}

forward!(Box<S>, std::sync::Arc<S>);
