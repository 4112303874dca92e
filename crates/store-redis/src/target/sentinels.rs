//! The part of an address that names Sentinels.

use redis::{ConnectionAddr, ConnectionInfo, RedisConnectionInfo};

use super::{Problem, parse_one, wrong};
use crate::server::TlsSettings;

/// The primary that Sentinels call by a name.
#[derive(Clone, Debug)]
pub(crate) struct SentinelTarget {
    /// How to connect to each Sentinel, but for its certificates.
    pub(crate) sentinels: Vec<ConnectionInfo>,
    pub(crate) sentinel_tls: TlsSettings,
    pub(crate) primary: String,
    /// Whether the primary speaks TLS.
    pub(crate) is_tls: bool,
    /// User, password and database, for the primary.
    pub(crate) login: RedisConnectionInfo,
}

impl SentinelTarget {
    /// From what stands behind the scheme.
    pub(super) fn read(scheme: &str, rest: &str) -> Result<Self, Problem> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
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
        // The primary's login, in the only form that the client library reads one from.
        let server = parse_one(&format!("{scheme}://{login}primary/{database}"))?;
        let login = sentinel_login(query)?;
        let sentinel = |host: &str| {
            let port = if names_port(host) { "" } else { SENTINEL_PORT };
            let info = parse_one(&format!("{scheme}://{host}{port}"))?;
            Ok(info.set_redis_settings(login.clone()))
        };
        Ok(Self {
            sentinels: hosts.split(',').map(sentinel).collect::<Result<_, _>>()?,
            sentinel_tls: TlsSettings::default(),
            primary: primary.to_owned(),
            is_tls: matches!(server.addr(), ConnectionAddr::TcpTls { .. }),
            login: server.redis_settings().clone(),
        })
    }

    /// What the primary is called in messages.
    pub(crate) fn name(&self) -> String {
        let addresses = self.sentinels.iter().map(|info| info.addr().to_string());
        let addresses: Vec<String> = addresses.collect();
        format!("{} (by Sentinel at {})", self.primary, addresses.join(", "))
    }
}

/// Where Sentinels listen unless told otherwise.
const SENTINEL_PORT: &str = ":26379";

fn names_port(host: &str) -> bool {
    let after_brackets = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
    after_brackets.contains(':')
}

/// The Sentinels' own user and password: `sentinel_user=...&sentinel_password=...`, percent-encoded as those of a server.
fn sentinel_login(query: &str) -> Result<RedisConnectionInfo, Problem> {
    let (mut user, mut password) = ("", "");
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sentinel_user", value)) => user = value,
            Some(("sentinel_password", value)) => password = value,
            _ => {
                return Err(wrong(
                    "after its question mark may stand sentinel_user=... and sentinel_password=..., with & between them",
                ));
            }
        }
    }
    if user.is_empty() && password.is_empty() {
        return Ok(RedisConnectionInfo::default());
    }
    const HOST: &str = "sentinel";
    match parse_one(&format!("redis://{user}:{password}@{HOST}")) {
        Ok(info) if matches!(info.addr(), ConnectionAddr::Tcp(host, _) if host == HOST) => {
            Ok(info.redis_settings().clone())
        }
        _ => Err(wrong(
            "sentinel_user and sentinel_password must be percent-encoded",
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::super::Target;
    use super::*;

    fn sentinel(url: &str) -> SentinelTarget {
        match Target::parse(url).unwrap() {
            Target::Sentinel(target) => target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sentinels_are_read() {
        let target = sentinel("redis+sentinel://app:p%40ss@one:1,two:2/main/3");
        let shown = |info: &ConnectionInfo| info.addr().to_string();
        let shown: Vec<String> = target.sentinels.iter().map(shown).collect();
        assert_eq!(shown, ["one:1", "two:2"]);
        assert_eq!(target.primary, "main");
        assert_eq!(target.login.username(), Some("app"));
        assert_eq!(target.login.password(), Some("p@ss"));
        assert_eq!(target.login.db(), 3);
    }

    #[test]
    fn sentinels_have_a_login_of_their_own() {
        let target = sentinel(
            "redis+sentinel://app:secret@one/main?sentinel_user=watch&sentinel_password=p@%40ss",
        );
        let own = target.sentinels[0].redis_settings();
        assert_eq!(
            (own.username(), own.password()),
            (Some("watch"), Some("p@@ss"))
        );
        assert_eq!(target.login.password(), Some("secret"));
        let alone = sentinel("redis+sentinel://one/main?sentinel_password=x");
        let own = alone.sentinels[0].redis_settings();
        assert_eq!((own.username(), own.password()), (None, Some("x")));
        let none = sentinel("redis+sentinel://app:secret@one/main");
        assert_eq!(none.sentinels[0].redis_settings().password(), None);
    }

    #[test]
    fn sentinels_listen_on_their_own_port_unless_told() {
        let target = sentinel("redis+sentinel://one,two:2,[::1],[::1]:4/main");
        let shown = |info: &ConnectionInfo| info.addr().to_string();
        let shown: Vec<String> = target.sentinels.iter().map(shown).collect();
        assert_eq!(shown, ["one:26379", "two:2", "::1:26379", "::1:4"]);
    }

    #[test]
    fn a_wrong_login_of_sentinels_is_told_without_the_password() {
        for (url, shown) in [
            (
                "redis+sentinel://one/main?sentinel_pasword=secret",
                "sentinel_password=",
            ),
            (
                "redis+sentinel://one/main?sentinel_password=secret/",
                "percent-encoded",
            ),
            ("redis+sentinel://u:se?cret@one/main", "the primary's name"),
            (
                "redis+sentinel://one?sentinel_password=secret",
                "the primary's name",
            ),
        ] {
            let error = Target::parse(url).map(drop).unwrap_err().to_string();
            assert!(error.contains(shown), "{url}: {error}");
            let told = error.split("it must be").next().unwrap();
            assert!(
                !told.contains("secret") && !told.contains("cret@"),
                "{error}"
            );
        }
    }

    #[test]
    fn sentinels_with_tls_are_asked_with_tls() {
        let target = sentinel("rediss+sentinel://one:1/main");
        assert!(target.is_tls);
        let address = target.sentinels[0].addr();
        assert!(matches!(address, ConnectionAddr::TcpTls { .. }));
    }

    #[test]
    fn a_name_is_asked_for_and_shows_no_password() {
        let error = Target::parse("redis+sentinel://one:1").unwrap_err();
        assert!(error.to_string().contains("the primary's name"), "{error}");
        let target = sentinel("redis+sentinel://:secret@one:1/main");
        assert_eq!(target.name(), "main (by Sentinel at one:1)");
    }
}
