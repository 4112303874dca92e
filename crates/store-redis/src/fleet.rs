//! Where calls go: to one server, or to the member of a cluster that has the keys.

use std::sync::Arc;

use redis::Value;
use tidegate_store::ErrorKind;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::cluster::{Cluster, slot_of};
use crate::dispatch::{Dispatch, Waiting};
use crate::failure::Failure;
use crate::script::Call;
use crate::server::Server;

/// The store's servers.
pub(crate) enum Fleet {
    One(Dispatch),
    Cluster(Arc<Cluster>),
}

impl Fleet {
    /// What they are called in messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::One(dispatch) => dispatch.server().name(),
            Self::Cluster(cluster) => cluster.name(),
        }
    }

    /// The slot of a key; 0 where there are no slots.
    pub(crate) fn slot_of(&self, key: &[u8]) -> u16 {
        match self {
            Self::One(_) => 0,
            Self::Cluster(_) => slot_of(key),
        }
    }

    /// The right to have one more call for a slot's keys under way; otherwise why not. Costs no I/O.
    pub(crate) fn permit(&self, slot: u16) -> Result<OwnedSemaphorePermit, Failure> {
        let permit = match self {
            Self::One(dispatch) => {
                dispatch.server().check()?;
                dispatch.permits().take()
            }
            Self::Cluster(cluster) => match cluster.known_owner(slot) {
                Some(member) => {
                    let may_be_asked = member.server().check();
                    may_be_asked.map_err(|failure| cluster.doubt(&member, failure))?;
                    member.permits().take()
                }
                None => cluster.permits().take(),
            },
        };
        permit.ok_or_else(|| {
            let name = self.name();
            Failure::local(
                ErrorKind::Overloaded,
                format!(
                    "redis at {name}: as many calls are under way as are allowed; see max_in_flight"
                ),
            )
        })
    }

    /// How many calls are under way.
    pub(crate) fn in_flight(&self) -> usize {
        match self {
            Self::One(dispatch) => dispatch.permits().taken(),
            Self::Cluster(cluster) => {
                let members = cluster.members();
                let of_members = members.iter().map(|member| member.permits().taken());
                of_members.sum::<usize>() + cluster.permits().taken()
            }
        }
    }

    /// Queues a request. It is answered through its channel.
    pub(crate) async fn push(&self, waiting: Waiting, deadline: Instant) -> Result<(), Failure> {
        match self {
            Self::One(dispatch) => dispatch.push(waiting),
            Self::Cluster(cluster) => {
                let member = match cluster.known_owner(waiting.slot) {
                    Some(member) => member,
                    None => cluster.owner(waiting.slot, deadline).await?,
                };
                member.push(waiting);
            }
        }
        Ok(())
    }

    /// Calls a script on the keys of one slot.
    pub(crate) async fn run(
        &self,
        mut call: Call,
        slot: u16,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        match self {
            Self::One(dispatch) => dispatch.server().run(&call, deadline).await,
            Self::Cluster(cluster) => cluster.run(&mut call, slot, deadline).await,
        }
    }

    /// Looks at each server.
    pub(crate) fn servers(&self) -> Vec<Arc<Server>> {
        match self {
            Self::One(dispatch) => vec![Arc::clone(dispatch.server())],
            Self::Cluster(cluster) => {
                let members = cluster.members();
                members
                    .iter()
                    .map(|member| Arc::clone(member.server()))
                    .collect()
            }
        }
    }
}
