//! The trait of stores that several nodes share.

use async_trait::async_trait;
use tidegate_core::shared::{NodeId, Reply, Report};
use tidegate_core::{Rule, Subject, Timestamp};

use crate::{Store, StoreError};

/// What one node tells of one subject, and what it wants for it.
#[derive(Clone, Copy, Debug)]
pub struct SyncRequest<'a> {
    /// Who is limited.
    pub subject: Subject<'a>,
    /// Under which policies, and what the node has used under each. No policy appears twice.
    pub reports: &'a [(Rule, Report)],
    /// How much the node wants to be granted under all of them; 0 only reports.
    pub want: u64,
}

/// The nodes that share a store, as the store knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registry {
    /// How many nodes have been heard of lately, this one included (unless it was taken for one that has given its call up).
    pub nodes: u32,
    /// The store's time.
    pub now: Timestamp,
    /// Which generation of data the store holds: at random, kept with the data and lost with it, so that another one than
    /// before says that the data was lost. Nodes then tell every count again, also those that they have nothing to add to
    /// (G6). `None`: the store does not say; then a count that it lost comes back with the node's next request for it.
    pub generation: Option<u64>,
}

/// A store that nodes share: it merges what they report, grants what they want, and knows who they are.
///
/// The contract, in addition to [`Store`]'s: [`sync`](Self::sync) does for every subject what
/// [`tidegate_core::shared::sync`] specifies, atomically. What `acquire` takes directly and what nodes report are
/// one count. [`reset`](Store::reset) forgets what was used, but not how much of it which node reported: otherwise the
/// nodes' next reports, whose totals go on, would undo it.
#[async_trait]
pub trait SharedStore: Store {
    /// Merges each subject's reports and grants what is wanted. One answer per subject, in order, each with one
    /// reply per policy, in order; one subject's failure does not touch the others.
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError>;

    /// Says that the node is alive, and how many are. A node that has not done so for a few seconds is no longer
    /// counted. Four are reckoned with: a store that remembers longer lets nodes that come back from a short outage leave
    /// their shares before the others are back (G4).
    ///
    /// A call that was given up had better not count later, when a store that hung carries it out: it would say of a node that it
    /// is back which is not.
    async fn register(&self, node: NodeId) -> Result<Registry, StoreError>;

    /// Says that the node stops.
    async fn deregister(&self, node: NodeId) -> Result<(), StoreError>;
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<S: SharedStore + ?Sized> SharedStore for $pointer {
            async fn sync(
                &self,
                node: NodeId,
                batch: &[SyncRequest<'_>],
            ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
                (**self).sync(node, batch).await
            }

            async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
                (**self).register(node).await
            }

            async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
                (**self).deregister(node).await
            }
        }
    )*};
}

forward!(Box<S>, std::sync::Arc<S>);
