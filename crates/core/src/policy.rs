//! A policy as the stores see it: its name, its identity, its quota, and what to do without a store.

use core::fmt;
use core::time::Duration;

use crate::{Quota, Tolerance, UnknownName};

/// A policy's name: 1 to 64 of `a-z A-Z 0-9 - _ .`, so that it can stand in a header, a metric's label and a
/// store's key as it is.
///
/// ```
/// use tidegate_core::PolicyName;
///
/// assert_eq!(PolicyName::new("per-client")?.as_str(), "per-client");
/// assert!(PolicyName::new("").is_err());
/// assert!(PolicyName::new("naïve").is_err());
/// # Ok::<(), tidegate_core::NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(&'static str);

impl PolicyName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// A name that is part of the program. Names are `'static`, so that a decision carries them at no cost.
    ///
    /// # Errors
    ///
    /// If the name is empty, too long, or has another character than `a-z A-Z 0-9 - _ .`.
    pub const fn new(name: &'static str) -> Result<Self, NameError> {
        match check_name(name) {
            Ok(()) => Ok(Self(name)),
            Err(error) => Err(error),
        }
    }

    /// Whether a name is allowed, before it is kept for ever.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub const fn check(name: &str) -> Result<(), NameError> {
        check_name(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

const fn check_name(name: &str) -> Result<(), NameError> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Err(NameError::Empty);
    }
    if bytes.len() > PolicyName::MAX_LEN {
        return Err(NameError::TooLong { len: bytes.len() });
    }
    let mut at = 0;
    while at < bytes.len() {
        if !(bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'-' | b'_' | b'.')) {
            return Err(NameError::Character { at });
        }
        at += 1;
    }
    Ok(())
}

/// Why a policy's name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No name.
    #[error("a policy's name is empty: it must be 1 to 64 of a-z A-Z 0-9 - _ .")]
    Empty,
    /// More than [`PolicyName::MAX_LEN`] bytes.
    #[error("a policy's name of {len} bytes is too long: it must be 1 to 64 of a-z A-Z 0-9 - _ .")]
    TooLong {
        /// The name's length in bytes.
        len: usize,
    },
    /// A character that is not allowed.
    #[error("a policy's name has a character at byte {at} that is not one of a-z A-Z 0-9 - _ .")]
    Character {
        /// Where it stands, in bytes from the name's beginning.
        at: usize,
    },
}

/// What identifies a policy's counters: its name, algorithm and window, but not its limit, which may change
/// while counting goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId(u64);

impl PolicyId {
    /// A digest of name, algorithm and window: the same in every process and every build.
    pub fn new(name: PolicyName, quota: &Quota) -> Self {
        let parts = [
            name.as_str().as_bytes(),
            quota.algorithm().as_str().as_bytes(),
        ];
        let window = quota.window_nanos().to_be_bytes();
        // Neither part can contain a zero byte, which therefore separates them.
        let bytes = parts
            .into_iter()
            .flat_map(|part| part.iter().chain(&[0]))
            .chain(&window);
        Self(fnv1a(bytes))
    }

    /// As a number, for a store's table.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// FNV-1a, 64 bits: stable by its definition (draft-eastlake-fnv), over names that the operator chose.
fn fnv1a<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What one node does for a policy while it cannot reach the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// Enforce this node's share of the limit, so that all nodes together admit about the limit (G4).
    Share,
    /// Enforce the whole limit on every node: up to N times the limit.
    Full,
    /// Admit everything.
    Open,
    /// Deny everything, with 503: the limiter is unavailable.
    Closed,
}

impl Fallback {
    /// The name that flags, files, metrics and logs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Full => "full",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::str::FromStr for Fallback {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::Share, Self::Full, Self::Open, Self::Closed]
            .into_iter()
            .find(|fallback| fallback.as_str() == name)
            .ok_or_else(|| UnknownName::new("outage setting", name, "share, full, open or closed"))
    }
}

/// One [`Fallback`] for the first part of an outage, another for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grace {
    /// How long the first part lasts.
    pub lasting: Duration,
    /// What holds in the first part.
    pub first: Fallback,
    /// What holds afterwards.
    pub then: Fallback,
}

