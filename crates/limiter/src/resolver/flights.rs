//! Lookups on their way: one per subject, and not too many in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// How many lookups may be on their way at once. A resolver that hangs under a flood of subjects costs no more.
const MOST: usize = 1024;

type Key = Box<[u8]>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Flights {
    aloft: Arc<Mutex<HashMap<Key, Flight>>>,
}

#[derive(Debug)]
struct Flight {
    landed: Landed,
    late: bool,
}

/// Is closed when a lookup has landed, with an answer or without.
pub(crate) type Landed = watch::Receiver<()>;

/// What came of the wish for a lookup.
pub(crate) enum Takeoff {
    /// One is on its way already.
    Joined(Landed),
    /// The caller is to do it. It has landed when the landing is dropped, wherever that happens.
    Started(Landing, Landed),
    /// There are too many.
    Refused,
}

/// Ends a lookup when it is dropped.
pub(crate) struct Landing {
    flights: Flights,
    key: Key,
    _landed: watch::Sender<()>,
}

impl Flights {
    /// Joins the subject's lookup, or starts one.
    pub(crate) fn join_or_start(&self, key: &[u8]) -> Takeoff {
        let mut aloft = self.lock();
        if let Some(flight) = aloft.get(key) {
            return Takeoff::Joined(flight.landed.clone());
        }
        if aloft.len() >= MOST {
            return Takeoff::Refused;
        }
        let (sender, landed) = watch::channel(());
        let flight = Flight {
            landed: landed.clone(),
            late: false,
        };
        aloft.insert(key.into(), flight);
        let landing = Landing {
            flights: self.clone(),
            key: key.into(),
            _landed: sender,
        };
        Takeoff::Started(landing, landed)
    }

    /// Notes that somebody waited for the subject's lookup in vain: nobody else needs to. Whether that is news.
    pub(crate) fn mark_late(&self, key: &[u8]) -> bool {
        let mut aloft = self.lock();
        let flight = aloft.get_mut(key);
        flight.is_some_and(|flight| !std::mem::replace(&mut flight.late, true))
    }

    /// Whether somebody waited for the subject's lookup in vain.
    pub(crate) fn is_late(&self, key: &[u8]) -> bool {
        self.lock().get(key).is_some_and(|flight| flight.late)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.aloft.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Landing {
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}
