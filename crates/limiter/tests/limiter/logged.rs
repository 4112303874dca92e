//! What is logged: outages once when they begin and once when they end; the rest by the tracing observer.

use std::fmt::{Debug, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tidegate_limiter::{ErrorKind, Fallback, TracingObserver};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::support::{Mode, Unreliable, admitted, builder, limiter, policy};

/// Keeps what is logged in this crate, a line each, and its spans with all that is recorded of them.
#[derive(Clone, Default)]
struct Log {
    events: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<String>>>,
}

impl Log {
    /// Sees what happens on this thread from now on.
    ///
    /// Where a process has but one subscriber, tracing asks that of the thread which comes to a place first whether
    /// anybody cares for it, and keeps the answer for all threads. So there are two more here.
    fn watch(&self) -> DefaultGuard {
        static OTHERS: LazyLock<[Dispatch; 2]> =
            LazyLock::new(|| [Log::default(), Log::default()].map(Dispatch::new));
        LazyLock::force(&OTHERS);
        set_default(self.clone())
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.0, " {value:?}").unwrap(),
            "took" => {}
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tidegate_limiter")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let metadata = span.metadata();
        let mut line = Line(format!("{} {}", metadata.level(), metadata.name()));
        span.record(&mut line);
        let mut spans = self.spans.lock().unwrap();
        spans.push(line.0);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let at = usize::try_from(span.into_u64()).unwrap() - 1;
        let mut spans = self.spans.lock().unwrap();
        let mut line = Line(std::mem::take(&mut spans[at]));
        values.record(&mut line);
        spans[at] = line.0;
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.events.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_logged_once_when_it_begins_and_once_when_it_ends() {
    let (store, log) = (Unreliable::remote(), Log::default());
    let _guard = log.watch();
    let limiter = limiter(&store, policy(100).outage(Fallback::Open));
    store.set(Mode::Fails(ErrorKind::Refused));
    assert_eq!(admitted(&limiter, "alice", 50).await, 50);
    store.set(Mode::Works);
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(admitted(&limiter, "alice", 50).await, 50);
    let logged = log.take();
    assert_eq!(
        logged,
        [
            "WARN the store does not answer: the policies' outage settings decide \
             error=refused: told to fail",
            "INFO the store answers again lasted=9s",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_tracing_observer_logs_decisions_and_never_the_subject() {
    let (store, log) = (Unreliable::remote(), Log::default());
    let _guard = log.watch();
    let limiter = builder(&store)
        .policy(policy(1))
        .observer(TracingObserver)
        .build()
        .unwrap();
    assert_eq!(admitted(&limiter, "alice", 2).await, 1);
    store.set(Mode::Fails(ErrorKind::Unavailable));
    let _ = limiter.peek("alice").await;
    let logged = log.take();
    assert_eq!(
        logged[0],
        format!("{} allowed mode=\"store\"", Level::TRACE)
    );
    assert!(logged[1].starts_with("DEBUG denied mode=\"store\" policies=[\"p\"] retry_after="));
    assert!(
        logged[2].contains("the store failed operation=\"peek\""),
        "{}",
        logged[2]
    );
    assert!(!logged.iter().any(|line| line.contains("alice")));
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_is_awaited_is_a_span_around_that_of_the_store() {
    let (store, log) = (Unreliable::remote(), Log::default());
    let _guard = log.watch();
    let limiter = limiter(&store, policy(1).outage(Fallback::Closed));
    let _ = limiter.check_with_cost("alice", 1).await;
    let _ = limiter.check_with_cost("alice", 3).await;
    store.set(Mode::Hangs);
    let _ = limiter.check("alice").await;
    let decided = |cost, allowed, mode| {
        [
            format!("DEBUG decide cost={cost} allowed={allowed} mode=\"{mode}\""),
            "DEBUG store operation=\"acquire\"".to_owned(),
        ]
    };
    let expected = [
        decided(1, true, "store"),
        decided(3, false, "store"),
        decided(1, false, "closed"),
    ];
    assert_eq!(*log.spans.lock().unwrap(), expected.concat());
}

#[test]
fn a_decision_that_is_made_at_once_is_no_span() {
    let log = Log::default();
    let _guard = log.watch();
    let limiter = limiter(&Unreliable::immediate(), policy(1));
    assert!(limiter.try_check("alice").unwrap().is_allowed());
    assert!(log.spans.lock().unwrap().is_empty());
}
