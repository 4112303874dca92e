//! What one node knows of a subject, and what it may do without asking the store.
//!
//! A [`Group`] is everything a node holds for one subject: for each policy a replica of the shared counter, and
//! the one call that may be in flight. It decides locally as long as that is safe, says when the store must be
//! asked, what to report and when, takes replies into account, and falls back on the policy's outage setting.
//! The driver around it (tasks, timers, connections) only carries messages; a simulator drives the very same
//! code.
//!
//! # Why the total stays within L + (N - 1) q (G2)
//!
//! Of all nodes, let m be the one whose last call, before its last admission, reached the store last. What m then
//! heard contains every other node's total but for what each admitted by itself after its own last call, and
//! that is at most q, because a node with more than q unsent asks first. m admitted only while its estimate was
//! within L, or was granted only while the store's total was. So the total is at most L + (N - 1) q.
//!
//! # Why nothing is counted twice (G5)
//!
//! Reports carry running totals. The store's grants are a running total too: when a reply shows more granted than
//! the node had heard of, a call whose answer was lost had been carried out. The node keeps what it decided
//! without an answer apart (`pending`) until then; the lost grant first covers that, and what it does not cover is
//! added to what the node admitted by itself. What was granted and not used is given back.
//!
//! A subject that was forgotten and is asked for again counts from where no life of it before has got to, so that the store, which
//! remembers totals, takes nothing for old news.

mod base;
mod bucket;
mod compact;
mod compact_bucket;
mod group;
mod lifetime;
mod link;
mod members;
mod moment;
mod replica;
mod share;
mod stamped;
mod store_clock;
mod tally;
mod told;
mod usual;
mod view;
mod window;
mod words;

pub use group::{CallId, Front, Group, Heard, Outgoing, Rest, Timing, Urgency, Verdict, Visit};
pub use link::{Link, LinkConfig};
pub use share::{Finished, Share};
pub use store_clock::StoreClock;
pub use view::{Mode, View};
