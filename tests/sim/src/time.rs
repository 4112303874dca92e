//! True time: nanoseconds, as a number.

/// A millisecond.
pub const MILLI: u64 = 1_000_000;
/// A second.
pub const SECOND: u64 = 1_000 * MILLI;

/// For people to read.
pub fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
