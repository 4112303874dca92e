//! Visits every state of a small world.

use std::collections::HashSet;
use std::ops::Add;

use super::{Size, Step};

/// What was visited.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visited {
    /// Different states.
    pub states: u64,
    /// Steps between them.
    pub steps: u64,
    /// The longest way that was gone.
    pub deepest: usize,
}

impl Add for Visited {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            states: self.states + more.states,
            steps: self.steps + more.steps,
            deepest: self.deepest.max(more.deepest),
        }
    }
}

/// A state in which something does not hold, and the way there.
#[derive(Clone, Debug)]
pub struct Broken {
    pub what: String,
    pub way: Vec<Step>,
}

/// Visits all states, depth first.
///
/// # Errors
///
/// The first state in which something does not hold.
pub fn explore(size: &Size) -> Result<Visited, Broken> {
    let mut seen = HashSet::new();
    let mut visited = Visited::default();
    let world = size.world();
    seen.insert(world.print());
    let mut way: Vec<Step> = Vec::new();
    let mut open = vec![(world.steps(), world)];
    while let Some((steps, world)) = open.last_mut() {
        let Some(step) = steps.pop() else {
            open.pop();
            way.pop();
            continue;
        };
        let mut next = world.clone();
        next.take(size, step);
        visited.steps += 1;
        if !seen.insert(next.print()) {
            continue;
        }
        visited.states += 1;
        way.push(step);
        if let Some(what) = next.wrong(size) {
            return Err(Broken { what, way });
        }
        visited.deepest = visited.deepest.max(way.len());
        open.push((next.steps(), next));
    }
    Ok(visited)
}
