//! The same with Valkey: it hangs, dies, and forgets its scripts.

use anyhow::Result;
use tidegate_store_redis::RedisStore;
use tidegate_test_servers::{Flavor, Options, Server};

use super::{Proof, Row};
use crate::figures::Figures;
use crate::run::Run;

const PROGRAM: &str = "valkey-server";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "valkey-hang",
        about: "a Valkey server is stopped (SIGSTOP)",
        proof: Proof::With(PROGRAM, |_| measure(Server::freeze, Server::thaw)),
    },
    Row {
        name: "valkey-killed",
        about: "a Valkey server: kill -9, and started again empty",
        proof: Proof::With(PROGRAM, |_| measure(kill, Server::start_again)),
    },
    Row {
        name: "valkey-scripts-flushed",
        about: "a Valkey server: SCRIPT FLUSH",
        proof: Proof::With(PROGRAM, |_| {
            measure(|server| server.admin().flush_scripts(), |_| Ok(()))
        }),
    },
];

fn measure(
    begin: impl FnOnce(&Server) -> Result<()>,
    end: impl FnOnce(&Server) -> Result<()>,
) -> Result<Figures> {
    let server = Options::new().flavor(Flavor::Valkey).start()?;
    Run::new(|| RedisStore::builder(&server.url()), &[&server])
        .measure(|_| begin(&server), || end(&server))
}

fn kill(server: &Server) -> Result<()> {
    server.kill();
    Ok(())
}
