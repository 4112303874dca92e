//! A policy's quota. Each field is looked at by itself first, so that what is wrong in one hides nothing in another.

use std::time::Duration;

use tidegate_limiter::{Algorithm, Quota, QuotaError};

use crate::fields::Fields;
use crate::mistake::Report;
use crate::value::Count;

pub(crate) fn quota(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Quota> {
    let limit: Option<Count> = fields.required("limit", report);
    let window = window(fields, report);
    let algorithm: Option<Algorithm> = fields.optional("algorithm", report);
    let burst = burst(fields, algorithm, report);
    let Count(limit) = limit?;
    let quota = Quota::new(limit, window?).and_then(|quota| counted_by(algorithm, quota));
    let quota = quota
        .inspect_err(|error| fields.wrong(cause(error), &error.to_string(), report))
        .ok()?;
    let Some(Count(burst)) = burst else {
        return Some(quota);
    };
    let quota = quota.with_burst(burst);
    quota
        .inspect_err(|error| fields.wrong("burst", &error.to_string(), report))
        .ok()
}

/// A window that goes with some limit, and so with all.
fn window(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Duration> {
    let window = fields.required("window", report)?;
    let tried = Quota::new(1, window);
    let tried = tried.inspect_err(|error| fields.wrong("window", &error.to_string(), report));
    tried.is_ok().then_some(window)
}

/// A burst that goes with the algorithm. Where that is wrong itself, it cannot be told.
fn burst(
    fields: &Fields<'_>,
    algorithm: Option<Algorithm>,
    report: &mut Report<'_>,
) -> Option<Count> {
    let burst: Count = fields.optional("burst", report)?;
    if algorithm.is_none() && fields.has("algorithm") {
        return None;
    }
    let tried = Quota::per_second(1).and_then(|quota| counted_by(algorithm, quota));
    match tried.and_then(|quota| quota.with_burst(burst.0)) {
        Err(error @ QuotaError::BurstWithoutBucket { .. }) => {
            fields.wrong("burst", &error.to_string(), report);
            None
        }
        _ => Some(burst),
    }
}

fn counted_by(algorithm: Option<Algorithm>, quota: Quota) -> Result<Quota, QuotaError> {
    algorithm.map_or(Ok(quota), |algorithm| quota.with_algorithm(algorithm))
}

/// The field that a limit and a window were refused for, which are right by themselves.
const fn cause(error: &QuotaError) -> &'static str {
    match error {
        QuotaError::RateTooHigh { .. } => "limit",
        _ => "algorithm",
    }
}
