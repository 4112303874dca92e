//! The workspace's own tests: built once, then run program by program, so that each row can take its part.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Error, Result, bail, ensure};
use serde_json::Value;

use super::counts::Counts;
use super::rows::ROWS;
use crate::cargo;
use crate::workspace::{Package, Workspace};

/// The package that starts Redis and Valkey for tests, and its program that installs them where they are missing.
const SERVERS: &str = "tidegate-test-servers";
const INSTALLER: &str = "install-servers";

/// What a row claims of the tests; everything that is claimed by none is the row `tests`.
pub(super) struct Claim {
    /// The package.
    pub(super) package: &'static str,
    /// The test target, which is the name of its file; for unit tests the name of the library or program.
    pub(super) target: &'static str,
    /// Only tests with this in their names; all of the target's if there is none.
    pub(super) filter: Option<&'static str>,
}

/// A program that cargo built.
struct Program {
    package_id: String,
    target: String,
    path: PathBuf,
    is_test: bool,
}

/// Everything that was built.
pub(super) struct Suite {
    programs: Vec<Program>,
    /// Whether the servers that some tests need are there, or why not; set when they are first needed.
    servers: OnceLock<Result<(), String>>,
}

impl Suite {
    /// Builds all programs and tests of the workspace.
    pub(super) fn build() -> Result<Self> {
        let mut command = cargo::command(&[
            "build",
            "--workspace",
            "--all-features",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
            "--message-format=json-render-diagnostics",
        ]);
        let output = command.output().context("cargo cannot be run")?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let messages = String::from_utf8_lossy(&output.stdout);
        let programs = messages.lines().filter_map(Program::parse).collect();
        Ok(Self {
            programs,
            servers: OnceLock::new(),
        })
    }

    /// Runs what the claims name.
    pub(super) fn run_claimed(&self, workspace: &Workspace, claims: &[Claim]) -> Result<String> {
        let mut all = Results::default();
        for claim in claims {
            let package = workspace.member(claim.package)?;
            let Some(program) = self
                .tests()
                .find(|program| program.is(package, claim.target))
            else {
                bail!("{} has no tests called `{}`", claim.package, claim.target);
            };
            self.prepare(package)?;
            all.add(&program.run(package, claim.filter.as_slice())?);
        }
        all.finish()
    }

    /// Runs what no row claims: all other programs, and of those that are claimed in part the other tests.
    pub(super) fn run_unclaimed(&self, workspace: &Workspace) -> Result<String> {
        let mut all = Results::default();
        for package in workspace.members() {
            for program in self
                .tests()
                .filter(|program| program.package_id == package.id)
            {
                if let Some(arguments) = left_over(package, &program.target) {
                    self.prepare(package)?;
                    all.add(&program.run(package, &arguments)?);
                }
            }
        }
        all.finish()
    }

    /// Sees to it that there are servers, if the package's tests need any.
    fn prepare(&self, package: &Package) -> Result<()> {
        if !needs_servers(package) {
            return Ok(());
        }
        let servers = self.servers.get_or_init(|| {
            let installed = self.install_servers();
            installed.map_err(|error| format!("{error:#}"))
        });
        servers.clone().map_err(Error::msg)
    }

    fn install_servers(&self) -> Result<()> {
        let installer = self
            .programs
            .iter()
            .find(|program| program.target == INSTALLER && !program.is_test);
        let installer =
            installer.with_context(|| format!("{SERVERS} has no program {INSTALLER}"))?;
        cargo::capture(&mut Command::new(&installer.path))?;
        Ok(())
    }

    fn tests(&self) -> impl Iterator<Item = &Program> {
        self.programs.iter().filter(|program| program.is_test)
    }
}

fn needs_servers(package: &Package) -> bool {
    package.name == SERVERS
        || package
            .dependencies
            .iter()
            .any(|dependency| dependency.name == SERVERS)
}

/// The arguments that leave out what other rows claim of the target; none if they claim all of it.
fn left_over(package: &Package, target: &str) -> Option<Vec<&'static str>> {
    let claims = ROWS.iter().flat_map(|row| row.job.claims());
    let filters: BTreeSet<_> = claims
        .filter(|claim| claim.package == package.name && claim.target == target)
        .map(|claim| claim.filter)
        .collect();
    let skips = filters
        .into_iter()
        .map(|filter| Some(["--skip", filter?]))
        .collect::<Option<Vec<_>>>()?;
    Some(skips.into_flattened())
}

impl Program {
    /// From one of cargo's messages, if it is about a program.
    fn parse(message: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(message).ok()?;
        Some(Self {
            package_id: message["package_id"].as_str()?.to_owned(),
            target: message["target"]["name"].as_str()?.to_owned(),
            path: message["executable"].as_str()?.into(),
            is_test: message["profile"]["test"].as_bool()?,
        })
    }

    fn is(&self, package: &Package, target: &str) -> bool {
        self.package_id == package.id && self.target == target
    }

    /// Runs it as `cargo test` does, and answers with its output, whether it passed or not.
    fn run(&self, package: &Package, arguments: &[&str]) -> Result<Ran> {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .current_dir(package.folder())
            .env("CARGO_MANIFEST_DIR", package.folder());
        let heading = format!("--- {} {}", package.name, self.target);
        let (passed, output) = match cargo::capture(&mut command) {
            Ok(output) => (true, output),
            Err(error) => (false, format!("{error:#}")),
        };
        Ok(Ran {
            passed,
            output: format!("{heading}\n{output}\n"),
        })
    }
}

/// What one program did.
struct Ran {
    passed: bool,
    output: String,
}

/// What several programs did.
#[derive(Default)]
struct Results {
    counts: Counts,
    /// The output of those that failed, or of all if no test ran.
    failures: String,
    output: String,
}

impl Results {
    fn add(&mut self, ran: &Ran) {
        self.counts = self.counts.plus(Counts::parse(&ran.output));
        if !ran.passed {
            self.failures += &ran.output;
        }
        self.output += &ran.output;
    }

    fn finish(self) -> Result<String> {
        ensure!(self.failures.is_empty(), "{}", self.failures);
        self.counts.note(&self.output)
    }
}
