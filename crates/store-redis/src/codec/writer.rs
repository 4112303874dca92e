//! Writes arguments.

/// Appends the lowest `width` bytes of a number, least significant first.
pub(super) fn number(out: &mut Vec<u8>, value: u64, width: usize) {
    out.extend_from_slice(&value.to_le_bytes()[..width]);
}

/// Appends a number as a double. All numbers of a quota are below 2^53, and so exact.
#[allow(
    clippy::cast_precision_loss,
    reason = "exact below 2^53, which is what quotas are limited to"
)]
pub(super) fn double(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&(value as f64).to_le_bytes());
}
