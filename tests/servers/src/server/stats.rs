//! What a server says of its own work.

use std::collections::BTreeMap;

/// Counts since the server started. Take one before and one after, and look at the difference
/// ([`since`](Self::since)): the administrator's own commands are in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that it accepted.
    pub connections: u64,
    /// Commands that it processed.
    pub commands: u64,
    /// Clients connected at this moment.
    pub clients: u64,
    /// Microseconds of processor time, the system's share included.
    pub cpu_micros: u64,
    /// Bytes in use.
    pub memory: u64,
    /// Calls by command, in lower case: `evalsha`, `script|load`.
    pub calls: BTreeMap<String, u64>,
    /// Errors that it answered with, by their first word: `TRYAGAIN`.
    pub errors: BTreeMap<String, u64>,
}

impl Stats {
    pub(super) fn parse(info: &str) -> Self {
        let mut stats = Self::default();
        for line in info.lines() {
            let Some((name, value)) = line.trim_end().split_once(':') else {
                continue;
            };
            match name {
                "total_connections_received" => stats.connections = number(value),
                "total_commands_processed" => stats.commands = number(value),
                "connected_clients" => stats.clients = number(value),
                "used_memory" => stats.memory = number(value),
                "used_cpu_user" | "used_cpu_sys" => stats.cpu_micros += micros(value),
                _ => {
                    if let Some(command) = name.strip_prefix("cmdstat_") {
                        let calls = counted("calls=", value);
                        stats.calls.insert(command.to_owned(), calls);
                    } else if let Some(error) = name.strip_prefix("errorstat_") {
                        let count = counted("count=", value);
                        stats.errors.insert(error.to_owned(), count);
                    }
                }
            }
        }
        stats
    }

    /// How often a command was called; 0 if never.
    pub fn calls_of(&self, command: &str) -> u64 {
        self.calls.get(command).copied().unwrap_or(0)
    }

    /// How often it answered with an error that begins so; 0 if never.
    pub fn errors_of(&self, kind: &str) -> u64 {
        self.errors.get(kind).copied().unwrap_or(0)
    }

    /// What was counted after `before`. Clients and memory stay what they are now.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            connections: self.connections - before.connections,
            commands: self.commands - before.commands,
            cpu_micros: self.cpu_micros - before.cpu_micros,
            calls: grown(&self.calls, &before.calls),
            errors: grown(&self.errors, &before.errors),
            ..self.clone()
        }
    }
}

fn number(value: &str) -> u64 {
    value.parse().unwrap_or(0)
}

/// From seconds with six digits after the point.
fn micros(value: &str) -> u64 {
    let (seconds, rest) = value.split_once('.').unwrap_or((value, ""));
    number(seconds) * 1_000_000 + number(&format!("{rest:0<6}")[..6])
}

/// From `calls=12,usec=34,...`.
fn counted(name: &str, value: &str) -> u64 {
    value
        .split(',')
        .find_map(|part| part.strip_prefix(name))
        .map_or(0, number)
}

/// By how much each count has grown, where it has.
fn grown(after: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let grown = after.iter().map(|(name, count)| {
        let before = before.get(name).copied().unwrap_or(0);
        (name.clone(), count - before)
    });
    grown.filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Stats\r\ntotal_connections_received:7\r\ntotal_commands_processed:41\r\n\
        connected_clients:2\r\nused_memory:1000\r\nused_cpu_sys:1.500000\r\nused_cpu_user:0.25\r\n\
        cmdstat_evalsha:calls=12,usec=34,usec_per_call=2.83,rejected_calls=0,failed_calls=0\r\n\
        cmdstat_script|load:calls=1,usec=3\r\nerrorstat_NOSCRIPT:count=2\r\n";

    #[test]
    fn what_a_server_says_is_read() {
        let stats = Stats::parse(INFO);
        assert_eq!(
            (stats.connections, stats.commands, stats.clients),
            (7, 41, 2)
        );
        assert_eq!((stats.cpu_micros, stats.memory), (1_750_000, 1_000));
        assert_eq!(stats.calls_of("evalsha"), 12);
        assert_eq!(stats.calls_of("script|load"), 1);
        assert_eq!(stats.calls_of("eval"), 0);
        assert_eq!(
            (stats.errors_of("NOSCRIPT"), stats.errors_of("OOM")),
            (2, 0)
        );
    }

    #[test]
    fn a_difference_names_only_what_was_called() {
        let before = Stats::parse(INFO);
        let after = Stats::parse(&INFO.replace("calls=12", "calls=15"));
        let between = after.since(&before);
        assert_eq!(
            between.calls.into_iter().collect::<Vec<_>>(),
            [("evalsha".to_owned(), 3)]
        );
    }
}
