//! Random histories, call by call against `core`, which is the specification.

use tidegate_core::{Decision, Rule, Timestamp, Usage, decide, give_back, look};

use super::super::{ALGORITHMS, LONG, check, moment, rule};
use super::{Bench, Checked};
use crate::Request;

pub(super) async fn agrees_with_core_on_random_histories(bench: &Bench<'_>) -> Checked {
    // A fixed seed: the suite says the same of the same store.
    let mut random = fastrand::Rng::with_seed(0x7469_6465);
    for (index, algorithm) in ALGORITHMS.into_iter().enumerate() {
        for window in [LONG, bench.clock.window()] {
            let rules = [
                rule("model-a", 40, window, algorithm)?,
                rule("model-b", 25, window, algorithm)?,
            ];
            let subject = format!("{index} {window:?}");
            let mut history = History {
                bench,
                subject,
                rules,
                usages: [Usage::default(); 2],
                charged: None,
                now: Timestamp::EPOCH,
            };
            for step in 0..120 {
                history.step(&mut random, step).await?;
            }
        }
    }
    Ok(())
}

/// A subject's history, in the store and in the model.
struct History<'a> {
    bench: &'a Bench<'a>,
    subject: String,
    rules: [Rule; 2],
    usages: [Usage; 2],
    charged: Option<(u64, Decision)>,
    /// When the store last answered.
    now: Timestamp,
}

impl History<'_> {
    async fn step(&mut self, random: &mut fastrand::Rng, step: u32) -> Checked {
        if random.u8(..) < 24 {
            let part = random.f64() * random.f64();
            self.bench
                .clock
                .advance(self.bench.clock.window().mul_f64(part))
                .await;
        }
        let cost = if random.bool() {
            random.u64(0..4)
        } else {
            random.u64(0..30)
        };
        let request = Request::new(self.subject.as_str(), &self.rules).with_cost(cost);
        // The store's answer says when it was given; the model is asked about the same moment.
        match random.u8(..) {
            0..16 => {
                let answer = self.bench.store.peek(&request).await?;
                agree(
                    step,
                    "peek",
                    &answer,
                    &look(&self.rules, &self.usages, cost, answer.at()),
                )
            }
            16..32 if self.bench.store.capabilities().refund => self.refund().await,
            32..36 => {
                self.bench.store.reset(&request).await?;
                (self.usages, self.charged) = ([Usage::default(); 2], None);
                Ok(())
            }
            _ => {
                let answer = self.bench.store.acquire(&request).await?;
                self.now = answer.at();
                let expected = decide(&self.rules, &mut self.usages, cost, self.now);
                let agreed = agree(step, "acquire", &answer, &expected);
                self.charged = Some((cost, answer));
                agreed
            }
        }
    }

    async fn refund(&mut self) -> Checked {
        let Some((cost, decision)) = self.charged.take() else {
            return Ok(());
        };
        if moment::matters(&self.rules, &self.usages, &decision, self.now) {
            return Ok(());
        }
        let request = Request::new(self.subject.as_str(), &self.rules).with_cost(cost);
        self.bench.store.refund(&request, &decision).await?;
        // A refund has no answer to say when it was carried out: look at once, and take that moment.
        let now = self.bench.store.peek(&request).await?.at();
        give_back(&self.rules, &mut self.usages, &decision, now);
        Ok(())
    }
}

fn agree(step: u32, call: &str, answer: &Decision, expected: &Decision) -> Checked {
    let told = |decision: &Decision| {
        let remaining: Vec<u64> = decision
            .statuses()
            .iter()
            .map(tidegate_core::Status::remaining)
            .collect();
        (decision.is_allowed(), remaining, decision.retry_after())
    };
    check!(
        told(answer) == told(expected),
        "step {step}, {call} of {}: (allowed, remaining, retry after) is {:?}, by the specification {:?}",
        answer.cost(),
        told(answer),
        told(expected),
    );
    Ok(())
}
