//! Whom to trust, and what to prove oneself with, on addresses that ask for TLS.

use std::fmt;

/// TLS settings, for addresses that begin with `rediss`. Without any, the system's authorities are trusted.
///
/// ```
/// use tidegate_store_redis::{RedisStore, Tls};
///
/// # let pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
/// let builder = RedisStore::builder("rediss://redis.internal:6380").tls(Tls::new().authority(pem));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "settings do nothing until a builder has them"]
pub struct Tls {
    authority: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    /// The system's authorities, and no certificate of one's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities whose certificates these are, in PEM, and no others.
    pub fn authority(self, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            authority: Some(pem.into()),
            ..self
        }
    }

    /// Proves itself with a certificate and its key, in PEM, where the server asks for one.
    pub fn identity(self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self {
            identity: Some((certificate.into(), key.into())),
            ..self
        }
    }

    /// As the client library takes it.
    pub(crate) fn certificates(&self) -> redis::TlsCertificates {
        let identity = self.identity.clone();
        redis::TlsCertificates {
            client_tls: identity.map(|(client_cert, client_key)| redis::ClientTlsConfig {
                client_cert,
                client_key,
            }),
            root_cert: self.authority.clone(),
        }
    }
}

/// Says what is set, and shows no key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authority", &self.authority.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}
