//! The store under a tiered one: nodes' reports, and who the nodes are.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tidegate_core::Rule;
use tidegate_core::shared::{NodeId, Reply};
use tidegate_store::{Registry, SharedStore, StoreError, SyncRequest};

use crate::codec::{self, Chunk, SyncSubject};
use crate::failure::Failure;
use crate::key::Keys;
use crate::script::Name;
use crate::store::RedisStore;

/// The most records in one call.
const MOST_KEYS: usize = 256;
/// A node is forgotten if nothing is heard of it for this long. Nodes speak about once a second.
const PATIENCE: Duration = Duration::from_secs(4);

impl RedisStore {
    /// One call: as many of the subjects as fit, from the first on. Returns how many that were.
    async fn sync_chunk(
        &self,
        node: NodeId,
        chunk: &Chunk,
        subjects: &[SyncSubject<'_>],
        keys: &[Keys],
    ) -> Result<Vec<Vec<Reply>>, Failure> {
        let keys: Vec<&[u8]> = keys[..chunk.taken].iter().flat_map(Keys::iter).collect();
        let _ = node;
        let value = self.run(Name::Sync, keys, &[&chunk.arguments]).await?;
        let Some((replies, repaired)) = chunk.decode(subjects, &value) else {
            return Err(Failure::nonsense(
                self.dispatch.server().name(),
                "not an answer to a report",
            ));
        };
        self.context.tally.repaired(repaired);
        Ok(replies)
    }
}

#[async_trait]
impl SharedStore for RedisStore {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Result<Vec<Reply>, StoreError>>, StoreError> {
        let subjects: Vec<SyncSubject<'_>> = batch.iter().map(subject).collect();
        let keys: Vec<Keys> = batch
            .iter()
            .zip(&subjects)
            .map(|(request, subject)| self.names.records(request.subject, &subject.rules))
            .collect();
        let mut chunks = Vec::new();
        let mut from = 0;
        while from < subjects.len() {
            let to = upto(&keys, from);
            let chunk = Chunk::of(node, &subjects[from..to]);
            let taken = chunk.taken.max(1);
            chunks.push((from, chunk));
            from += taken;
        }
        let calls = chunks
            .iter()
            .map(|(from, chunk)| self.sync_chunk(node, chunk, &subjects[*from..], &keys[*from..]));
        let results = join_all(calls).await;
        let mut answers = Vec::with_capacity(batch.len());
        for ((_, chunk), result) in chunks.iter().zip(results) {
            match result {
                Ok(replies) => answers.extend(replies.into_iter().map(Ok)),
                Err(failure) => {
                    answers
                        .extend((0..chunk.taken).map(|_| Err(StoreError::from(failure.clone()))));
                }
            }
        }
        Ok(answers)
    }

    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        let (node, patience) = (node.to_string(), PATIENCE.as_micros().to_string());
        let args = [node.as_bytes(), patience.as_bytes()];
        let value = self
            .run(Name::Register, [self.nodes_key.as_slice()], &args)
            .await?;
        let Some((now, nodes)) = codec::time_and_number(&value) else {
            return Err(
                Failure::nonsense(self.dispatch.server().name(), "not a number of nodes").into(),
            );
        };
        Ok(Registry {
            nodes: u32::try_from(nodes).unwrap_or(u32::MAX),
            now,
        })
    }

    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        let node = node.to_string();
        self.run(
            Name::Deregister,
            [self.nodes_key.as_slice()],
            &[node.as_bytes()],
        )
        .await?;
        Ok(())
    }
}

fn subject<'a>(request: &SyncRequest<'a>) -> SyncSubject<'a> {
    SyncSubject {
        rules: request
            .reports
            .iter()
            .map(|(rule, _)| *rule)
            .collect::<Vec<Rule>>(),
        reports: request.reports.iter().map(|(_, report)| report).collect(),
        want: request.want,
    }
}

/// Up to which subject, from one on, the records fit into one call.
fn upto(keys: &[Keys], from: usize) -> usize {
    let mut records = 0;
    let fits = |keys: &&Keys| {
        let first = records == 0;
        records += keys.len();
        first || records <= MOST_KEYS
    };
    from + keys[from..].iter().take_while(fits).count()
}
