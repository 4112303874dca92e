//! The store under a tiered one: nodes' reports, and who the nodes are.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use tidegate_core::shared::{NodeId, Reply};
use tidegate_store::{Registry, SharedStore, StoreError, SyncRequest};
use tokio::time::Instant;

use crate::codec::{self, Chunk, Replies, SyncSubject};
use crate::failure::Failure;
use crate::key::Names;
use crate::script::{MOST_RULES, Name, Shape};
use crate::store::{RedisStore, too_many_rules};

/// The most records in one call.
const MOST_KEYS: usize = 256;
/// The most calls of one batch at a time.
const MOST_CALLS: usize = 64;
/// A node is forgotten if nothing is heard of it for this long. Nodes speak about once a second.
const PATIENCE: Duration = Duration::from_secs(4);

type Answer = Result<Vec<Reply>, StoreError>;

impl RedisStore {
    /// One call.
    async fn sync_chunk(
        &self,
        chunk: &Chunk,
        subjects: &[SyncSubject<'_>],
    ) -> Result<Replies, Failure> {
        let arguments = chunk.arguments(subjects);
        let value = self
            .run(
                Name::Sync,
                chunk.shape(),
                chunk.keys(subjects),
                &[&arguments],
            )
            .await?;
        let replies = chunk.decode(subjects, &value);
        replies.ok_or_else(|| Failure::nonsense(self.fleet.name(), "not an answer to a report"))
    }

    /// Calls at the same time, whose answers are put where they belong.
    async fn sync_chunks(
        &self,
        chunks: &[Chunk],
        subjects: &[SyncSubject<'_>],
        answers: &mut [Option<Answer>],
    ) {
        let calls = chunks.iter().map(|chunk| self.sync_chunk(chunk, subjects));
        let calls: Vec<_> = calls.collect();
        let results: Vec<_> = stream::iter(calls).buffered(MOST_CALLS).collect().await;
        for (chunk, result) in chunks.iter().zip(results) {
            match result {
                Ok(replies) => {
                    self.context.tally.repaired(replies.repaired);
                    for (index, reply) in replies.replies {
                        answers[index] = Some(Ok(reply));
                    }
                }
                Err(failure) => {
                    for index in chunk.indices() {
                        answers[index] = Some(Err(failure.clone().into()));
                    }
                }
            }
        }
    }
}

#[async_trait]
impl SharedStore for RedisStore {
    async fn sync(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Answer>, StoreError> {
        let subjects: Vec<SyncSubject<'_>> = batch
            .iter()
            .map(|request| subject(request, &self.names))
            .collect();
        let mut answers: Vec<Option<Answer>> = batch.iter().map(|_| None).collect();
        let mut left: Vec<usize> = Vec::with_capacity(batch.len());
        for (index, subject) in subjects.iter().enumerate() {
            match subject.rules.len() {
                0 => answers[index] = Some(Ok(Vec::new())),
                rules if rules > MOST_RULES => {
                    answers[index] = Some(Err(too_many_rules(rules).into()));
                }
                _ => left.push(index),
            }
        }
        // A subject that comes more than once is told of in one round after the other.
        while !left.is_empty() {
            let (chunks, later) = divide(node, &subjects, &left, |key| self.fleet.slot_of(key));
            self.sync_chunks(&chunks, &subjects, &mut answers).await;
            left = later;
        }
        let missing = || Err(Failure::nonsense(self.fleet.name(), "no answer to a report").into());
        Ok(answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(missing))
            .collect())
    }

    async fn register(&self, node: NodeId) -> Result<Registry, StoreError> {
        let sent = Instant::now();
        let waited_until = self.server_time.waited_until(self.context.deadline);
        let (node, generation) = (node.to_string(), format!("{:016x}", fastrand::u64(..)));
        let [patience, waited_until] = [
            PATIENCE.as_micros().to_string(),
            waited_until.map_or_else(String::new, |at| at.as_micros().to_string()),
        ];
        let args = [&node, &patience, &generation, &waited_until].map(String::as_bytes);
        let keys = [self.nodes_key.as_slice(), self.generation_key.as_slice()];
        let value = self
            .run(Name::Register, Shape::NONE, keys.to_vec(), &args)
            .await?;
        let Some(registry) = codec::registry(&value) else {
            return Err(Failure::nonsense(self.fleet.name(), "not who its nodes are").into());
        };
        self.server_time.told(sent, registry.now);
        Ok(registry)
    }

    async fn deregister(&self, node: NodeId) -> Result<(), StoreError> {
        let node = node.to_string();
        self.run(
            Name::Deregister,
            Shape::NONE,
            vec![self.nodes_key.as_slice()],
            &[node.as_bytes()],
        )
        .await?;
        Ok(())
    }
}

fn subject<'a>(request: &SyncRequest<'a>, names: &Names) -> SyncSubject<'a> {
    let rules = request.reports.iter().map(|(rule, _)| rule);
    SyncSubject {
        keys: names.records(request.subject, rules.clone()),
        rules: rules.copied().collect(),
        reports: request.reports.iter().map(|(_, report)| report).collect(),
        want: request.want,
    }
}

/// The chunks in which subjects are told of, each but once, and each chunk within one slot; and those that come again.
fn divide(
    node: NodeId,
    subjects: &[SyncSubject<'_>],
    left: &[usize],
    slot_of: impl Fn(&[u8]) -> u16,
) -> (Vec<Chunk>, Vec<usize>) {
    let mut chunks: Vec<Chunk> = Vec::new();
    // Where the last chunk of a kind is, and how many records it has.
    let mut open: HashMap<(u16, Shape), (usize, usize)> = HashMap::new();
    let (mut seen, mut later) = (HashSet::with_capacity(left.len()), Vec::new());
    for index in left {
        let subject = &subjects[*index];
        if !seen.insert(subject.keys.subject()) {
            later.push(*index);
            continue;
        }
        let shape = Shape::of(&subject.rules);
        let (place, records) = open
            .entry((slot_of(subject.keys.subject()), shape))
            .or_insert((usize::MAX, MOST_KEYS));
        if *records + subject.keys.len() > MOST_KEYS {
            (*place, *records) = (chunks.len(), 0);
            chunks.push(Chunk::new(node, shape));
        }
        *records += subject.keys.len();
        chunks[*place].add(subjects, *index);
    }
    (chunks, later)
}
