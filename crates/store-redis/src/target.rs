//! Addresses: what a URL says of where to connect and how.

mod sentinels;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError};

pub(crate) use self::sentinels::SentinelTarget;
use crate::ConfigError;
use crate::cluster::Address;

/// Where the store's servers are.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    One(ConnectionInfo),
    Sentinel(SentinelTarget),
    Cluster(ClusterTarget),
}

/// A cluster of which some members are known.
#[derive(Clone, Debug)]
pub(crate) struct ClusterTarget {
    pub(crate) seeds: Vec<Address>,
    pub(crate) is_tls: bool,
    /// User and password, the same for all members.
    pub(crate) login: RedisConnectionInfo,
}

impl Target {
    /// From `redis://...`, or `redis+sentinel://[user:password@]host:port[,host:port...]/primary[/database]`, or several
    /// addresses of a cluster, `redis://[user:password@]host:port,host:port...`, or `redis+cluster://` and one of them;
    /// with `rediss` each speaks TLS.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        Self::read(url).map_err(|Problem(problem)| ConfigError::address(url, problem))
    }

    fn read(url: &str) -> Result<Self, Problem> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong("it has no scheme"));
        };
        if let Some(scheme) = scheme.strip_suffix("+sentinel") {
            SentinelTarget::read(scheme, rest).map(Self::Sentinel)
        } else if let Some(scheme) = scheme.strip_suffix("+cluster") {
            Self::cluster(scheme, rest)
        } else if rest.contains(',') {
            Self::cluster(scheme, rest)
        } else {
            parse_one(url).map(Self::One)
        }
    }

    fn cluster(scheme: &str, rest: &str) -> Result<Self, Problem> {
        let again = format!("{scheme}://");
        let mut login = String::new();
        let mut parsed = Vec::new();
        for item in rest.split(',') {
            let item = item.strip_prefix(&again).unwrap_or(item);
            if item.contains("://") {
                return Err(wrong("a cluster's addresses differ in their schemes"));
            }
            // What the first one says of user and password holds for all.
            let host = item.rsplit_once('@').map_or(item, |(told, host)| {
                login = format!("{told}@");
                host
            });
            parsed.push(parse_one(&format!("{again}{login}{host}"))?);
        }
        if parsed.iter().any(|info| info.redis_settings().db() != 0) {
            return Err(wrong("a cluster has no database but 0"));
        }
        let seeds = parsed.iter().map(|info| match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Ok(Address {
                    host: host.clone(),
                    port: *port,
                })
            }
            _ => Err(wrong("a cluster has no members on sockets")),
        });
        let first = parsed.first();
        Ok(Self::Cluster(ClusterTarget {
            is_tls: first.is_some_and(|info| matches!(info.addr(), ConnectionAddr::TcpTls { .. })),
            login: first
                .map(|info| info.redis_settings().clone())
                .unwrap_or_default(),
            seeds: seeds.collect::<Result<_, _>>()?,
        }))
    }
}

impl ClusterTarget {
    /// How to connect to a member.
    pub(crate) fn member(&self, address: &Address) -> Result<ConnectionInfo, RedisError> {
        info(address.host.clone(), address.port, self.is_tls, &self.login)
    }
}

/// How to connect to a server.
pub(crate) fn info(
    host: String,
    port: u16,
    is_tls: bool,
    login: &RedisConnectionInfo,
) -> Result<ConnectionInfo, RedisError> {
    let addr = if is_tls {
        ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    Ok(addr
        .into_connection_info()?
        .set_redis_settings(login.clone()))
}

/// What is wrong with an address.
struct Problem(String);

fn wrong(problem: &str) -> Problem {
    Problem(problem.to_owned())
}

fn parse_one(url: &str) -> Result<ConnectionInfo, Problem> {
    url.into_connection_info()
        .map_err(|error| Problem(error.to_string()))
}

/// The address as it may be shown: whatever stands before the last `@`, or after a question mark, may be a password.
pub(crate) fn without_login(url: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, None), |(rest, query)| (rest, Some(query)));
    if query.is_some_and(|query| query.contains('@')) {
        // Which of the two signs is part of a password cannot be known.
        return format!("{scheme}{separator}***");
    }
    let query = if query.is_some() { "?***" } else { "" };
    match rest.rsplit_once('@') {
        Some((_, shown)) => format!("{scheme}{separator}***@{shown}{query}"),
        None => format!("{scheme}{separator}{rest}{query}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::*;

    fn cluster(url: &str) -> ClusterTarget {
        match Target::parse(url).unwrap() {
            Target::Cluster(target) => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_clusters_members_are_read() {
        for url in [
            "redis://app:p%2cw@one:1,two:2",
            "redis://app:p%2cw@one:1,redis://two:2",
            "redis+cluster://app:p%2cw@one:1,two:2/",
        ] {
            let target = cluster(url);
            let shown: Vec<String> = target.seeds.iter().map(ToString::to_string).collect();
            assert_eq!(shown, ["one:1", "two:2"], "{url}");
            assert_eq!(target.login.password(), Some("p,w"));
            assert!(!target.is_tls);
        }
        assert!(cluster("rediss://one:1,two:2").is_tls);
        assert_eq!(
            cluster("redis+cluster://[::1]").seeds[0].to_string(),
            "::1:6379"
        );
    }

    #[test]
    fn wrong_addresses_are_told_without_the_password() {
        for (url, told) in [
            ("", "no scheme"),
            ("localhost:6379", "no scheme"),
            (
                "redis://:secret@one:1,rediss://two:2",
                "differ in their schemes",
            ),
            ("redis://:secret@one:1,two:2/3", "no database but 0"),
            ("redis://:secret@one:x", ""),
            ("http://:secret@one", ""),
            ("redis://:secret@", ""),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(told), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
            let host = url.rsplit_once('@').map_or(url, |(_, host)| host);
            assert!(error.contains(host), "{url}: {error}");
            assert!(error.contains("it must be redis://"), "{url}: {error}");
        }
    }
}
