//! A shared store without I/O and without memory: it answers each report as if it had never heard of the subject.

use std::time::SystemTime;

use async_trait::async_trait;
use tidegate_core::shared::{NodeId, Record, Reply, Report, sync};
use tidegate_core::{Decision, Rule, Timestamp};
use tidegate_store::{
    Capabilities, ErrorKind, Registry, Request, SharedStore, Store, StoreError, SyncRequest,
};

/// See the module.
pub struct Forgetful;

impl Forgetful {
    fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Timestamp::EPOCH + since.unwrap_or_default()
    }
}

#[async_trait]
impl SharedStore for Forgetful {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        let now = Self::now();
        let replies = batch.iter().map(|request| {
            let (rules, reports): (Vec<Rule>, Vec<Report>) =
                request.reports.iter().copied().unzip();
            let mut records = vec![Record::default(); rules.len()];
            Ok(sync(
                &mut records,
                &rules,
                &reports,
                node,
                request.want,
                now,
            ))
        });
        Ok(replies.collect())
    }

    async fn register(&self, _: NodeId) -> Result<Registry, StoreError> {
        Ok(Registry {
            nodes: 1,
            now: Self::now(),
            generation: None,
        })
    }

    async fn deregister(&self, _: NodeId) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Nobody asks it for decisions.
fn not_asked<T>() -> Result<T, StoreError> {
    Err(StoreError::new(ErrorKind::Internal, "it only merges"))
}

#[async_trait]
impl Store for Forgetful {
    fn capabilities(&self) -> Capabilities {
        Capabilities::EXACT
    }

    fn try_acquire(&self, _: &Request<'_>) -> Option<Result<Decision, StoreError>> {
        None
    }

    async fn acquire(&self, _: &Request<'_>) -> Result<Decision, StoreError> {
        not_asked()
    }

    async fn peek(&self, _: &Request<'_>) -> Result<Decision, StoreError> {
        not_asked()
    }

    async fn refund(&self, _: &Request<'_>, _: &Decision) -> Result<(), StoreError> {
        not_asked()
    }

    async fn reset(&self, _: &Request<'_>) -> Result<(), StoreError> {
        not_asked()
    }
}
