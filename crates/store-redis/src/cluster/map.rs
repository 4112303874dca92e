//! Who has which slots, as a member of the cluster says.

use redis::Value;

/// A range of slots, and the address of the server that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) owner: Address,
}

/// A member's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// From `host:port`. A member that does not know its own host's name leaves it out; then it is `asked`, who was
    /// asked.
    pub(super) fn parse(text: &str, asked: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self {
            host: known(host, asked),
            port: port.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The answer to `CLUSTER SLOTS`: what is not understood in it is left out.
pub(super) fn parse(answer: &Value, asked: &Address) -> Vec<Range> {
    let Value::Array(ranges) = answer else {
        return Vec::new();
    };
    ranges
        .iter()
        .filter_map(|range| parse_range(range, asked))
        .collect()
}

fn parse_range(value: &Value, asked: &Address) -> Option<Range> {
    let Value::Array(parts) = value else {
        return None;
    };
    let [first, last, Value::Array(primary), ..] = parts.as_slice() else {
        return None;
    };
    let [host, port, ..] = primary.as_slice() else {
        return None;
    };
    let host = match host {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    };
    Some(Range {
        first: small(first)?,
        last: small(last)?,
        owner: Address {
            host: known(&host, asked),
            port: small(port)?,
        },
    })
}

fn known(host: &str, asked: &Address) -> String {
    match host {
        "" | "?" => asked.host.clone(),
        host => host.to_owned(),
    }
}

fn small(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Address {
        Address {
            host: "asked".to_owned(),
            port: 1,
        }
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn ranges_are_read_and_what_is_no_range_is_left_out() {
        let node = |host, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let range =
            |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let answer = Value::Array(vec![
            range(0, 99, node(text("10.0.0.1"), 7_000)),
            range(100, 200, node(text(""), 7_001)),
            range(201, 201, node(Value::Nil, 7_002)),
            range(300, 100_000, node(text("x"), 7_003)),
            Value::Nil,
        ]);
        let found: Vec<String> = parse(&answer, &asked())
            .iter()
            .map(|range| format!("{}-{} {}", range.first, range.last, range.owner))
            .collect();
        assert_eq!(
            found,
            [
                "0-99 10.0.0.1:7000",
                "100-200 asked:7001",
                "201-201 asked:7002"
            ]
        );
    }

    #[test]
    fn redirections_name_hosts_of_every_kind() {
        for (told, expected) in [
            ("10.0.0.1:7000", "10.0.0.1:7000"),
            (":7000", "asked:7000"),
            ("?:7000", "asked:7000"),
            ("fe80::1:7000", "fe80::1:7000"),
            ("redis.internal:7000", "redis.internal:7000"),
        ] {
            let address = Address::parse(told, &asked()).unwrap();
            assert_eq!(address.to_string(), expected);
        }
        assert_eq!(Address::parse("nothing", &asked()), None);
        assert_eq!(Address::parse("host:70000", &asked()), None);
    }
}
