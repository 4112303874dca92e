//! Lets concurrent decisions share calls: what waits while a call is under way goes out together with the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tidegate_core::{Decision, Rule};
use tidegate_store::ErrorKind;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::codec::{Batch, Request};
use crate::failure::Failure;
use crate::key::Keys;
use crate::script::{Name, Scripts};
use crate::server::Server;
use crate::tally::Tally;

/// The most records in one call. More would keep the server from others for too long.
const MOST_KEYS: usize = 256;
/// The most calls under way at a time.
const MOST_CALLS: usize = 32;
/// So many requests, for each call under way, make up for what one more call costs the server.
const WORTH_A_CALL: usize = 16;
/// How long fewer requests than that wait for others while calls are under way.
const PATIENCE: Duration = Duration::from_millis(1);

/// One waiting request.
pub(crate) struct Waiting {
    pub(crate) keys: Keys,
    pub(crate) rules: SmallVec<[Rule; 2]>,
    pub(crate) cost: u64,
    pub(crate) looks: bool,
    pub(crate) answer: oneshot::Sender<Result<Decision, Failure>>,
    pub(crate) permit: OwnedSemaphorePermit,
}

impl Waiting {
    /// Gives the place back, then the answer: whoever has it may ask again at once. Whoever gave up waiting does not
    /// need it.
    fn answer(self, answer: Result<Decision, Failure>) {
        drop(self.permit);
        let _ = self.answer.send(answer);
    }
}

impl Request for Waiting {
    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn rules(&self) -> &[Rule] {
        &self.rules
    }

    fn cost(&self) -> u64 {
        self.cost
    }

    fn looks(&self) -> bool {
        self.looks
    }
}

/// The queue in front of one server, and the task that empties it.
pub(crate) struct Dispatch {
    queue: Arc<Queue>,
    server: Arc<Server>,
    context: Arc<Context>,
}

/// What is the same for all servers of a store.
pub(crate) struct Context {
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) deadline: Duration,
    pub(crate) tally: Tally,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    wake: Notify,
    /// How many must wait before the task is to be woken.
    wanted: AtomicUsize,
    /// Whether a task empties the queue.
    attended: AtomicBool,
    closed: AtomicBool,
}

impl Dispatch {
    pub(crate) fn new(server: Arc<Server>, context: Arc<Context>) -> Self {
        Self {
            queue: Arc::default(),
            server,
            context,
        }
    }

    pub(crate) const fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Queues a request. It is answered through its channel.
    pub(crate) fn push(&self, waiting: Waiting) {
        let count = {
            let mut queue = self.queue.waiting.lock();
            queue.push(waiting);
            queue.len()
        };
        if !self.queue.attended.swap(true, Ordering::AcqRel) {
            self.attend();
        } else if count >= self.queue.wanted.load(Ordering::Acquire) {
            self.queue.wake.notify_one();
        }
    }

    /// Starts the task. It is started again if its runtime stopped.
    fn attend(&self) {
        let attendance = Attendance(Arc::clone(&self.queue));
        let (server, context) = (Arc::clone(&self.server), Arc::clone(&self.context));
        tokio::spawn(async move { attendance.0.empty(server, context).await });
    }
}

impl Drop for Dispatch {
    fn drop(&mut self) {
        self.queue.closed.store(true, Ordering::Release);
        self.queue.wake.notify_one();
    }
}

/// While it exists, the queue is attended.
struct Attendance(Arc<Queue>);

impl Drop for Attendance {
    fn drop(&mut self) {
        self.0.attended.store(false, Ordering::Release);
        // Nobody would answer them.
        self.0.waiting.lock().clear();
    }
}

impl Queue {
    async fn empty(&self, server: Arc<Server>, context: Arc<Context>) {
        let mut under_way = FuturesUnordered::new();
        let mut impatient = false;
        while !self.closed.load(Ordering::Acquire) {
            while under_way.len() < MOST_CALLS {
                let wanted = match under_way.len() {
                    _ if impatient => 1,
                    0 => 1,
                    calls => calls * WORTH_A_CALL,
                };
                let Some((batch, requests)) = self.take(wanted) else {
                    break;
                };
                under_way.push(send(batch, requests, &server, &context));
            }
            let idle = under_way.is_empty();
            impatient = tokio::select! {
                Some(()) = under_way.next(), if !idle => false,
                () = self.wake.notified(), if under_way.len() < MOST_CALLS => false,
                () = tokio::time::sleep(PATIENCE), if !idle => true,
            };
        }
    }

    /// The requests that go out next, if as many wait as are wanted: those still waited for that fit into one call.
    fn take(&self, wanted: usize) -> Option<(Batch, Vec<Waiting>)> {
        let mut waiting = self.waiting.lock();
        // Under the lock, so that whoever comes next sees it.
        self.wanted.store(wanted, Ordering::Release);
        if waiting.len() < wanted {
            return None;
        }
        waiting.retain(|request| !request.answer.is_closed());
        if waiting.is_empty() {
            return None;
        }
        let batch = Batch::of(&waiting, MOST_KEYS);
        let rest = waiting.split_off(batch.len());
        Some((batch, std::mem::replace(&mut *waiting, rest)))
    }
}

/// Makes one call of a batch, and answers its requests.
async fn send(batch: Batch, requests: Vec<Waiting>, server: &Arc<Server>, context: &Context) {
    let call = {
        let keys = batch.keys(&requests);
        context
            .scripts
            .call(Name::Acquire, batch.shape(), keys, &[batch.arguments()])
    };
    let deadline = Instant::now() + context.deadline;
    let decided = match server.run(&call, deadline).await {
        Ok(value) => batch.decide(&requests, &value).ok_or_else(|| {
            Failure::nonsense(
                server.name(),
                "decisions that tidegate's own arithmetic does not come to",
            )
        }),
        Err(failure) => Err(failure),
    };
    match decided {
        Ok(decided) => {
            context.tally.repaired(decided.repaired);
            let mut requests: Vec<_> = requests.into_iter().map(Some).collect();
            for (index, decision) in decided.decisions {
                if let Some(request) = requests[index].take() {
                    request.answer(Ok(decision));
                }
            }
        }
        Err(failure) => {
            for request in requests {
                request.answer(Err(failure.clone()));
            }
        }
    }
}

/// What a caller is told whose request was dropped with the queue.
pub(crate) fn dropped() -> Failure {
    Failure::local(
        ErrorKind::Unavailable,
        "the task that speaks to redis has ended: its runtime stopped, or the store was dropped",
    )
}
