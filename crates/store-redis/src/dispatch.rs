//! Lets concurrent decisions share calls: what waits while a call is under way goes out together with the next.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use redis::Value;
use smallvec::SmallVec;
use tidegate_core::{Decision, Rule};
use tidegate_store::ErrorKind;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::codec::{Batch, Request};
use crate::failure::Failure;
use crate::key::Keys;
use crate::permits::Permits;
use crate::script::{Call, Name, Scripts};
use crate::server::Server;
use crate::tally::Tally;

/// The most records in one call. More would keep the server from others for too long.
const MOST_KEYS: usize = 256;
/// The most requests that go out together.
const MOST_REQUESTS: usize = 512;
/// How often requests may be under way at a time.
const MOST_FLIGHTS: usize = 32;
/// So many requests, for each call under way, make up for what one more call costs the server.
const WORTH_A_CALL: usize = 16;
/// How long fewer requests than that wait for others while calls are under way.
const PATIENCE: Duration = Duration::from_millis(1);

/// One waiting request.
pub(crate) struct Waiting {
    pub(crate) keys: Keys,
    /// The slot that all its records are in; 0 where there are no slots.
    pub(crate) slot: u16,
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
    route: Route,
    context: Arc<Context>,
    permits: Permits,
}

/// How calls reach the server.
#[derive(Clone)]
struct Route {
    server: Arc<Server>,
    /// The cluster that it is a member of: calls follow their slots there, and have the keys of one slot each.
    cluster: Option<Weak<Cluster>>,
}

impl Route {
    async fn run(&self, mut call: Call, slot: u16, deadline: Instant) -> Result<Value, Failure> {
        match &self.cluster {
            None => self.server.run(&call, deadline).await,
            Some(cluster) => match cluster.upgrade() {
                Some(cluster) => cluster.run(&mut call, slot, deadline).await,
                None => Err(dropped()),
            },
        }
    }
}

/// What is the same for all servers of a store.
pub(crate) struct Context {
    pub(crate) scripts: Arc<Scripts>,
    pub(crate) deadline: Duration,
    pub(crate) max_in_flight: usize,
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
            permits: Permits::new(context.max_in_flight),
            queue: Arc::default(),
            route: Route {
                server,
                cluster: None,
            },
            context,
        }
    }

    /// In front of a member of a cluster.
    pub(crate) fn of_member(
        server: Arc<Server>,
        context: Arc<Context>,
        cluster: Weak<Cluster>,
    ) -> Self {
        let mut dispatch = Self::new(server, context);
        dispatch.route.cluster = Some(cluster);
        dispatch
    }

    pub(crate) const fn server(&self) -> &Arc<Server> {
        &self.route.server
    }

    /// What bounds how many calls are under way to it.
    pub(crate) const fn permits(&self) -> &Permits {
        &self.permits
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
        let (route, context) = (self.route.clone(), Arc::clone(&self.context));
        tokio::spawn(async move { attendance.0.empty(route, context).await });
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
    async fn empty(&self, route: Route, context: Arc<Context>) {
        let worth_a_call = match route.cluster {
            None => WORTH_A_CALL,
            // Requests for different slots cannot share a call.
            Some(_) => 0,
        };
        let mut under_way = FuturesUnordered::new();
        let mut impatient = false;
        while !self.closed.load(Ordering::Acquire) {
            while under_way.len() < MOST_FLIGHTS {
                let wanted = match under_way.len() {
                    _ if impatient => 1,
                    flights => (flights * worth_a_call).max(1),
                };
                let Some(requests) = self.take(wanted) else {
                    break;
                };
                under_way.push(fly(requests, &route, &context));
            }
            let idle = under_way.is_empty();
            impatient = tokio::select! {
                Some(()) = under_way.next(), if !idle => false,
                () = self.wake.notified(), if under_way.len() < MOST_FLIGHTS => false,
                () = tokio::time::sleep(PATIENCE), if !idle => true,
            };
        }
    }

    /// The requests that go out next, if as many wait as are wanted: those that are still waited for.
    fn take(&self, wanted: usize) -> Option<Vec<Waiting>> {
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
        let count = waiting.len().min(MOST_REQUESTS);
        let rest = waiting.split_off(count);
        Some(std::mem::replace(&mut *waiting, rest))
    }
}

/// Makes as few calls of requests as can be, all at the same time.
async fn fly(mut requests: Vec<Waiting>, route: &Route, context: &Context) {
    if route.cluster.is_some() {
        requests.sort_by_key(|request| request.slot);
    }
    let mut calls = SmallVec::<[_; 2]>::new();
    while let Some(first) = requests.first() {
        let slot = first.slot;
        let alike = requests.partition_point(|request| request.slot == slot);
        let batch = Batch::of(&requests[..alike], MOST_KEYS);
        let rest = requests.split_off(batch.len());
        calls.push(send(
            batch,
            std::mem::replace(&mut requests, rest),
            slot,
            route,
            context,
        ));
    }
    join_all(calls).await;
}

/// Makes one call of a batch, and answers its requests.
async fn send(batch: Batch, requests: Vec<Waiting>, slot: u16, route: &Route, context: &Context) {
    let call = {
        let keys = batch.keys(&requests);
        context
            .scripts
            .call(Name::Acquire, batch.shape(), keys, &[batch.arguments()])
    };
    let deadline = Instant::now() + context.deadline;
    let decided = match route.run(call, slot, deadline).await {
        Ok(value) => batch.decide(&requests, &value).ok_or_else(|| {
            Failure::nonsense(
                route.server.name(),
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
