//! A file of policies: read when the program starts, and whenever it has changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_limiter::{BuildError, Limiter, Policy};

use crate::{Mistakes, parse};

/// A file of policies.
///
/// ```
/// use tidegate_config::PolicyFile;
/// use tidegate_limiter::Limiter;
/// use tidegate_store_memory::MemoryStore;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("policies.toml");
/// # let write = |limit| std::fs::write(&path, format!("[[policy]]\nname = 'p'\nlimit = {limit}\nwindow = '1h'"));
/// # write(1)?;
/// let file = PolicyFile::new(&path);
/// let limiter = Limiter::builder(MemoryStore::new()).policies(file.read()?).build()?;
/// assert!(limiter.try_check("alice").is_some_and(|decision| decision.is_allowed()));
/// assert!(limiter.try_check("alice").is_some_and(|decision| !decision.is_allowed()));
///
/// // the limit in the file is raised from 1 to 2
/// # write(2)?;
/// file.apply(&limiter)?;
/// let decision = limiter.try_check("alice").unwrap();
/// assert!(decision.is_allowed() && decision.statuses()[0].remaining() == 0, "what was used before still counts");
///
/// // a file with mistakes changes nothing
/// # write(0)?;
/// assert!(file.apply(&limiter).is_err());
/// assert_eq!(limiter.policies()[0].quota().limit(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    path: PathBuf,
}

impl PolicyFile {
    /// The file at this path. Nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the policies that it holds now.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or what it holds are not policies: the error tells all mistakes.
    pub fn read(&self) -> Result<Vec<Policy>, FileError> {
        let text = fs::read_to_string(&self.path).map_err(|reason| FileError::Unreadable {
            path: self.path.clone(),
            reason,
        })?;
        parse(&text).map_err(|mistakes| FileError::Mistaken {
            path: self.path.clone(),
            mistakes,
        })
    }

    /// Reads the policies that it holds now, and puts them in the place of the limiter's, for all clones and threads
    /// at once. A policy whose name, window and algorithm stay the same goes on with its counts.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); the limiter's policies stay as they were then.
    pub fn apply(&self, limiter: &Limiter) -> Result<(), FileError> {
        let policies = self.read()?;
        let replaced = limiter.replace_policies(policies);
        replaced.map_err(|reason| FileError::Refused {
            path: self.path.clone(),
            reason,
        })
    }
}

/// Why a file's policies do not hold. Each says all of it by itself: there is no further source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file is not there, not readable, or not UTF-8.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file holds something else than policies.
    #[error("{} is not a file of policies:\n{mistakes}", path.display())]
    Mistaken {
        /// The file.
        path: PathBuf,
        /// All that is wrong in it.
        mistakes: Mistakes,
    },
    /// Each policy is right by itself, but the limiter refuses them.
    #[error("{}: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: BuildError,
    },
}
