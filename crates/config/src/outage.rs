//! A policy's outage setting: one for all of an outage, or one first and another later.

use std::time::Duration;

use tidegate_limiter::{Fallback, Grace, MAX_WINDOW, Outage};

use crate::fields::Fields;
use crate::mistake::Report;

const GRACE: &[&str] = &["first", "for", "then"];
const DAY: u64 = 24 * 60 * 60;

pub(crate) fn outage(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Outage> {
    if !fields.is_table("outage") {
        let fallback: Option<Fallback> = fields.optional("outage", report);
        return fallback.map(Outage::Always);
    }
    let grace = fields.inner("outage")?;
    grace.nothing_but(GRACE, report);
    let first = grace.required("first", report);
    let lasting = lasting(&grace, report);
    let then = grace.required("then", report);
    Some(Outage::Grace(Grace {
        lasting: lasting?,
        first: first?,
        then: then?,
    }))
}

/// Some time, but no longer than anything is counted for: what is meant to last for ever is said without a grace.
fn lasting(grace: &Fields<'_>, report: &mut Report<'_>) -> Option<Duration> {
    let lasting: Duration = grace.required("for", report)?;
    if lasting.is_zero() || lasting > MAX_WINDOW {
        let most = MAX_WINDOW.as_secs() / DAY;
        let message = format!("it must be longer than no time and at most {most} days");
        grace.wrong("for", &message, report);
        return None;
    }
    Some(lasting)
}
