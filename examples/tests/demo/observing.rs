//! What an operator sees: metrics and the log.

use std::collections::BTreeSet;
use std::io::{BufRead, Read};
use std::thread;
use std::time::{Duration, Instant};

use tidegate_metrics::{METRICS, ToldBy};
use tidegate_tests::Request;

use crate::support::{Demo, FRAMEWORKS, PATIENCE, line};

/// The names of the metrics that the demo shows after a request.
fn shown(demo: &Demo) -> BTreeSet<String> {
    let body = demo.get("/metrics").body;
    let types = body.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.map(|rest| rest.split(' ').next().unwrap().to_owned());
    names.collect()
}

#[test]
fn every_metric_of_the_catalogue_is_shown_by_the_demo_that_has_its_store() {
    let everywhere = [ToldBy::Observer, ToldBy::ObserverAndTiered];
    let redis = ["--redis", "redis://127.0.0.1:1"]; // nothing listens at port 1
    let stores: [(&str, &[ToldBy]); 3] = [
        ("memory", &[ToldBy::MemoryAndTiered]),
        (
            "redis",
            &[ToldBy::Redis, ToldBy::Measured, ToldBy::ObserverAndMeasured],
        ),
        (
            "tiered",
            &[
                ToldBy::Redis,
                ToldBy::Measured,
                ToldBy::ObserverAndMeasured,
                ToldBy::Tiered,
                ToldBy::MemoryAndTiered,
            ],
        ),
    ];
    for framework in FRAMEWORKS {
        for (store, told_by) in stores {
            let demo = Demo::start(framework, &[&["--store", store], &redis[..]].concat());
            demo.get("/");
            let expected = METRICS
                .iter()
                .filter(|metric| {
                    everywhere
                        .iter()
                        .chain(told_by)
                        .any(|by| *by == metric.told_by)
                })
                .map(|metric| metric.name.to_owned());
            let expected: BTreeSet<String> = expected.collect();
            // A tiered store meets its store's refusal in the background.
            let give_up = Instant::now() + PATIENCE;
            while shown(&demo) != expected && Instant::now() < give_up {
                thread::sleep(Duration::from_millis(5));
            }
            assert_eq!(shown(&demo), expected, "{framework}, {store}");
        }
    }
}

#[test]
fn an_outage_is_logged_once_and_not_per_request() {
    for framework in FRAMEWORKS {
        let flags = ["--store", "redis", "--redis", "redis://127.0.0.1:1"];
        let mut demo = Demo::start(framework, &flags);
        assert_eq!(demo.statuses(&Request::get("/"), 20), [503; 20]);
        demo.program.kill().unwrap();
        let lines: Vec<String> = demo.errors.by_ref().lines().map(Result::unwrap).collect();
        let said = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!(said("the store does not answer"), 1, "{lines:?}");
        assert_eq!(said("the store is not asked any more"), 1, "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}

#[test]
fn denials_are_logged_if_wanted_and_say_nothing_of_the_client() {
    for framework in FRAMEWORKS {
        let flags = ["--limit", "1", "--window", "1h", "--log", "debug"];
        let mut demo = Demo::start(framework, &flags);
        let customer = Request::get("/").header("x-api-key", "secret");
        assert_eq!(demo.statuses(&customer, 2), [200, 429]);
        let denial = line(&mut demo.errors);
        assert!(denial.contains("denied mode=\"store\""), "{denial}");
        assert!(!denial.contains("secret"), "{denial}");
    }
}
