//! Addresses: what a URL says of where to connect and how.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError};

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

/// The primary that Sentinels call by a name.
#[derive(Clone, Debug)]
pub(crate) struct SentinelTarget {
    pub(crate) sentinels: Vec<ConnectionAddr>,
    pub(crate) primary: String,
    /// User, password and database, for the primary.
    pub(crate) login: RedisConnectionInfo,
}

impl Target {
    /// From `redis://...`, or `redis+sentinel://[user:password@]host:port[,host:port...]/primary[/database]`, or several
    /// addresses of a cluster, `redis://[user:password@]host:port,host:port...`, or `redis+cluster://` and one of them;
    /// with `rediss` each speaks TLS.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        Self::read(url).map_err(|Problem(problem)| ConfigError::Address {
            address: without_login(url),
            problem,
        })
    }

    fn read(url: &str) -> Result<Self, Problem> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return Err(wrong("it has no scheme"));
        };
        if let Some(scheme) = scheme.strip_suffix("+sentinel") {
            Self::sentinel(scheme, rest)
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

    fn sentinel(scheme: &str, rest: &str) -> Result<Self, Problem> {
        let (login, rest) = rest
            .rsplit_once('@')
            .map_or((String::new(), rest), |(login, rest)| {
                (format!("{login}@"), rest)
            });
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (primary, database) = path.split_once('/').unwrap_or((path, "0"));
        if primary.is_empty() {
            return Err(wrong(
                "Sentinels need the primary's name: redis+sentinel://host:port,host:port/name",
            ));
        }
        let parsed = hosts
            .split(',')
            .map(|host| parse_one(&format!("{scheme}://{login}{host}/{database}")))
            .collect::<Result<Vec<_>, _>>()?;
        // Splitting gives one host at least.
        let login = parsed
            .first()
            .map(|info| info.redis_settings().clone())
            .unwrap_or_default();
        Ok(Self::Sentinel(SentinelTarget {
            sentinels: parsed.iter().map(|info| info.addr().clone()).collect(),
            primary: primary.to_owned(),
            login,
        }))
    }
}

impl SentinelTarget {
    /// What the primary is called in messages.
    pub(crate) fn name(&self) -> String {
        let sentinels: Vec<String> = self.sentinels.iter().map(ToString::to_string).collect();
        format!("{} (by Sentinel at {})", self.primary, sentinels.join(", "))
    }
}

impl ClusterTarget {
    /// How to connect to a member.
    pub(crate) fn member(&self, address: &Address) -> Result<ConnectionInfo, RedisError> {
        let (host, port) = (address.host.clone(), address.port);
        let addr = if self.is_tls {
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
            .set_redis_settings(self.login.clone()))
    }
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

/// The address as it may be shown: whatever stands before the last `@` may be a password.
pub(crate) fn without_login(url: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    rest.rsplit_once('@').map_or_else(
        || url.to_owned(),
        |(_, shown)| format!("{scheme}{separator}***@{shown}"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::*;

    fn sentinel(url: &str) -> SentinelTarget {
        match Target::parse(url).unwrap() {
            Target::Sentinel(target) => target,
            other => panic!("{other:?}"),
        }
    }

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

    #[test]
    fn sentinels_are_read() {
        let target = sentinel("redis+sentinel://app:p%40ss@one:1,two:2/main/3");
        let shown: Vec<String> = target.sentinels.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["one:1", "two:2"]);
        assert_eq!(target.primary, "main");
        assert_eq!(target.login.username(), Some("app"));
        assert_eq!(target.login.password(), Some("p@ss"));
        assert_eq!(target.login.db(), 3);
    }

    #[test]
    fn sentinels_with_tls_are_asked_with_tls() {
        let target = sentinel("rediss+sentinel://one:1/main");
        assert!(matches!(target.sentinels[0], ConnectionAddr::TcpTls { .. }));
    }

    #[test]
    fn a_name_is_asked_for_and_shows_no_password() {
        let error = Target::parse("redis+sentinel://one:1").unwrap_err();
        assert!(error.to_string().contains("the primary's name"), "{error}");
        let target = sentinel("redis+sentinel://:secret@one:1/main");
        assert_eq!(target.name(), "main (by Sentinel at one:1)");
    }
}
