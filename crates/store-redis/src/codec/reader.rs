//! Reads answers.

use redis::Value;
use tidegate_core::{Algorithm, Quota, Timestamp, Usage};

/// What is left of an answer's bytes.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of a string.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::BulkString(bytes) => Some(Self(bytes)),
            _ => None,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next number of `width` bytes, at most 8, least significant first.
    pub(super) fn number(&mut self, width: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        bytes.get_mut(..width)?.copy_from_slice(self.bytes(width)?);
        Some(u64::from_le_bytes(bytes))
    }

    /// The next record's head, as the usage that it stands for. A head of zeros is nothing used.
    pub(super) fn head(&mut self, quota: &Quota) -> Option<Usage> {
        let is_record = self.number(1)? != 0;
        let usage = match quota.algorithm() {
            Algorithm::TokenBucket => {
                let (since, debt) = (self.number(7)?, self.number(7)?);
                let since = Timestamp::from_micros(since).as_nanos();
                Usage::bucket(Timestamp::from_nanos(since.saturating_add(debt)))
            }
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                let (number, current, previous) =
                    (self.number(6)?, self.number(7)?, self.number(7)?);
                let window = u64::try_from(quota.window().as_nanos()).ok()?;
                let start = Timestamp::from_nanos(number.saturating_mul(window));
                Usage::window(start, current, previous)
            }
        };
        Some(if is_record { usage } else { Usage::default() })
    }
}
