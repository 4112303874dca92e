//! A cluster of three primaries, and its slots moved about.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::server::{Options, Server};
use crate::wait::{State, until};

const PRIMARIES: usize = 3;
const SLOTS: u16 = 16_384;

/// Three primaries without replicas, each with a third of the slots. Dropping it stops all of them.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Server>,
}

impl Cluster {
    /// A cluster that is ready: all three agree that every slot is served.
    ///
    /// # Errors
    ///
    /// As [`Server::start`], or if they do not agree.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::new())
    }

    /// A cluster of servers with these options.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(options: &Options) -> Result<Self> {
        let mut options = options
            .clone()
            .config("cluster-enabled", "yes")
            .config("cluster-node-timeout", "2000")
            // A lost node takes its own slots with it and no others.
            .config("cluster-require-full-coverage", "no");
        if options.has_tls() {
            options = options.config("tls-cluster", "yes");
        }
        let servers = (0..PRIMARIES)
            .map(|_| options.start())
            .collect::<Result<Vec<_>>>()?;
        let cluster = Self { servers };
        cluster.join()?;
        Ok(cluster)
    }

    fn join(&self) -> Result<()> {
        for (index, server) in self.servers.iter().enumerate() {
            let admin = server.admin();
            let [first, last] =
                [index, index + 1].map(|part| usize::from(SLOTS) * part / PRIMARIES);
            let (first, last) = (first.to_string(), (last - 1).to_string());
            admin.run::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()])?;
            admin.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", &first, &last])?;
            let port = self.servers[0].port().to_string();
            if index > 0 {
                admin.run::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port])?;
            }
        }
        self.wait_until_whole()
    }

    /// Returns when all servers agree that every slot is served.
    ///
    /// # Errors
    ///
    /// If they do not.
    pub fn wait_until_whole(&self) -> Result<()> {
        until("the cluster to be whole", || {
            for server in &self.servers {
                let info: String = server.admin().run(&["CLUSTER", "INFO"])?;
                let whole = [
                    "cluster_state:ok",
                    "cluster_slots_ok:16384",
                    "cluster_known_nodes:3",
                ];
                if !whole.iter().all(|line| info.contains(line)) {
                    return Ok(State::NotYet(format!("{} says\n{info}", server.url())));
                }
            }
            Ok(State::Holds)
        })
    }

    /// The primaries.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The URL of each.
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Server::url).collect()
    }

    /// The slot of a key, by the server's own reckoning.
    ///
    /// # Errors
    ///
    /// If no server answers.
    pub fn slot_of(&self, key: &[u8]) -> Result<u16> {
        let mut command = redis::cmd("CLUSTER");
        command.arg("KEYSLOT").arg(key);
        self.servers[0].admin().run_command(&command)
    }

    /// Which of the servers has a slot: what it says itself.
    ///
    /// # Errors
    ///
    /// If a server does not answer, or none has it.
    pub fn owner_of(&self, slot: u16) -> Result<usize> {
        for (index, server) in self.servers.iter().enumerate() {
            if server.owner_of(slot)?.is_some_and(|owner| owner.is_itself) {
                return Ok(index);
            }
        }
        anyhow::bail!("no server has slot {slot}")
    }

    /// Begins to move a slot: until [`Move::finish`], its owner answers ASK for the keys that
    /// are gone, and TRYAGAIN for several of which only some are.
    ///
    /// # Errors
    ///
    /// If a server refuses.
    pub fn begin_move(&self, slot: u16, to: usize) -> Result<Move<'_>> {
        let from = self.owner_of(slot)?;
        ensure!(from != to, "server {to} has slot {slot} already");
        let (from, to) = (&self.servers[from], &self.servers[to]);
        let number = slot.to_string();
        to.admin()
            .run::<()>(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id()?])?;
        from.admin()
            .run::<()>(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id()?])?;
        Ok(Move {
            cluster: self,
            slot,
            from,
            to,
        })
    }

    /// Returns when all servers agree whose a slot is, and since when.
    ///
    /// A server that takes a slot over claims it in an epoch later than all that it knows of, if its own is not the latest
    /// of them. If it has not heard of the one before's, that one's next word is later than its claim and wins the slot
    /// back, and the server deletes the keys that it has just been given.
    fn wait_until_agreed(&self, slot: u16, id: &str) -> Result<()> {
        until("the servers to agree whose a slot is", || {
            let mut epochs = Vec::new();
            for server in &self.servers {
                match server.owner_of(slot)? {
                    Some(owner) if owner.id == id => epochs.push(owner.epoch),
                    other => {
                        return Ok(State::NotYet(format!("{} says {other:?}", server.url())));
                    }
                }
            }
            epochs.dedup();
            Ok(if epochs.len() == 1 {
                State::Holds
            } else {
                State::NotYet(format!("it was taken over in one of {epochs:?}"))
            })
        })
    }
}

