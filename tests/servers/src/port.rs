//! Ports for servers, each for one server at a time on this machine.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;

use anyhow::{Result, bail};
use rustix::fs::{FlockOperation, flock};

/// Below what operating systems hand out to outgoing connections, with room for the cluster bus above, and
/// without the ports that servers have by default.
const RANGE: RangeInclusive<u16> = 10_001..=22_000;

/// How far above a cluster node's port its bus listens.
const BUS: u16 = 10_000;

const TRIES: usize = 1_000;

/// A port that no other test has, in this process or another, for as long as this lives: also while nothing
/// listens there because the server was killed.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    /// Holds the lock on the port's file.
    _lock: File,
}

impl Port {
    /// A port that nobody has and nothing listens on.
    pub(crate) fn reserve() -> Result<Self> {
        let folder = std::env::temp_dir().join("tidegate-test-ports");
        fs::create_dir_all(&folder)?;
        for _ in 0..TRIES {
            let number = fastrand::u16(RANGE);
            let mut open = OpenOptions::new();
            // A file that cannot be opened is another user's: so is the port.
            let Ok(lock) = open
                .create(true)
                .append(true)
                .open(folder.join(number.to_string()))
            else {
                continue;
            };
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok()
                && is_free(number)
                && is_free(number + BUS)
            {
                return Ok(Self {
                    number,
                    _lock: lock,
                });
            }
        }
        bail!("no free port after {TRIES} tries in {RANGE:?} on 127.0.0.1")
    }

    pub(crate) const fn number(&self) -> u16 {
        self.number
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_reserved_port_is_given_to_nobody_else() {
        let held: Vec<Port> = (0..200).map(|_| Port::reserve().unwrap()).collect();
        let numbers: HashSet<u16> = held.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), held.len());
        assert!(numbers.iter().all(|number| RANGE.contains(number)));
    }

    #[test]
    fn a_port_where_something_listens_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