/// What a policy does while the store cannot be reached.
///
/// ```
/// use std::time::Duration;
/// use tidegate_core::{Fallback, Grace, Outage};
///
/// // a login: go on for half a minute, then rather let nobody in
/// let login = Outage::Grace(Grace {
///     lasting: Duration::from_secs(30),
///     first: Fallback::Share,
///     then: Fallback::Closed,
/// });
/// assert_eq!(login.after(Duration::from_secs(5)), Fallback::Share);
/// assert_eq!(login.after(Duration::from_secs(31)), Fallback::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outage {
    /// The same throughout.
    Always(Fallback),
    /// One thing first, then another.
    Grace(Grace),
}

impl Outage {
    /// Enforce this node's share of the limit.
    pub const SHARE: Self = Self::Always(Fallback::Share);
    /// Enforce the whole limit on every node.
    pub const FULL: Self = Self::Always(Fallback::Full);
    /// Admit everything.
    pub const OPEN: Self = Self::Always(Fallback::Open);
    /// Deny everything, with 503.
    pub const CLOSED: Self = Self::Always(Fallback::Closed);

    /// What holds when the outage has lasted for `lasted`.
    pub fn after(self, lasted: Duration) -> Fallback {
        match self {
            Self::Always(fallback) => fallback,
            Self::Grace(grace) if lasted < grace.lasting => grace.first,
            Self::Grace(grace) => grace.then,
        }
    }
}

impl From<Fallback> for Outage {
    fn from(fallback: Fallback) -> Self {
        Self::Always(fallback)
    }
}

/// A policy as a store sees it.
///
/// ```
/// use tidegate_core::{Outage, PolicyName, Quota, Rule, Tolerance};
///
/// let rule = Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?);
/// assert_eq!(rule.outage(), Outage::SHARE);
/// assert_eq!(rule.with_tolerance(Tolerance::EXACT).outage(), Outage::CLOSED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    name: PolicyName,
    id: PolicyId,
    quota: Quota,
    tolerance: Tolerance,
    outage: Option<Outage>,
    shadow: bool,
}

impl Rule {
    /// A policy with the default tolerance, and the outage setting that follows from it.
    pub fn new(name: PolicyName, quota: Quota) -> Self {
        let id = PolicyId::new(name, &quota);
        Self {
            name,
            id,
            quota,
            tolerance: Tolerance::default(),
            outage: None,
            shadow: false,
        }
    }

    /// How far past the limit all nodes together may go while the store answers.
    #[must_use]
    pub const fn with_tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// What to do while the store cannot be reached.
    #[must_use]
    pub const fn with_outage(self, outage: Outage) -> Self {
        Self {
            outage: Some(outage),
            ..self
        }
    }

    /// Decide and report, but deny nothing.
    #[must_use]
    pub const fn with_shadow(self, shadow: bool) -> Self {
        Self { shadow, ..self }
    }

    /// The same policy, and so the same counters, with another quota: another limit for this subject.
    ///
    /// Window and algorithm are part of a policy's identity; a quota that differs in them counts apart.
    #[must_use]
    pub fn with_quota(self, quota: Quota) -> Self {
        Self {
            id: PolicyId::new(self.name, &quota),
            quota,
            ..self
        }
    }

    /// Whether it is equal to the other, told by what names it and not by its name.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
            && self.quota == other.quota
            && self.tolerance == other.tolerance
            && self.outage == other.outage
            && self.shadow == other.shadow
    }

    /// The same policy with one node's part of its quota.
    pub(crate) const fn with_part(self, quota: Quota) -> Self {
        Self { quota, ..self }
    }

    /// The policy's name.
    pub const fn name(&self) -> PolicyName {
        self.name
    }

    /// What identifies its counters.
    pub const fn id(&self) -> PolicyId {
        self.id
    }

    /// How much is allowed.
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// How far past the limit all nodes together may go.
    pub const fn tolerance(&self) -> Tolerance {
        self.tolerance
    }

    /// Whether an outage setting was chosen, rather than left to the default.
    pub const fn has_outage(&self) -> bool {
        self.outage.is_some()
    }

    /// What to do while the store cannot be reached: what was chosen, else closed if exact (a limit that must
    /// never be exceeded must not quietly become loose), else the node's share.
    pub const fn outage(&self) -> Outage {
        match self.outage {
            Some(outage) => outage,
            None if self.tolerance.is_exact() => Outage::CLOSED,
            None => Outage::SHARE,
        }
    }

    /// Whether it only reports.
    pub const fn is_shadow(&self) -> bool {
        self.shadow
    }
}
