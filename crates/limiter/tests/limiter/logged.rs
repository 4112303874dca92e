//! What is logged: outages once when they begin and once when they end; the rest by the tracing observer.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_limiter::{ErrorKind, Fallback, TracingObserver};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_default;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{Mode, Unreliable, admitted, builder, limiter, policy};

/// Keeps what is logged in this crate, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
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

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_logged_once_when_it_begins_and_once_when_it_ends() {
    let (store, log) = (Unreliable::remote(), Log::default());
    let _guard = set_default(log.clone());
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
    let _guard = set_default(log.clone());
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