/// A slot on its way from one server to another.
#[derive(Debug)]
#[must_use = "a slot that is not moved to the end stays in between"]
pub struct Move<'a> {
    cluster: &'a Cluster,
    slot: u16,
    from: &'a Server,
    to: &'a Server,
}

impl Move<'_> {
    /// Moves some of the slot's keys, and says how many.
    ///
    /// # Errors
    ///
    /// If a server refuses.
    pub fn keys(&self, most: usize) -> Result<usize> {
        let (slot, most) = (self.slot.to_string(), most.to_string());
        let keys: Vec<Vec<u8>> =
            self.from
                .admin()
                .run(&["CLUSTER", "GETKEYSINSLOT", &slot, &most])?;
        if keys.is_empty() {
            return Ok(0);
        }
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.to.port()).arg("").arg(0);
        migrate
            .arg(Duration::from_secs(5).as_millis().to_string())
            .arg("KEYS");
        self.from.admin().run_command::<()>(migrate.arg(&keys))?;
        Ok(keys.len())
    }

    /// Moves what is left, and tells all servers who has the slot now. Returns when all of them know.
    ///
    /// # Errors
    ///
    /// If a server refuses, or they do not agree.
    pub fn finish(self) -> Result<()> {
        while self.keys(100)? > 0 {}
        let (slot, id) = (self.slot.to_string(), self.to.id()?);
        let others = self.cluster.servers.iter();
        let others =
            others.filter(|server| ![self.from.port(), self.to.port()].contains(&server.port()));
        // The new owner first, then the one before: whoever asks in between is sent on, and not back.
        for server in [self.to, self.from].into_iter().chain(others) {
            server
                .admin()
                .run::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &id])
                .with_context(|| format!("slot {slot} to {}", self.to.url()))?;
        }
        self.cluster.wait_until_agreed(self.slot, &id)
    }
}

/// Whose a slot is, as a server says.
#[derive(Debug, PartialEq, Eq)]
struct Owner {
    id: String,
    epoch: String,
    /// Whether it is the server that says so.
    is_itself: bool,
}

impl Server {
    /// Its name in its cluster.
    fn id(&self) -> Result<String> {
        self.admin().run(&["CLUSTER", "MYID"])
    }

    /// Whose a slot is as far as it knows.
    fn owner_of(&self, slot: u16) -> Result<Option<Owner>> {
        let nodes: String = self.admin().run(&["CLUSTER", "NODES"])?;
        Ok(owner_among(&nodes, slot))
    }
}

/// Whose a slot is, from what `CLUSTER NODES` says: in each line a name, an address, flags, and five more words, of which
/// the last but one is the epoch; then slots.
fn owner_among(nodes: &str, slot: u16) -> Option<Owner> {
    nodes.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let ranges = words.iter().skip(8).filter_map(|word| range(word));
        let has_it = ranges
            .into_iter()
            .any(|(first, last)| (first..=last).contains(&slot));
        has_it.then(|| Owner {
            id: words[0].to_owned(),
            epoch: words[6].to_owned(),
            is_itself: words[2].contains("myself"),
        })
    })
}

/// From `0-5460` or `42`; nothing from a slot on its way, `[42->-...]`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_slots_are_read() {
        assert_eq!(range("0-5460"), Some((0, 5460)));
        assert_eq!(range("42"), Some((42, 42)));
        assert_eq!(range("[42->-abc]"), None);
    }

    #[test]
    fn whose_a_slot_is_is_read() {
        let nodes = "ab 127.0.0.1:1@2 myself,master - 0 0 4 connected 0-7 9 [8->-cd]\n\
                     cd 127.0.0.1:3@4 master - 0 1700000000000 3 connected 8\n\
                     ef 127.0.0.1:5@6 master - 0 0 1 connected";
        let owner =
            |slot| owner_among(nodes, slot).map(|owner| (owner.id, owner.epoch, owner.is_itself));
        assert_eq!(owner(9), Some(("ab".into(), "4".into(), true)));
        assert_eq!(owner(8), Some(("cd".into(), "3".into(), false)));
        assert_eq!(owner(10), None);
    }
}
