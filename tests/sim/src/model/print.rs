//! States that are the same are known by a print of 128 bits of what they show, taken anew only of what has changed.

use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::World;

/// So long that two states are hardly ever taken for one.
pub(super) type Print = (u64, u64);

/// Takes the print of anything that shows all that matters.
fn of(value: &impl Debug) -> Print {
    let mut taker = Taker::default();
    // A hasher takes everything.
    let _ = write!(taker, "{value:?}");
    taker.print()
}

#[derive(Default)]
struct Taker {
    one: DefaultHasher,
    other: DefaultHasher,
}

impl Taker {
    fn print(&self) -> Print {
        (self.one.finish(), self.other.finish())
    }
}

impl Write for Taker {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.one.write(text.as_bytes());
        // Another function of the same text.
        self.other.write(text.as_bytes());
        self.other.write_u8(text.len().to_le_bytes()[0]);
        Ok(())
    }
}

impl World {
    /// Takes the prints of what a step has changed: this node, the record, new messages, which have no order.
    pub(super) fn seal(&mut self, node: Option<usize>) {
        if let Some(node) = node {
            self.prints[node] = of(&self.nodes[node]);
        }
        let last = self.nodes.len();
        self.prints[last] = of(&self.record);
        for letter in &mut self.messages {
            letter.print.get_or_insert_with(|| of(&letter.message));
        }
        self.messages.sort_by_key(|letter| letter.print);
    }

    /// The print of everything.
    pub(super) fn print(&self) -> Print {
        let mut taker = Taker::default();
        for hasher in [&mut taker.one, &mut taker.other] {
            self.prints.hash(hasher);
            for letter in &self.messages {
                letter.print.hash(hasher);
            }
            (self.window, self.requests, self.may).hash(hasher);
            (self.dead, self.unanswered, self.lives).hash(hasher);
        }
        taker.other.write_u8(1);
        taker.print()
    }
}
