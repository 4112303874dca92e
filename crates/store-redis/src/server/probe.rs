//! Finds out in the background whether a server works again. No user's request ever does.

use std::sync::Arc;
use std::time::Duration;

use tidegate_core::{Outcome, ProbeId};
use tidegate_store::ErrorKind;

use super::{Link, Server};
use crate::failure::Failure;
use crate::script::{Name, Shape};

impl Server {
    /// Starts the task that probes until the server works again, unless there is one. It is started again if its
    /// runtime stopped, and ends with the server's last user.
    pub(super) fn ensure_probing(self: &Arc<Self>) {
        let mut probing = self.probing.lock();
        if probing.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let server = Arc::downgrade(self);
        *probing = Some(tokio::spawn(async move {
            loop {
                let Some(wait) = server
                    .upgrade()
                    .and_then(|server| server.health.next_probe())
                else {
                    return;
                };
                tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
                let Some(server) = server.upgrade() else {
                    return;
                };
                if let Some(probe) = server.health.start_probe() {
                    server.probe(probe).await;
                }
            }
        }));
    }

    /// One probe: it writes, on a connection of its own, which serves requests from then on if it works.
    async fn probe(&self, probe: ProbeId) {
        let limit = self.health.probe_deadline();
        let probed = tokio::time::timeout(limit, self.open_and_write()).await;
        let result = probed.unwrap_or_else(|_| Err(self.late(limit)));
        if let Ok(link) = &result {
            self.lanes[0].replace(link.clone());
        }
        self.health.finish_probe(probe, &result);
    }

    async fn open_and_write(&self) -> Result<Link, Failure> {
        let link = self.connector.open().await?;
        let key = self.probe_key.lock().clone();
        let call = self
            .scripts
            .call(Name::Probe, Shape::NONE, [key.as_slice()], &[b"1"]);
        let call = link.call(&self.scripts, &call);
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Ok(_)) => Ok(link),
            // It works, but slower than calls may be: users' requests would find that out over and over.
            Err(_) => Err(self.late(self.deadline)),
            Ok(Err(error)) => {
                let mut failure = self.failure(&error);
                if failure.redirect.is_some() {
                    // A member without the key's slot: that it sends callers elsewhere is its work.
                    return Ok(link);
                }
                // Whatever keeps a probe from writing keeps requests from it too.
                if failure.outcome == Outcome::Success {
                    (failure.outcome, failure.kind) = (Outcome::Failure, ErrorKind::Unavailable);
                }
                Err(failure)
            }
        }
    }
}
