//! The limiter, against a store that fails on demand, on tokio's paused clock.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod check;
mod deadline;
mod dropped;
mod give_back;
mod logged;
mod lookups;
mod observed;
mod outage;
mod replace;
mod resolver;
mod share;
mod support;
mod until_admitted;
