//! Allow lists: whose requests are not limited at all.

use std::collections::HashSet;

use crate::key::check_header_name;
use crate::{Cidrs, ClientAddress, HeaderNameError, RequestView};

/// Clients whose requests are not limited: by their addresses, or by what they know.
#[derive(Clone, Debug)]
pub(crate) enum Allowed {
    Addresses(ClientAddress, Cidrs),
    Header(Box<str>, Values),
}

/// The values of a header, which may be secrets.
#[derive(Clone)]
pub(crate) struct Values(HashSet<Box<[u8]>>);

impl Allowed {
    pub(crate) fn header<V: AsRef<[u8]>>(
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self, HeaderNameError> {
        let name = check_header_name(name)?;
        let values = values.into_iter().map(|value| value.as_ref().into());
        Ok(Self::Header(name.into(), Values(values.collect())))
    }

    /// Whether the request is such a client's.
    pub(crate) fn admits(&self, view: &dyn RequestView) -> bool {
        match self {
            Self::Addresses(address, ranges) => address
                .of(view)
                .is_some_and(|address| ranges.contains(address)),
            Self::Header(name, Values(values)) => view
                .header(name)
                .is_some_and(|value| values.contains(value)),
        }
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}
