//! Ten thousand clients that stay connected.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tidegate_tests::{Client, Request};

use crate::support::{Demo, FRAMEWORKS};

const CONNECTIONS: usize = 10_000;
/// What else a process has open, and the other tests' connections.
const OTHER_FILES: u64 = 1_000;

/// Sees to it that this process, and each that it starts, may have that many connections.
fn allow_open_files() {
    let needed = CONNECTIONS as u64 + OTHER_FILES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum,
    };
    assert!(
        setrlimit(Resource::Nofile, raised).is_ok(),
        "THIS MACHINE ALLOWS {maximum:?} OPEN FILES: ten thousand connections need {needed}; raise the limit \
         (`ulimit -Hn`, LimitNOFILE=) and try again"
    );
}

#[test]
fn ten_thousand_connections_that_are_kept_alive_share_one_limit() {
    allow_open_files();
    // All of them once, and half of every fourth.
    let limit = (CONNECTIONS + CONNECTIONS / 8).to_string();
    let flags = ["--limit", &limit, "--window", "1h"];
    let flags = [&flags[..], &["--algorithm", "fixed-window"]].concat();
    for framework in FRAMEWORKS {
        let demo = Demo::start(framework, &flags);
        let admitted = |client: &mut Client| {
            let status = client.send(&Request::get("/")).unwrap().status;
            assert!(matches!(status, 200 | 429), "{framework}: {status}");
            status == 200
        };
        let connected = (0..CONNECTIONS).map(|_| {
            let mut client = demo.client();
            assert!(admitted(&mut client), "{framework}");
            client
        });
        let mut clients: Vec<Client> = connected.collect();
        let again = clients.iter_mut().step_by(4);
        let admitted = again.filter_map(|client| admitted(client).then_some(()));
        assert_eq!(admitted.count(), CONNECTIONS / 8, "{framework}");
    }
}
