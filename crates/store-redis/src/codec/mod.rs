//! The bytes that scripts take and give: little-endian numbers of any width, rules, records' heads.

mod acquire;
#[cfg(test)]
mod any_answer;
mod reader;
mod refund;
mod rules;
mod sync;
mod writer;

pub(crate) use acquire::{Batch, Request};
pub(crate) use refund::{encode_refund, encode_rules};
pub(crate) use sync::{Chunk, Replies, Subject as SyncSubject};

use redis::Value;
use tidegate_core::Timestamp;
use tidegate_store::Registry;

use self::reader::Reader;

/// What every script's answer begins with.
struct Answer<'a> {
    now: Timestamp,
    rest: &'a [Value],
}

impl<'a> Answer<'a> {
    fn parse(value: &'a Value) -> Option<Self> {
        let Value::Array(parts) = value else {
            return None;
        };
        let [seconds, micros, rest @ ..] = parts.as_slice() else {
            return None;
        };
        let micros = decimal(seconds)?
            .checked_mul(1_000_000)?
            .checked_add(decimal(micros)?)?;
        Some(Self {
            now: Timestamp::from_micros(micros),
            rest,
        })
    }
}

/// A number that the server tells as text, as `TIME` does, or as a number.
fn decimal(value: &Value) -> Option<u64> {
    match value {
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

/// The registry, as an answer tells it.
pub(crate) fn registry(value: &Value) -> Option<Registry> {
    let Answer { now, rest } = Answer::parse(value)?;
    let [
        nodes,
        Value::BulkString(generation),
        Value::BulkString(history),
    ] = rest
    else {
        return None;
    };
    let generation = hexadecimal(generation)?;
    // All of a generation's data is there only in the history in which it was written.
    let history = hexadecimal(history.get(..16).unwrap_or_default());
    Some(Registry {
        nodes: u32::try_from(decimal(nodes)?).unwrap_or(u32::MAX),
        now,
        generation: Some(generation ^ history.unwrap_or(0)),
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The time and the number that an answer consists of.
pub(crate) fn time_and_number(value: &Value) -> Option<(Timestamp, u64)> {
    let answer = Answer::parse(value)?;
    Some((answer.now, decimal(answer.rest.first()?)?))
}
