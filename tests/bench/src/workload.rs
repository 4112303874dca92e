//! What is asked: which keys, in which order.

use fastrand::Rng;

/// Which keys the requests have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Always the same.
    Hot,
    /// One of 10 000, each as often as another.
    Uniform,
    /// One of 1 000 000, the n-th in proportion to 1/n.
    Zipf,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Hot, Self::Uniform, Self::Zipf];

    /// The name in the report and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Uniform => "uniform",
            Self::Zipf => "zipf",
        }
    }

    /// How many different keys there are.
    pub fn keys(self) -> u32 {
        match self {
            Self::Hot => 1,
            Self::Uniform => 10_000,
            Self::Zipf => 1_000_000,
        }
    }

    /// The keys of `count` requests, one after the other in memory, as if they had just come in. Looking up a key's
    /// string in a table of a million would cost as much as what is to be measured.
    pub fn requests(self, count: usize, seed: u64) -> Vec<String> {
        let mut random = Rng::with_seed(seed);
        match self {
            Self::Hot => (0..count).map(|_| key(0)).collect(),
            Self::Uniform => (0..count)
                .map(|_| key(random.u32(0..self.keys())))
                .collect(),
            Self::Zipf => {
                let zipf = Zipf::new(self.keys());
                (0..count).map(|_| key(zipf.sample(&mut random))).collect()
            }
        }
    }
}

/// A key of 20 bytes.
pub fn key(number: u32) -> String {
    format!("client-{number:013}")
}

/// Zipf's distribution with exponent 1, by its cumulated frequencies.
struct Zipf {
    cumulated: Vec<f64>,
}

impl Zipf {
    fn new(keys: u32) -> Self {
        let mut sum = 0.0;
        let cumulated = (1..=keys).map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        });
        Self {
            cumulated: cumulated.collect(),
        }
    }

    fn sample(&self, random: &mut Rng) -> u32 {
        let total = self.cumulated.last().copied().unwrap_or_default();
        let drawn = random.f64() * total;
        let rank = self.cumulated.partition_point(|sum| *sum <= drawn);
        // Ranks are u32; `drawn` is below the total, so there is one.
        u32::try_from(rank).unwrap_or(0)
    }
}
