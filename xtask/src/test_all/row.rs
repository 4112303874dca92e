//! What a row of the matrix is, and how each kind runs.

use std::sync::OnceLock;

use anyhow::{Result, bail};

use super::counts::Counts;
use super::suite::{Claim, Suite};
use crate::cargo::{self, Component};
use crate::workspace::Workspace;

/// One row: what it is called, what it proves, how it is run.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) proves: &'static str,
    pub(super) job: Job,
}

/// How a row is run. A row that passes may leave a note for the table.
pub(super) enum Job {
    /// A cargo command must succeed.
    Cargo(CargoJob),
    /// These tests of the workspace must pass.
    Tests(&'static [Claim]),
    /// As `Tests`, for tests that wait most of their time: such rows run at the same time as those next to them.
    WaitingTests(&'static [Claim]),
    /// All tests of the workspace that no other row claims must pass.
    OtherTests,
    /// Something that we look at ourselves.
    Check(fn(&Matrix) -> Result<String>),
}

/// A cargo command as a row.
pub(super) struct CargoJob {
    pub(super) arguments: &'static [&'static str],
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// A folder of its own in the target folder, for what is compiled in another way than everything else.
    pub(super) apart: Option<&'static str>,
    /// What must be installed for it.
    pub(super) component: Option<&'static Component>,
    /// Whether it runs tests, so that running none is a failure.
    pub(super) tests: bool,
}

impl CargoJob {
    /// A command that needs nothing special, to be changed by struct update.
    pub(super) const PLAIN: Self = Self {
        arguments: &[],
        environment: &[],
        apart: None,
        component: None,
        tests: false,
    };
}

/// What the rows share.
pub(super) struct Matrix {
    pub(super) workspace: Workspace,
    suite: OnceLock<Option<Suite>>,
}

impl Matrix {
    pub(super) fn new(workspace: Workspace) -> Self {
        Self {
            workspace,
            suite: OnceLock::new(),
        }
    }

    /// The workspace's tests, built when they are first asked for, with one set of features for all rows so
    /// that nothing is compiled twice.
    pub(super) fn suite(&self) -> Result<&Suite> {
        let mut failure = None;
        let suite = self.suite.get_or_init(|| {
            let built = Suite::build();
            built
                .inspect_err(|error| failure = Some(error.to_string()))
                .ok()
        });
        match (suite, failure) {
            (Some(suite), _) => Ok(suite),
            (None, Some(failure)) => bail!(failure),
            (None, None) => {
                bail!("the tests did not build: the first row that needed them shows why")
            }
        }
    }
}

impl Job {
    /// The tests that it claims for its row.
    pub(super) fn claims(&self) -> &'static [Claim] {
        match self {
            Self::Tests(claims) | Self::WaitingTests(claims) => claims,
            Self::Cargo(_) | Self::OtherTests | Self::Check(_) => &[],
        }
    }

    /// Whether it may run at the same time as others of which this is true.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::WaitingTests(_))
    }

    pub(super) fn run(&self, matrix: &Matrix) -> Result<String> {
        match self {
            Self::Cargo(job) => job.run(&matrix.workspace),
            Self::Tests(claims) | Self::WaitingTests(claims) => {
                matrix.suite()?.run_claimed(&matrix.workspace, claims)
            }
            Self::OtherTests => matrix.suite()?.run_unclaimed(&matrix.workspace),
            Self::Check(check) => check(matrix),
        }
    }
}

impl CargoJob {
    fn run(&self, workspace: &Workspace) -> Result<String> {
        if let Some(component) = self.component {
            component.require()?;
        }
        let mut command = cargo::command(self.arguments);
        command
            .current_dir(&workspace.root)
            .envs(self.environment.iter().copied());
        if let Some(folder) = self.apart {
            command.env("CARGO_TARGET_DIR", workspace.target.join(folder));
        }
        let output = cargo::capture(&mut command)?;
        if self.tests {
            Counts::parse(&output).note(&output)
        } else {
            Ok(String::new())
        }
    }
}
