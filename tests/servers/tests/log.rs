//! What the log shows of a server that refuses its client: one loud line, and never the password.
//!
//! The log is the process's, so this is a program of its own with one test.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{ALGORITHMS, LONG, at_once, rule, until_answered, until_open};
use tidegate_store::Request;
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::wait::PATIENCE;
use tidegate_test_servers::{Options, Server, Stats};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps every line, with its level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Log {
    fn lines(&self, level: Level) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let of_level = lines.iter().filter(|(of, _)| *of == level);
        of_level.map(|(_, line)| line.clone()).collect()
    }

    fn text(&self) -> String {
        format!("{:?}", self.0.lock().unwrap())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tidegate")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let level = *event.metadata().level();
        self.0.lock().unwrap().push((level, line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_logged_once_and_never_shown() {
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let server = Options::new()
        .user("on", "app", "right", "~tg1:* +@all")
        .start()
        .unwrap();
    let store = RedisStore::connect(&server.url_as("app", "sesame")).unwrap();
    let rules = [rule(10, LONG, ALGORITHMS[0])];
    let request = Request::new("alice", &rules);
    until_open(&store, &request).await;
    let before = server.admin().stats().unwrap();
    // Until a probe has been refused too, and some time after that.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) || probes(&server, &before) == 0 {
        assert!(at_once(&store, &request).is_some());
        assert!(began.elapsed() < PATIENCE, "no probe");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let loud = log.lines(Level::ERROR);
    assert_eq!(loud.len(), 1, "{loud:?}");
    assert!(
        loud[0].contains(&server.port().to_string()),
        "no endpoint in {loud:?}"
    );

    server
        .admin()
        .run::<()>(&["ACL", "SETUSER", "app", ">sesame"])
        .unwrap();
    until_answered(&store, &request).await;
    assert_eq!(log.lines(Level::ERROR).len(), 1);
    assert_eq!(
        log.lines(Level::INFO).len(),
        1,
        "that it works again is worth a line"
    );
    assert!(!log.text().contains("sesame"), "{}", log.text());
}

/// How often a client tried to log in.
fn probes(server: &Server, before: &Stats) -> u64 {
    server.admin().stats().unwrap().since(before).connections
}
