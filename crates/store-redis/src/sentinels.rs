//! How to speak with Sentinels, where that differs from how to speak with the servers that they watch.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError};

use crate::server::TlsSettings;
use crate::target::SentinelTarget;

/// How to speak with Sentinels. Unless told here or in the address, without a login, and with TLS if the servers that
/// they watch have it, and then with the same settings.
///
/// ```
/// use tidegate_store_redis::{RedisStore, Sentinels};
///
/// let store = RedisStore::builder("redis+sentinel://app:secret@one:26379,two:26379/main")
///     .sentinels(Sentinels::new().user("watch").password("another secret"))
///     .build()?;
/// # Ok::<(), tidegate_store_redis::ConfigError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "settings do nothing until a builder has them"]
pub struct Sentinels {
    user: Option<String>,
    password: Option<String>,
    encryption: Encryption,
}

#[derive(Clone, Default)]
enum Encryption {
    #[default]
    AsServers,
    None,
    #[cfg(feature = "tls")]
    Tls(crate::Tls),
}

impl Sentinels {
    /// Without a login, and with TLS if the servers have it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The user to log in as, if it is not the default one.
    pub fn user(self, name: impl Into<String>) -> Self {
        Self {
            user: Some(name.into()),
            ..self
        }
    }

    /// The password to log in with: an ACL user's, or what stands behind `requirepass` in the Sentinels' configuration.
    pub fn password(self, password: impl Into<String>) -> Self {
        Self {
            password: Some(password.into()),
            ..self
        }
    }

    /// Speaks TLS with the Sentinels, with these settings, whether or not the servers have it.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: crate::Tls) -> Self {
        Self {
            encryption: Encryption::Tls(tls),
            ..self
        }
    }

    /// Speaks with the Sentinels without TLS, though the servers have it.
    pub fn plaintext(self) -> Self {
        Self {
            encryption: Encryption::None,
            ..self
        }
    }

    pub(crate) const fn says_nothing(&self) -> bool {
        self.user.is_none()
            && self.password.is_none()
            && matches!(self.encryption, Encryption::AsServers)
    }

    /// Takes effect on an address. `tls` are the servers' settings.
    pub(crate) fn apply(
        self,
        target: &mut SentinelTarget,
        tls: &TlsSettings,
    ) -> Result<(), RedisError> {
        let (is_tls, tls) = match self.encryption {
            Encryption::AsServers => (target.is_tls, tls.clone()),
            Encryption::None => (false, TlsSettings::default()),
            #[cfg(feature = "tls")]
            Encryption::Tls(tls) => (true, Some(tls)),
        };
        target.sentinel_tls = if is_tls { tls } else { TlsSettings::default() };
        for info in &mut target.sentinels {
            let mut login = info.redis_settings().clone();
            if self.user.is_some() || self.password.is_some() {
                login = login_of(self.user.as_deref(), self.password.as_deref());
            }
            *info = encrypted(info, is_tls)?.set_redis_settings(login);
        }
        Ok(())
    }
}

fn login_of(user: Option<&str>, password: Option<&str>) -> RedisConnectionInfo {
    let login = RedisConnectionInfo::default();
    let login = match user {
        Some(user) => login.set_username(user),
        None => login,
    };
    match password {
        Some(password) => login.set_password(password),
        None => login,
    }
}

/// The same address, with or without TLS.
fn encrypted(info: &ConnectionInfo, is_tls: bool) -> Result<ConnectionInfo, RedisError> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            crate::target::info(host.clone(), *port, is_tls, &RedisConnectionInfo::default())
        }
        other => other.clone().into_connection_info(),
    }
}

/// Says what is set, and shows no password.
impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels")
            .field("user", &self.user)
            .field("password", &self.password.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::*;
    use crate::target::Target;

    fn applied(sentinels: Sentinels, url: &str) -> SentinelTarget {
        match Target::parse(url).unwrap() {
            Target::Sentinel(mut target) => {
                let tls = TlsSettings::default();
                sentinels.apply(&mut target, &tls).unwrap();
                target
            }
            other => panic!("{other:?}"),
        }
    }

    #[cfg(feature = "tls")]
    fn speaks_tls(target: &SentinelTarget) -> bool {
        matches!(
            target.sentinels[0].addr(),
            ConnectionAddr::TcpTls {
                insecure: false,
                ..
            }
        )
    }

    #[test]
    fn what_is_said_here_holds_rather_than_what_the_address_says() {
        let url = "redis+sentinel://app:secret@one/main?sentinel_user=a&sentinel_password=b";
        let kept = applied(Sentinels::new(), url);
        assert_eq!(kept.sentinels[0].redis_settings().username(), Some("a"));
        let told = applied(Sentinels::new().password("c"), url);
        let login = told.sentinels[0].redis_settings();
        assert_eq!((login.username(), login.password()), (None, Some("c")));
        assert_eq!(told.login.password(), Some("secret"), "the servers' own");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_is_as_the_servers_have_it_unless_told() {
        let (plain, tls) = ("redis+sentinel://one/main", "rediss+sentinel://one/main");
        assert!(!speaks_tls(&applied(Sentinels::new(), plain)));
        assert!(speaks_tls(&applied(Sentinels::new(), tls)));
        let other = applied(Sentinels::new().tls(crate::Tls::new()), plain);
        assert!(speaks_tls(&other) && !other.is_tls);
        assert!(other.sentinel_tls.is_some());
        let other = applied(Sentinels::new().plaintext(), tls);
        assert!(!speaks_tls(&other) && other.is_tls);
    }

    #[test]
    fn the_password_is_not_shown() {
        let shown = format!("{:?}", Sentinels::new().user("watch").password("secret"));
        assert!(
            shown.contains("watch") && !shown.contains("secret"),
            "{shown}"
        );
    }
}
