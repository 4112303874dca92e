//! Faults made to real servers while nodes limit traffic on them: what was answered, admitted and asked meanwhile.
//!
//! [`rows::all`] is the matrix, which `cargo xtask faults` runs; `cargo xtask soak` makes faults at random for minutes.

pub mod figures;
pub mod isolation;
pub mod rows;
pub mod run;
pub mod scene;
pub mod skewed;
pub mod soak;
pub mod table;
