//! Faults made to real servers while nodes limit traffic on them: what was answered, admitted and asked meanwhile.
//!
//! [`rows::ROWS`] is the matrix. `cargo xtask faults` runs it.

pub mod figures;
pub mod isolation;
pub mod rows;
pub mod run;
pub mod scene;
pub mod skewed;
pub mod table;
