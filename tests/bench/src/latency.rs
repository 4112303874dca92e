//! How long answers took: a histogram, because there are millions of them.

use std::time::Duration;

/// Buckets for each power of two: a bucket is at most 1/32 wider than its lower end.
const BITS: u32 = 5;
const PER_POWER: u64 = 1 << BITS;
const BUCKETS: usize = (64 << BITS) as usize;

/// Durations, counted by how long they are.
#[derive(Clone)]
pub struct Latencies {
    counts: Box<[u64]>,
    count: u64,
    most: Duration,
}

impl Latencies {
    /// None so far.
    pub fn new() -> Self {
        Self {
            counts: vec![0; BUCKETS].into_boxed_slice(),
            count: 0,
            most: Duration::ZERO,
        }
    }

    /// Counts one.
    #[inline]
    pub fn record(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.count += 1;
        self.most = self.most.max(took);
    }

    /// Counts another's as well.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.most = self.most.max(other.most);
    }

    /// The longest, in microseconds.
    pub fn most(&self) -> f64 {
        self.most.as_secs_f64() * 1e6
    }

    /// What this part of them stayed below, in microseconds: 0.5 for the median.
    pub fn quantile(&self, part: f64) -> f64 {
        let rank = (self.count as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank.max(1) {
                return (upper_end(bucket) as f64 / 1e3).min(self.most());
            }
        }
        f64::NAN
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < PER_POWER {
        return nanos as usize;
    }
    let power = nanos.ilog2() - BITS;
    ((u64::from(power) << BITS) + (nanos >> power)) as usize
}

fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PER_POWER {
        return bucket;
    }
    let power = (bucket >> BITS) - 1;
    let mantissa = (bucket & (PER_POWER - 1)) + PER_POWER;
    ((mantissa + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_within_its_bucket() {
        for nanos in (0..70_000).chain([1 << 40, (1 << 40) + 12_345]) {
            let end = upper_end(bucket(nanos));
            assert!(end >= nanos && end - nanos <= nanos / 32, "{nanos}: {end}");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        for micros in 1..=1_000 {
            latencies.record(Duration::from_micros(micros));
        }
        for (part, expected) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = latencies.quantile(part);
            assert!((found / expected - 1.0).abs() < 0.04, "{part}: {found}");
        }
    }
}
