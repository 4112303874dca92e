//! Asks Sentinels where the primary is.

use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ConnectionInfo, RedisResult, TlsMode};
use tokio::sync::Mutex;

use crate::target::SentinelTarget;

/// Finds the primary anew for every connection: that it has changed is the usual reason to open one.
pub(super) struct Guide {
    client: Mutex<SentinelClient>,
}

impl Guide {
    #[cfg_attr(not(feature = "tls"), allow(unused_variables))]
    pub(super) fn new(target: SentinelTarget, tls: &super::TlsSettings) -> RedisResult<Self> {
        let is_tls = matches!(
            target.sentinels.first(),
            Some(ConnectionAddr::TcpTls { .. })
        );
        let kind = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(target.sentinels, target.primary, kind)?
            .set_client_to_redis_db(target.login.db());
        if let Some(user) = target.login.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = target.login.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if is_tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_tls_mode(TlsMode::Secure);
            #[cfg(feature = "tls")]
            if let Some(tls) = tls {
                builder = builder
                    .set_client_to_redis_certificates(tls.certificates())
                    .set_client_to_sentinel_certificates(tls.certificates());
            }
        }
        Ok(Self {
            client: Mutex::new(builder.build()?),
        })
    }

    /// Where the primary is now, by the first Sentinel that answers, if that server says so too.
    pub(super) async fn primary(&self) -> RedisResult<ConnectionInfo> {
        let client = self.client.lock().await.async_get_client().await?;
        Ok(client.get_connection_info().clone())
    }
}
