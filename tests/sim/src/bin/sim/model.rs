//! Visits every state of small worlds, and prints how many there were.

use std::fmt::Display;
use std::sync::Mutex;
use std::thread;

use tidegate_core::Outage;
use tidegate_sim::model::explore::{Visited, explore};
use tidegate_sim::model::{Budget, Size};

/// Explores them all, two at a time, or those that take minutes each; says whether everything held.
pub(crate) fn run(large: bool) -> bool {
    let worlds = if large { large_worlds() } else { worlds() };
    let worlds = Mutex::new(worlds.into_iter());
    let next = || worlds.lock().ok()?.next();
    let work = || {
        let mut visited = Some(Visited::default());
        while let Some(size) = next() {
            let more = visit(&size);
            visited = visited.zip(more).map(|(sum, more)| sum + more);
        }
        visited
    };
    let visited = thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let [one, other] = threads.map(|thread| thread.join().ok().flatten());
        Some(one? + other?)
    });
    if let Some(visited) = visited {
        print(&visited, "all");
    }
    visited.is_some()
}

fn print(visited: &Visited, what: impl Display) {
    println!(
        "{:>9} states, {:>10} steps, at most {:>2} in a row: {what}",
        visited.states, visited.steps, visited.deepest
    );
}

fn visit(size: &Size) -> Option<Visited> {
    match explore(size) {
        Ok(visited) => {
            print(&visited, size);
            Some(visited)
        }
        Err(broken) => {
            println!("{}, in the world of {size}, after", broken.what);
            for step in broken.way {
                println!("  {step:?}");
            }
            None
        }
    }
}

const NONE: Budget = Budget {
    losses: 0,
    twice: 0,
    late: 0,
    restarts: 0,
    data_losses: 0,
    windows: 0,
};
const LOSS: Budget = Budget { losses: 1, ..NONE };
const TWICE: Budget = Budget { twice: 1, ..NONE };
const LATE: Budget = Budget { late: 1, ..NONE };
const RESTART: Budget = Budget {
    restarts: 1,
    ..NONE
};
const DATA_LOSS: Budget = Budget {
    data_losses: 1,
    ..NONE
};
const WINDOW: Budget = Budget { windows: 1, ..NONE };

fn world(
    (nodes, limit, slack): (usize, u64, u64),
    requests: u32,
    outage: Outage,
    may: Budget,
) -> Size {
    Size {
        nodes,
        known: u32::try_from(nodes).unwrap_or(u32::MAX),
        limit,
        slack,
        requests,
        outage,
        may,
    }
}

/// Everything that can go wrong at once; and more nodes and requests where less does, as many as it takes to pass the bound, if
/// they could. Those that take longest come first.
fn worlds() -> Vec<Size> {
    let (closed, share) = (Outage::CLOSED, Outage::SHARE);
    let messages = LOSS + TWICE + LATE;
    let keeps_data = messages + RESTART;
    let all = keeps_data + DATA_LOSS;
    vec![
        world((2, 1, 1), 3, share, all),
        world((2, 3, 1), 5, share, LOSS + DATA_LOSS),
        world((3, 4, 2), 3, share, LOSS + LATE + DATA_LOSS),
        world((3, 3, 1), 3, closed, LOSS + RESTART + DATA_LOSS),
        world((3, 2, 1), 2, closed, all),
        world((2, 3, 1), 4, closed, keeps_data),
        world((2, 2, 1), 2, share, all),
        world((2, 2, 0), 2, share, LOSS + LATE + DATA_LOSS),
        world((2, 1, 1), 1, share, all + WINDOW),
        world((2, 2, 1), 2, share, LOSS + DATA_LOSS + WINDOW),
        world((2, 2, 1), 2, share, keeps_data + WINDOW),
        world((3, 3, 1), 3, closed, keeps_data),
        world((3, 4, 2), 3, share, keeps_data),
        world((2, 2, 0), 2, share, keeps_data),
        world((2, 2, 1), 4, share, messages),
        world((2, 3, 1), 5, share, LOSS + RESTART),
        world((2, 2, 0), 4, share, LOSS + WINDOW),
        world((2, 3, 1), 4, closed, LOSS + WINDOW),
        world((3, 2, 1), 5, closed, LOSS),
        world((3, 4, 2), 5, closed, NONE),
    ]
}

/// Everything in larger worlds, and with a window that ends.
fn large_worlds() -> Vec<Size> {
    let (closed, share) = (Outage::CLOSED, Outage::SHARE);
    let all = LOSS + TWICE + LATE + RESTART + DATA_LOSS;
    vec![
        world((2, 3, 1), 3, closed, all),
        world((2, 2, 0), 2, share, all),
        world((2, 1, 1), 2, share, all + WINDOW),
        world((2, 2, 1), 3, share, all),
        world((3, 3, 1), 3, closed, TWICE + LATE + DATA_LOSS),
        world((3, 3, 1), 4, closed, LOSS + TWICE + LATE + RESTART),
    ]
}
