//! Addresses: what a URL says of where to connect and how.

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::ConfigError;

/// Where the store's servers are.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    One(ConnectionInfo),
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, ConfigError> {
        let info = url
            .into_connection_info()
            .map_err(|error| ConfigError::Address {
                problem: error.to_string(),
            })?;
        Ok(Self::One(info))
    }
}
