//! Where programs that tests run are: on PATH, where the installer unpacked them, or among the system's servers.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The command that installs what is missing.
pub const INSTALL_COMMAND: &str = "cargo run -p tidegate-test-servers --bin install-servers";

/// Which server's program runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// Redis; where only Valkey is installed, Valkey, which says and does the same.
    #[default]
    Any,
    /// Redis and nothing else.
    Redis,
    /// Valkey and nothing else.
    Valkey,
}

impl Flavor {
    /// Where its program is.
    ///
    /// # Errors
    ///
    /// If it is not installed, with the command that installs it.
    pub fn program(self) -> Result<PathBuf> {
        self.names()
            .iter()
            .find_map(|name| find(name))
            .with_context(|| {
                format!(
                    "{} is not installed (looked on PATH and in {}). Install it with:\n\n    {INSTALL_COMMAND}\n",
                    self.names().join(" or "),
                    unpacked().display(),
                )
            })
    }

    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Any => &["redis-server", "valkey-server"],
            Self::Redis => &["redis-server"],
            Self::Valkey => &["valkey-server"],
        }
    }
}

/// Where the installer puts what it unpacks: in the workspace's target folder, wherever cargo itself builds.
pub(crate) fn unpacked() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/test-servers")
        .components()
        .fold(PathBuf::new(), |path, part| match part {
            std::path::Component::ParentDir => path.parent().map(Path::to_path_buf).unwrap_or(path),
            part => path.join(part),
        })
}

/// Where Debian has servers, which is on root's PATH alone.
const SYSTEM: &str = "/usr/sbin";

/// The program of this name, on PATH, among what was unpacked, or among the system's servers.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([unpacked(), SYSTEM.into()])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_path_is_found_and_what_is_nowhere_is_not() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program").is_none());
    }

    #[test]
    fn programs_are_unpacked_into_the_workspace_target_folder() {
        let folder = unpacked();
        assert!(folder.ends_with("target/test-servers"));
        let root = folder.parent().and_then(Path::parent).unwrap();
        assert!(root.join("Cargo.lock").is_file(), "{}", root.display());
    }
}
