//! The flags, each checked as far as it can be by itself.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tidegate_config::duration;
use tidegate_http::Cidrs;
use tidegate_limiter::{
    Algorithm, Fallback, MAX_COUNT, MAX_DEADLINE, MIN_DEADLINE, Quota, Tolerance,
};
use tracing_subscriber::filter::LevelFilter;

/// A server that limits real requests.
#[derive(Clone, Debug, Parser)]
#[command(name = "tidegate-demo")]
pub(crate) struct Flags {
    /// Where to listen: an address and a port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// The web framework that serves
    #[arg(long, default_value_t = Framework::Axum)]
    pub(crate) framework: Framework,

    /// What holds the counts
    #[arg(long, default_value_t = Store::Memory)]
    pub(crate) store: Store,

    /// The Redis server; several, separated by commas, are a cluster
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    pub(crate) redis: String,

    /// How many requests a client may make in a window
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit, allow_negative_numbers = true)]
    pub(crate) limit: u64,

    /// The window: a time such as 60s, 2s, 500ms or 1m
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = window)]
    pub(crate) window: Time,

    /// How requests are counted: fixed-window, sliding-window or token-bucket
    #[arg(long, value_name = "NAME", default_value_t = Algorithm::SlidingWindow)]
    pub(crate) algorithm: Algorithm,

    /// How far past the limit all nodes together may go, as a fraction of it; 0 is exact
    #[arg(long, value_name = "FRACTION", default_value = "0.01", value_parser = tolerance, allow_negative_numbers = true)]
    pub(crate) tolerance: Tolerance,

    /// The longest that a decision may wait for the store
    #[arg(long, value_name = "DUR", default_value = "50ms", value_parser = deadline)]
    pub(crate) deadline: Time,

    /// What to do while the store cannot be reached: share, full, open or closed; the policies' own setting or the
    /// store's default if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) outage: Option<Fallback>,

    /// How many nodes limit together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = nodes, allow_negative_numbers = true)]
    pub(crate) expected_nodes: u32,

    /// A TOML file of named policies, instead of --limit, --window, --algorithm and --tolerance; read anew on SIGHUP
    #[arg(long, value_name = "FILE", conflicts_with_all = ["limit", "window", "algorithm", "tolerance"])]
    pub(crate) policies: Option<PathBuf>,

    /// Believe X-Forwarded-For from proxies with these addresses
    #[arg(long, value_name = "CIDR,...")]
    pub(crate) trust_proxy: Option<Cidrs>,

    /// Decide and report, but deny nothing
    #[arg(long)]
    pub(crate) shadow: bool,

    /// How much is logged to standard error: off, error, warn, info, debug (every denial) or trace (every request)
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = level)]
    pub(crate) log: LevelFilter,
}

/// A time, and how it was typed.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    pub(crate) is: Duration,
    typed: String,
}

/// The web frameworks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

/// What can hold the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    Memory,
    Redis,
    Tiered,
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Axum => "axum",
            Self::Actix => "actix",
        })
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
            Self::Tiered => "tiered",
        })
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "it must be an address and a port, like 127.0.0.1:8080 or [::1]:8080".to_owned()
    })
}

fn limit(text: &str) -> Result<u64, String> {
    whole(text, MAX_COUNT)
}

fn nodes(text: &str) -> Result<u32, String> {
    whole(text, u32::MAX.into())
}

fn whole<T: FromStr + TryInto<u64> + Copy>(text: &str, most: u64) -> Result<T, String> {
    let number = text.parse().ok();
    number
        .filter(|number: &T| {
            (*number)
                .try_into()
                .is_ok_and(|it| (1..=most).contains(&it))
        })
        .ok_or_else(|| format!("it must be a whole number, 1 to {most}"))
}

fn time(text: &str) -> Result<Time, String> {
    let is = duration(text).map_err(|error| error.to_string())?;
    let typed = text.to_owned();
    Ok(Time { is, typed })
}

/// A window that goes with some limit, and so with all.
fn window(text: &str) -> Result<Time, String> {
    let window = time(text)?;
    let tried = Quota::new(1, window.is).map_err(|error| error.to_string());
    tried.map(|_| window)
}

fn deadline(text: &str) -> Result<Time, String> {
    let deadline = time(text)?;
    if !(MIN_DEADLINE..=MAX_DEADLINE).contains(&deadline.is) {
        return Err(format!("it must be {MIN_DEADLINE:?} to {MAX_DEADLINE:?}"));
    }
    Ok(deadline)
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    let fraction: f64 = text
        .parse()
        .map_err(|_| "it must be a fraction from 0 (exact) to 1".to_owned())?;
    Tolerance::from_fraction(fraction).map_err(|error| error.to_string())
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse()
        .map_err(|_| "it must be off, error, warn, info, debug or trace".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn error(flag: &str, value: &str) -> String {
        let wrong = Flags::try_parse_from(["tidegate-demo", flag, value]);
        wrong.unwrap_err().to_string()
    }

    #[test]
    fn the_flags_are_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn a_wrong_value_is_named_and_so_is_what_is_allowed() {
        for (flag, value, allowed) in [
            ("--listen", "localhost", "127.0.0.1:8080"),
            ("--framework", "rocket", "axum"),
            ("--store", "disk", "memory"),
            ("--limit", "many", "whole number"),
            ("--limit", "-1", "whole number"),
            ("--limit", "0", "1 to 9007199254740991"),
            ("--limit", "9007199254740992", "1 to 9007199254740991"),
            ("--limit", "18446744073709551616", "1 to 9007199254740991"),
            ("--window", "soon", "500ms"),
            ("--window", "60", "60s"),
            ("--window", "1M", "m (minutes)"),
            ("--window", "367days", "1ms to 366 days"),
            ("--window", "0s", "1ms to 366 days"),
            ("--window", "1500us", "whole number of milliseconds"),
            ("--deadline", "1y", "m (minutes)"),
            ("--deadline", "0s", "1ms to 60s"),
            ("--deadline", "61s", "1ms to 60s"),
            ("--algorithm", "leaky", "fixed-window"),
            ("--tolerance", "2", "0 (exact) to 1"),
            ("--tolerance", "NaN", "0 (exact) to 1"),
            ("--tolerance", "some", "0 (exact) to 1"),
            ("--outage", "panic", "share, full, open or closed"),
            ("--expected-nodes", "0.5", "whole number"),
            ("--expected-nodes", "0", "1 to 4294967295"),
            ("--expected-nodes", "4294967296", "1 to 4294967295"),
            ("--trust-proxy", "proxy", "10.0.0.0/8"),
            ("--log", "loud", "warn, info, debug"),
        ] {
            let message = error(flag, value);
            assert!(
                message.contains(&format!("'{value}' for '{flag}")),
                "{flag} {value}: {message}"
            );
            assert!(message.contains(allowed), "{flag} {value}: {message}");
        }
    }

    #[test]
    fn a_file_of_policies_and_a_policy_in_flags_exclude_each_other() {
        let both = ["tidegate-demo", "--policies", "p.toml", "--limit", "5"];
        let message = Flags::try_parse_from(both).unwrap_err().to_string();
        assert!(
            message.contains("--policies") && message.contains("--limit"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_flag_is_named() {
        assert!(error("--colour", "red").contains("--colour"));
    }
}
