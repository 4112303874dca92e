//! L4: whatever is found in the server under a record's key, the subject is not locked out, and nobody else
//! notices.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod common;

use std::time::Duration;

use common::{ALGORITHMS, UNHURRIED, is_open, rule};
use tidegate_core::{Algorithm, Rule};
use tidegate_store::{ErrorKind, Request, Store};
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::Server;

/// Short enough to wait for.
const WINDOW: Duration = Duration::from_millis(400);

/// A server and a store, with one subject that has used up its limit of 5.
struct Bench {
    server: Server,
    store: RedisStore,
    rules: [Rule; 1],
    key: Vec<u8>,
}

impl Bench {
    async fn new(algorithm: Algorithm) -> Self {
        let server = Server::start().unwrap();
        let store = RedisStore::builder(&server.url())
            .deadline(UNHURRIED)
            .build()
            .unwrap();
        let rules = [rule(5, WINDOW, algorithm)];
        let request = Request::new("alice", &rules).with_cost(5);
        let _ = store.acquire(&request).await.unwrap();
        let keys = server.admin().keys().unwrap();
        let [key] = keys.try_into().unwrap();
        Self {
            server,
            store,
            rules,
            key,
        }
    }

    fn alice(&self) -> Request<'_> {
        Request::new("alice", &self.rules)
    }

    /// Runs a command on the record's key.
    fn command(&self, name: &str, arguments: &[&[u8]]) {
        let mut command = redis::cmd(name);
        command.arg(&self.key);
        for argument in arguments {
            command.arg(*argument);
        }
        self.server
            .admin()
            .run_command::<redis::Value>(&command)
            .unwrap();
    }

    fn expires_in(&self) -> i64 {
        self.server
            .admin()
            .run_command(redis::cmd("PTTL").arg(&self.key))
            .unwrap()
    }

    /// A subject that is idle for W is admitted again, and all the time nobody else notices.
    async fn recovers(&self, what: &str) {
        // The subject's own call may be answered, or its record called corrupt; nothing else.
        if let Err(error) = self.store.acquire(&self.alice()).await {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
        }
        let bob = Request::new("bob", &self.rules);
        let _ = self
            .store
            .acquire(&bob)
            .await
            .unwrap_or_else(|error| panic!("{what}: bob is told {error}"));
        assert!(
            !is_open(&self.store),
            "{what}: one subject's record opened the breaker"
        );
        // In a sliding window what was used counts for as long again.
        tokio::time::sleep(WINDOW * 2).await;
        let decision = self.store.acquire(&self.alice()).await;
        let decision =
            decision.unwrap_or_else(|error| panic!("{what}: two windows later: {error}"));
        assert!(
            decision.is_allowed(),
            "{what}: denied after two idle windows"
        );
        let remaining = decision.statuses()[0].remaining();
        assert!(remaining <= 5, "{what}: {remaining} of 5 remain");
        let expires = self.expires_in();
        assert!(
            (1..=60_000).contains(&expires),
            "{what}: the repaired record expires in {expires} ms"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_key_of_another_type() {
    for algorithm in ALGORITHMS {
        let bench = Bench::new(algorithm).await;
        for (command, arguments) in [
            ("LPUSH", &[&b"x"[..]][..]),
            ("SADD", &[b"x"]),
            ("HSET", &[b"field", b"x"]),
            ("ZADD", &[b"1", b"x"]),
            ("XADD", &[b"*", b"field", b"x"]),
        ] {
            bench.command("DEL", &[]);
            bench.command(command, arguments);
            bench.recovers(&format!("{algorithm}, {command}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_value_that_is_no_record() {
    let long = vec![0xff; 100_000];
    let values: [&[u8]; 8] = [
        b"",
        b"0",
        b"5",
        b"-1",
        b"garbage that is longer than a record's head",
        &[0; 64],
        &[0xff; 64],
        &long,
    ];
    for algorithm in ALGORITHMS {
        let bench = Bench::new(algorithm).await;
        for value in values {
            bench.command("SET", &[value]);
            let shown = &value[..value.len().min(12)];
            bench
                .recovers(&format!("{algorithm}, {} bytes {shown:?}", value.len()))
                .await;
        }
    }
}

/// Every byte of a real record, changed: among the results are counters beyond everything and windows and times
/// of the far future.
#[tokio::test(flavor = "multi_thread")]
async fn l4_a_record_with_any_byte_changed() {
    for algorithm in ALGORITHMS {
        let bench = Bench::new(algorithm).await;
        let mut get = redis::cmd("GET");
        let record: Vec<u8> = bench
            .server
            .admin()
            .run_command(get.arg(&bench.key))
            .unwrap();
        for place in 0..record.len() {
            for byte in [0x00, 0x7f, 0xff] {
                let mut changed = record.clone();
                changed[place] = byte;
                bench.command("SET", &[&changed]);
                if let Err(error) = bench.store.acquire(&bench.alice()).await {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{algorithm}: {error}");
                }
                let decision = bench.store.peek(&bench.alice()).await.unwrap();
                let wait = decision.retry_after().unwrap_or_default();
                assert!(
                    wait <= WINDOW * 2,
                    "{algorithm}: byte {place} as {byte:#x} denies for {wait:?}"
                );
                assert!(decision.statuses()[0].remaining() <= 5);
            }
        }
        bench
            .recovers(&format!("{algorithm}, after all of them"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_a_record_without_expiry_or_with_one_that_is_too_late() {
    for algorithm in ALGORITHMS {
        let bench = Bench::new(algorithm).await;
        bench.command("PERSIST", &[]);
        assert_eq!(bench.expires_in(), -1);
        bench.recovers(&format!("{algorithm}, PERSIST")).await;
        // In the year 2090.
        bench.command("EXPIREAT", &[b"3786912000"]);
        bench.recovers(&format!("{algorithm}, EXPIREAT")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l4_an_idle_record_goes_away_by_itself() {
    for algorithm in ALGORITHMS {
        let bench = Bench::new(algorithm).await;
        let expires = u64::try_from(bench.expires_in()).unwrap();
        assert!(
            expires <= 60_000,
            "{algorithm}: a window of {WINDOW:?} is kept for {expires} ms"
        );
    }
}
