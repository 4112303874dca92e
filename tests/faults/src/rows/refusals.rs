//! The server does not let the nodes in, or does not let them do their work.

use anyhow::Result;
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Options, Server};

use super::{Proof, Row};
use crate::figures::Figures;
use crate::run::Run;

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "wrong-password",
        about: "the password is changed, and changed back",
        proof: Proof::Made(|_| refused(&["resetpass", ">other"], &["resetpass", ">secret"])),
    },
    Row {
        name: "no-permission",
        about: "the user may no longer run scripts (NOPERM)",
        proof: Proof::Made(|_| refused(&["-@scripting"], &["+@scripting"])),
    },
    Row {
        name: "tls",
        about: "an unknown authority, another name, plaintext where TLS was asked for",
        proof: Proof::Tests(&[
            (
                "tests/servers/tests/tls.rs",
                "l2_a_server_of_an_unknown_authority_is_refused",
            ),
            (
                "tests/servers/tests/tls.rs",
                "l2_a_server_under_another_name_is_refused",
            ),
            (
                "tests/servers/tests/tls.rs",
                "a_plaintext_server_is_told_nothing_where_tls_was_asked_for",
            ),
        ]),
    },
    Row {
        name: "loud-line",
        about: "a refusal is logged once, and without the password",
        proof: Proof::Tests(&[(
            "tests/servers/tests/log.rs",
            "a_refused_password_is_logged_once_and_never_shown",
        )]),
    },
];

/// Changes what the user may do, and closes its connections, as a change of passwords does.
fn refused(bad: &[&str], good: &[&str]) -> Result<Figures> {
    let server = Options::new()
        .user("on", "app", "secret", "~tg1:* +@all")
        .start()?;
    let change = |rules: &[&str], server: &Server| -> Result<()> {
        let words = [&["ACL", "SETUSER", "app"], rules].concat();
        server.admin().run::<()>(&words)?;
        let kill = ["CLIENT", "KILL", "USER", "app"];
        server.admin().run::<u64>(&kill).map(drop)
    };
    let run = Run::new(
        || RedisStore::builder(&server.url_as("app", "secret")),
        &[&server],
    );
    run.measure(|_| change(bad, &server), || change(good, &server))
}
