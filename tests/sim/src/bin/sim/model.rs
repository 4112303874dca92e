//! Visits every state of small worlds, and prints how many there were.

use std::sync::Mutex;
use std::thread;

use tidegate_core::Outage;
use tidegate_sim::model::explore::explore;
use tidegate_sim::model::{Budget, Size};

/// Explores them all, two at a time; says whether everything held.
pub(crate) fn run() -> bool {
    let worlds = Mutex::new(worlds().into_iter());
    let next = || worlds.lock().ok()?.next();
    let work = || {
        let mut held = true;
        while let Some(size) = next() {
            held &= visit(&size);
        }
        held
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.map(|thread| thread.join().unwrap_or(false)) == [true; 2]
    })
}

fn visit(size: &Size) -> bool {
    match explore(size) {
        Ok(visited) => {
            println!(
                "{:>9} states, {:>10} steps, at most {:>2} in a row: {size}",
                visited.states, visited.steps, visited.deepest
            );
            true
        }
        Err(broken) => {
            println!("{}, in the world of {size}, after", broken.what);
            for step in broken.way {
                println!("  {step:?}");
            }
            false
        }
    }
}

/// Each with one or two things that go wrong; all of them at once would be too many states.
fn worlds() -> Vec<Size> {
    let (none, closed, share) = (Budget::default(), Outage::CLOSED, Outage::SHARE);
    let world = |(nodes, limit, slack), requests, outage, may| Size {
        nodes,
        known: u32::try_from(nodes).unwrap_or(u32::MAX),
        limit,
        slack,
        requests,
        outage,
        may,
    };
    let losses = Budget { losses: 1, ..none };
    let twice = Budget { twice: 1, ..losses };
    let late = Budget {
        late: 1,
        twice: 1,
        ..none
    };
    let restart = Budget {
        restarts: 1,
        ..losses
    };
    let data_loss = Budget {
        data_losses: 1,
        ..losses
    };
    let window = Budget {
        windows: 1,
        ..losses
    };
    vec![
        world((3, 4, 2), 5, closed, none),
        world((3, 4, 1), 4, closed, losses),
        world(
            (3, 3, 1),
            4,
            closed,
            Budget {
                restarts: 1,
                ..none
            },
        ),
        world((2, 3, 1), 4, closed, late),
        world((2, 3, 1), 4, share, twice),
        world((2, 2, 0), 3, share, late),
        world((2, 4, 2), 4, closed, twice),
        world((2, 3, 1), 5, share, restart),
        world((2, 3, 1), 5, share, data_loss),
        world((2, 2, 0), 4, share, window),
        world((2, 3, 1), 4, closed, window),
    ]
}
