//! How fast: contestants in turn, round after round, because a machine is not equally fast all the time.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::contestants::{Answer, Contestant};
use crate::workload::{Workload, key};

/// Asks for the keys of each thread, and expects that answer; how long it took.
type Run = Box<dyn Fn(&[Vec<String>], bool) -> Result<Duration>>;

/// What a contestant needs to be measured: itself, with all keys known, behind a function that does not hide it from
/// the optimizer.
pub struct Prepared {
    name: &'static str,
    run: Run,
}

impl Prepared {
    /// Makes a contestant, and tells it of all keys, in no particular order.
    pub fn new<C: Contestant + 'static>(
        name: &'static str,
        workload: Workload,
        answer: Answer,
    ) -> Result<Self> {
        let contestant = C::new(answer)?;
        let mut numbers: Vec<u32> = (0..workload.keys()).collect();
        fastrand::Rng::with_seed(1).shuffle(&mut numbers);
        for number in numbers {
            ensure!(contestant.check(&key(number)), "{name} denied a new key");
        }
        contestant.settle()?;
        let run = move |requests: &[Vec<String>], allowed| time(&contestant, requests, allowed);
        Ok(Self {
            name,
            run: Box::new(run),
        })
    }
}

/// One contestant's figures: nanoseconds from one answer to the next, all threads together, round by round.
pub struct Figures {
    /// The contestant.
    pub name: &'static str,
    /// Round by round.
    pub nanos: Vec<f64>,
}

/// Measures all contestants on the same requests, one list per thread, for some rounds.
pub fn measure(
    contestants: &[Prepared],
    requests: &[Vec<String>],
    answer: Answer,
    rounds: usize,
) -> Result<Vec<Figures>> {
    let allowed = answer == Answer::Allowed;
    let mut figures: Vec<Figures> = contestants
        .iter()
        .map(|contestant| Figures {
            name: contestant.name,
            nanos: Vec::new(),
        })
        .collect();
    let answers: usize = requests.iter().map(Vec::len).sum();
    for round in 0..=rounds {
        // Each begins as often as another, as near as can be.
        for turn in 0..contestants.len() {
            let at = (turn + round) % contestants.len();
            let took = (contestants[at].run)(requests, allowed)?;
            // The first round warms up.
            if round > 0 {
                figures[at]
                    .nanos
                    .push(took.as_nanos() as f64 / answers as f64);
            }
        }
    }
    Ok(figures)
}

/// How long all threads together take. They begin at the same time.
fn time<C: Contestant>(
    contestant: &C,
    requests: &[Vec<String>],
    allowed: bool,
) -> Result<Duration> {
    let barrier = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|requests| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let began = Instant::now();
                    let admitted = ask(contestant, requests);
                    (admitted, began, Instant::now())
                })
            })
            .collect();
        let mut spans = Vec::new();
        for (thread, requests) in threads.into_iter().zip(requests) {
            let Ok((admitted, began, ended)) = thread.join() else {
                anyhow::bail!("a thread panicked");
            };
            let expected = if allowed { requests.len() } else { 0 };
            ensure!(
                admitted == expected,
                "{admitted} admitted, {expected} expected"
            );
            spans.push((began, ended));
        }
        let began = spans.iter().map(|span| span.0).min();
        let ended = spans.iter().map(|span| span.1).max();
        Ok(began
            .zip(ended)
            .map_or(Duration::ZERO, |(began, ended)| ended - began))
    })
}

#[inline(never)]
fn ask<C: Contestant>(contestant: &C, requests: &[String]) -> usize {
    let answers = requests.iter().map(|key| contestant.check(black_box(key)));
    answers.filter(|allowed| *allowed).count()
}
