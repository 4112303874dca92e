//! Addresses: what a URL says of where to connect and how.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use crate::ConfigError;

/// Where the store's servers are.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    One(ConnectionInfo),
    Sentinel(SentinelTarget),
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
    /// From `redis://...`, or `redis+sentinel://[user:password@]host:port[,host:port...]/primary[/database]`; with
    /// `rediss` either speaks TLS.
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        match url.split_once("+sentinel://") {
            Some((scheme, rest)) => Self::sentinel(scheme, rest),
            None => parse_one(url).map(Self::One),
        }
    }

    fn sentinel(scheme: &str, rest: &str) -> Result<Self, ConfigError> {
        let (login, rest) = rest
            .rsplit_once('@')
            .map_or((String::new(), rest), |(login, rest)| {
                (format!("{login}@"), rest)
            });
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (primary, database) = path.split_once('/').unwrap_or((path, "0"));
        if primary.is_empty() {
            return Err(ConfigError::Address {
                problem:
                    "Sentinels need the primary's name: redis+sentinel://host:port,host:port/name"
                        .to_owned(),
            });
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

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::One(info) => info.addr().to_string(),
            Self::Sentinel(target) => {
                let sentinels: Vec<String> =
                    target.sentinels.iter().map(ToString::to_string).collect();
                format!(
                    "{} (by Sentinel at {})",
                    target.primary,
                    sentinels.join(", ")
                )
            }
        }
    }
}

fn parse_one(url: &str) -> Result<ConnectionInfo, ConfigError> {
    url.into_connection_info()
        .map_err(|error| ConfigError::Address {
            problem: error.to_string(),
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::*;

    fn sentinel(url: &str) -> SentinelTarget {
        match Target::parse(url).unwrap() {
            Target::Sentinel(target) => target,
            Target::One(info) => panic!("{info:?}"),
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
        let target = Target::parse("redis+sentinel://:secret@one:1/main").unwrap();
        assert_eq!(target.name(), "main (by Sentinel at one:1)");
    }
}
