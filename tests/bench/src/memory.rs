//! How much memory a million keys take, and whether a known key's request allocates: both by counting allocations.

use std::alloc::System;

use anyhow::{Result, ensure};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use crate::local::{Answer, Contestant};
use crate::workload::{Workload, key};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a contestant needs.
pub struct Needs {
    /// Bytes that are allocated for each of a million keys.
    pub bytes_per_key: f64,
    /// The most that were allocated for each known key while the table grew from 100 000 keys to a million.
    pub most_bytes_per_key: f64,
    /// Allocations by 10 000 requests of known keys.
    pub allocations: usize,
}

/// Makes a contestant, tells it of a million keys, and looks at what is allocated. There must be no other threads.
pub fn needs<C: Contestant>() -> Result<Needs> {
    let keys = Workload::Zipf.keys();
    let before = allocated();
    let contestant = C::new(Answer::Allowed)?;
    let mut most: f64 = 0.0;
    for number in 0..keys {
        ensure!(contestant.check(&key(number)), "denied a new key");
        if number >= 100_000 && number % 997 == 0 {
            most = most.max((allocated() - before) as f64 / f64::from(number + 1));
        }
    }
    let bytes = allocated() - before;

    let requests = Workload::Zipf.requests(10_000, 1);
    let region = Region::new(ALLOCATOR);
    for request in &requests {
        ensure!(contestant.check(request), "denied a known key");
    }
    let change = region.change();
    Ok(Needs {
        bytes_per_key: bytes as f64 / f64::from(keys),
        most_bytes_per_key: most,
        allocations: change.allocations + change.reallocations,
    })
}

/// Bytes allocated and not freed.
pub fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated)
}
