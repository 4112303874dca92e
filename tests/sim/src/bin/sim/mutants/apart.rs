//! A copy of the core and of the simulator in the target folder, to be changed, built and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::{Mutant, Patch, SEEDS, SEEDS_OF_ONE};

/// What the copy consists of, but for the workspace's manifest.
const PARTS: &[&str] = &["Cargo.lock", "crates/core", "tests/sim"];

/// The copy.
pub(super) struct Apart {
    source: PathBuf,
    build: PathBuf,
}

/// Where this workspace is.
pub(super) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where a workspace has the sources of the core.
pub(super) fn core_sources(workspace: &Path) -> PathBuf {
    workspace.join("crates/core/src")
}

impl Apart {
    /// Copies everything anew.
    pub(super) fn new() -> Result<Self> {
        let program = std::env::current_exe().context("this program cannot be found")?;
        // target/debug/sim
        let target = program.ancestors().nth(2).context("no target folder")?;
        let apart = Self {
            source: target.join("mutants/source"),
            build: target.join("mutants/build"),
        };
        if apart.source.exists() {
            fs::remove_dir_all(&apart.source).context("an earlier copy cannot be removed")?;
        }
        for part in PARTS {
            copy(&workspace().join(part), &apart.source.join(part))?;
        }
        let manifest = fs::read_to_string(workspace().join("Cargo.toml"))?;
        fs::write(apart.source.join("Cargo.toml"), alone(&manifest))?;
        Ok(apart)
    }

    /// What catches a mutant.
    pub(super) fn with(&self, mutant: &Mutant) -> Result<String> {
        for patch in mutant.patches {
            self.change(patch)?;
        }
        let caught = self.caught(mutant.family());
        for patch in mutant.patches {
            let file = Path::new("crates/core/src").join(patch.file);
            copy(&workspace().join(&file), &self.source.join(&file))?;
        }
        caught
    }

    fn change(&self, patch: &Patch) -> Result<()> {
        let file = core_sources(&self.source).join(patch.file);
        let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        Ok(fs::write(&file, patch.apply(&text)?)?)
    }

    /// Builds the copy as it is and runs it: which guarantees do not hold, and how often; nothing if all do.
    pub(super) fn caught(&self, family: Option<&str>) -> Result<String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--offline", "--bin", "sim"])
            .arg("--manifest-path")
            .arg(self.source.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", &self.build)
            .stdin(Stdio::null())
            .output()
            .context("cargo cannot be run")?;
        ensure!(
            built.status.success(),
            "it does not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let (all, one) = (SEEDS.to_string(), SEEDS_OF_ONE.to_string());
        let caught = match family {
            None => self.broken(&["--seeds", &all])?,
            Some(family) => self.broken(&["--scenario", family, "--seeds", &one])?,
        };
        if !caught.is_empty() {
            return Ok(caught);
        }
        let found = self.broken(&["--found"])?;
        Ok(if found.is_empty() {
            found
        } else {
            format!("{found} as once found")
        })
    }

    /// Runs the copy.
    fn broken(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(self.build.join("debug/sim"));
        let output = command.args(arguments).output();
        let output = output.context("the copy cannot be run")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let broken = printed
            .lines()
            .find_map(|line| line.strip_prefix(crate::BROKEN));
        match (output.status.success(), broken) {
            (true, None) => Ok(String::new()),
            (false, Some(broken)) => Ok(broken.to_owned()),
            _ => bail!(
                "the copy ended with {}:\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

/// The workspace's manifest, with the copied members alone.
fn alone(manifest: &str) -> String {
    let lines = manifest.lines().filter_map(|line| {
        if line.starts_with("members = ") {
            Some("members = [\"crates/core\", \"tests/sim\"]")
        } else if line.starts_with("exclude = ") {
            None
        } else {
            Some(line)
        }
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let context = || format!("{} cannot be copied", from.display());
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(context)?;
    }
    if !from.is_dir() {
        // Written, not copied with its times: what was changed and is restored must be built again.
        let bytes = fs::read(from).with_context(context)?;
        return fs::write(to, bytes).with_context(context);
    }
    for entry in fs::read_dir(from).with_context(context)? {
        let entry = entry.with_context(context)?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
