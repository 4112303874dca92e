//! A file of policies: read when the program starts, and whenever it has changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_limiter::{BuildError, Capabilities, Limiter, Policy};

use crate::Mistakes;
use crate::parse::{Located, located};

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
        Ok(policies(self.located()?))
    }

    /// As [`read`](Self::read), for a limiter on a store of these capabilities, which may take only so many policies.
    ///
    /// ```
    /// # use tidegate_config::PolicyFile;
    /// # use tidegate_limiter::{Limiter, Store};
    /// # use tidegate_store_memory::MemoryStore;
    /// # let folder = tempfile::tempdir()?;
    /// # let file = PolicyFile::new(folder.path().join("policies.toml"));
    /// # std::fs::write(file.path(), "[[policy]]\nname = 'p'\nlimit = 1\nwindow = '1h'")?;
    /// let store = MemoryStore::new();
    /// let policies = file.read_for(&store.capabilities())?;
    /// let limiter = Limiter::builder(store).policies(policies).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if there are more: the error names the first too many.
    pub fn read_for(&self, store: &Capabilities) -> Result<Vec<Policy>, FileError> {
        let located = self.located()?;
        match store.max_policies {
            Some(most) if located.len() > most => Err(self.too_many(&located, most)),
            _ => Ok(policies(located)),
        }
    }

    /// Reads the policies that it holds now, and puts them in the place of the limiter's, for all clones and threads
    /// at once. A policy whose name, window and algorithm stay the same goes on with its counts.
    ///
    /// # Errors
    ///
    /// As [`read_for`](Self::read_for) the limiter's store; the limiter's policies stay as they were then.
    pub fn apply(&self, limiter: &Limiter) -> Result<(), FileError> {
        let located = self.located()?;
        let replaced = limiter.replace_policies(located.iter().map(|it| it.policy.clone()));
        replaced.map_err(|reason| match reason {
            BuildError::TooManyPolicies { most, .. } => self.too_many(&located, most),
            reason => FileError::Refused {
                path: self.path.clone(),
                reason,
            },
        })
    }

    fn located(&self) -> Result<Vec<Located>, FileError> {
        let bytes = fs::read(&self.path).map_err(|reason| FileError::Unreadable {
            path: self.path.clone(),
            reason,
        })?;
        let text = str::from_utf8(&bytes).map_err(|error| Mistakes::not_utf8(&bytes, &error));
        let located = text.and_then(located);
        located.map_err(|mistakes| FileError::Mistaken {
            path: self.path.clone(),
            mistakes,
        })
    }

    /// There are more than `most`.
    fn too_many(&self, located: &[Located], most: usize) -> FileError {
        let first = located.get(most);
        FileError::TooMany {
            path: self.path.clone(),
            line: first.map_or(0, |it| it.line),
            policy: first.map_or_else(String::new, |it| it.policy.name().to_owned()),
            given: located.len(),
            most,
        }
    }
}

fn policies(located: Vec<Located>) -> Vec<Policy> {
    located.into_iter().map(|it| it.policy).collect()
}

/// Why a file's policies do not hold. Each says all of it by itself: there is no further source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file is not there, or not readable.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The file holds something else than policies, or is no UTF-8.
    #[error("{} is not a file of policies:\n{mistakes}", path.display())]
    Mistaken {
        /// The file.
        path: PathBuf,
        /// All that is wrong in it.
        mistakes: Mistakes,
    },
    /// Each policy is right by itself, but the store does not take so many in one request.
    #[error(
        "{}: line {line}: policy {policy:?} is one too many: the store takes at most {most} in one request, and there are \
         {given}; leave some out, or put them into a limiter of their own",
        path.display()
    )]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The line that the first too many begins with.
        line: usize,
        /// The name of that policy.
        policy: String,
        /// How many there are.
        given: usize,
        /// How many the store takes.
        most: usize,
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
