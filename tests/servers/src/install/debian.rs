//! Debian's packages, installed without a service being started.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;

use super::run;
use crate::find::find;

/// Asked by Debian's packages before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Says that no service may be started now.
const DENY: &str = "#!/bin/sh\nexit 101\n";

/// Installs a package, if this is Debian and we are root.
pub(super) fn install(package: &str) -> Result<()> {
    ensure!(find("apt-get").is_some(), "there is no apt-get here");
    ensure!(geteuid().is_root(), "apt-get needs root");
    let _policy = Policy::deny()?;
    if run(&mut apt_get(&["install", package])).is_err() {
        // The package lists may be missing or too old.
        run(&mut apt_get(&["update"]))?;
        run(&mut apt_get(&["install", package]))?;
    }
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        // Someone else's apt-get may be running: wait for its lock.
        .args([
            "--yes",
            "--no-install-recommends",
            "-o",
            "DPkg::Lock::Timeout=300",
        ])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1");
    command
}

/// While it lives, no package starts a service: the server would take the port that users have theirs on.
struct Policy {
    is_ours: bool,
}

impl Policy {
    fn deny() -> Result<Self> {
        let mut open = File::options();
        match open.write(true).create_new(true).open(POLICY) {
            Ok(mut file) => {
                let policy = Self { is_ours: true };
                file.write_all(DENY.as_bytes())?;
                fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
                Ok(policy)
            }
            // The machine has a policy of its own, which is its owner's affair.
            Err(_) if Path::new(POLICY).exists() => Ok(Self { is_ours: false }),
            Err(error) => Err(error).context(POLICY),
        }
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.is_ours {
            // If it stays, it only keeps services from starting by themselves.
            let _ = fs::remove_file(POLICY);
        }
    }
}
