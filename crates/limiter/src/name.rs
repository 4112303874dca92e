//! Policy names that outlive the limiter: decisions carry them at no cost.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tidegate_core::{NameError, PolicyName};

use crate::BuildError;

/// Every name that was not part of the program, once. What is leaked is bounded by the number of distinct names
/// that are ever valid in a configuration, 64 bytes each: replacing policies again and again leaks nothing more.
static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The name as the stores and decisions see it, if it is allowed. A name that is part of the program is used as
/// it is.
#[allow(clippy::ptr_arg)]
pub(crate) fn intern(name: &Cow<'static, str>) -> Result<PolicyName, BuildError> {
    let interned = match name {
        Cow::Borrowed(name) => PolicyName::new(name),
        Cow::Owned(name) => PolicyName::check(name).and_then(|()| PolicyName::new(kept(name))),
    };
    interned.map_err(|reason: NameError| BuildError::Name {
        name: name.to_string(),
        reason,
    })
}

fn kept(name: &str) -> &'static str {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = known.get(name) {
        return kept;
    }
    let kept: &'static str = Box::leak(name.into());
    known.insert(kept);
    kept
}
