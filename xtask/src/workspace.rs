//! The workspace as `cargo metadata` describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo;

const METADATA: &[&str] = &["metadata", "--format-version=1", "--all-features"];

/// The workspace, its packages and everything that they depend on.
pub(crate) struct Workspace {
    /// Where the root manifest is.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Every package of the dependency graph, the workspace's own included.
    pub(crate) packages: Vec<Package>,
    members: BTreeSet<String>,
    /// By package id: the ids of what it needs to build and run, with all features on.
    needs: BTreeMap<String, Vec<String>>,
}

/// A package.
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest: PathBuf,
    /// The oldest Rust that its manifest promises to do with, as in `1.89`; none if it promises nothing.
    pub(crate) rust_version: Option<RustVersion>,
    /// The SPDX expression of its manifest.
    pub(crate) licence: Option<String>,
    /// All features but `default`, in order.
    pub(crate) features: Vec<String>,
    /// The programs that can be run, by name, each with the file that it begins in.
    pub(crate) programs: BTreeMap<String, PathBuf>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A version of Rust: major and minor, because patches bring nothing that could be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RustVersion(u32, u32);

/// A dependency as a manifest declares it.
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Whether it is for tests, examples and benchmarks only.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo about the workspace around the current folder.
    pub(crate) fn load() -> Result<Self> {
        Self::ask(&mut cargo::command(METADATA))
    }

    /// Asks cargo about the workspace, or the package outside of one, that has this manifest.
    pub(crate) fn of(manifest: &Path) -> Result<Self> {
        let mut command = cargo::command(METADATA);
        Self::ask(command.arg("--manifest-path").arg(manifest))
    }

    fn ask(command: &mut Command) -> Result<Self> {
        let output = command.output().context("cargo cannot be run")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self::parse(&serde_json::from_slice(&output.stdout)?)
    }

    fn parse(metadata: &Value) -> Result<Self> {
        Ok(Self {
            root: text(metadata, "workspace_root")?.into(),
            target: text(metadata, "target_directory")?.into(),
            packages: list(metadata, "packages")
                .map(Package::parse)
                .collect::<Result<_>>()?,
            members: list(metadata, "workspace_members")
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            needs: list(&metadata["resolve"], "nodes")
                .map(|node| Ok((text(node, "id")?.to_owned(), needed(node)?)))
                .collect::<Result<_>>()?,
        })
    }

    /// The manifest of the benchmarks, which are outside the workspace.
    pub(crate) fn benchmarks(&self) -> PathBuf {
        self.root.join("tests/bench/Cargo.toml")
    }

    /// The workspace's own packages, by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.members.contains(&package.id))
    }

    /// What the workspace did not write itself.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| !self.members.contains(&package.id))
    }

    /// The member of this name.
    pub(crate) fn member(&self, name: &str) -> Result<&Package> {
        self.members()
            .find(|package| package.name == name)
            .with_context(|| format!("the workspace has no package {name}"))
    }

    /// The names of all that the package needs to build and run, directly or not.
    pub(crate) fn reachable(&self, package: &Package) -> BTreeSet<String> {
        let needed = self.needed_by(package).into_iter();
        needed.map(|package| package.name.clone()).collect()
    }

    /// All that the package needs to build and run, directly or not.
    pub(crate) fn needed_by(&self, package: &Package) -> Vec<&Package> {
        let mut seen = BTreeSet::new();
        let mut open = vec![package.id.as_str()];
        while let Some(id) = open.pop() {
            for needed in self.needs.get(id).into_iter().flatten() {
                if seen.insert(needed.as_str()) {
                    open.push(needed);
                }
            }
        }
        let packages = self.packages.iter();
        packages
            .filter(|package| seen.contains(package.id.as_str()))
            .collect()
    }
}

impl Package {
    fn parse(package: &Value) -> Result<Self> {
        let features = package["features"].as_object();
        Ok(Self {
            id: text(package, "id")?.to_owned(),
            name: text(package, "name")?.to_owned(),
            version: text(package, "version")?.to_owned(),
            manifest: text(package, "manifest_path")?.into(),
            rust_version: package["rust_version"]
                .as_str()
                .and_then(RustVersion::parse),
            licence: package["license"].as_str().map(str::to_owned),
            features: features
                .into_iter()
                .flat_map(|features| features.keys().cloned())
                .filter(|feature| feature != "default")
                .collect(),
            programs: list(package, "targets")
                .filter(|target| list(target, "kind").any(|kind| kind == "bin"))
                .map(|target| {
                    Ok((
                        text(target, "name")?.to_owned(),
                        text(target, "src_path")?.into(),
                    ))
                })
                .collect::<Result<_>>()?,
            dependencies: list(package, "dependencies")
                .map(|dependency| {
                    Ok(Dependency {
                        name: text(dependency, "name")?.to_owned(),
                        dev: dependency["kind"] == "dev",
                    })
                })
                .collect::<Result<_>>()?,
        })
    }

    /// The package's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.manifest)
    }
}

impl RustVersion {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(str::parse);
        let major = numbers.next()?.ok()?;
        Some(Self(major, numbers.next().unwrap_or(Ok(0)).ok()?))
    }
}

impl fmt::Display for RustVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What a node of the resolved graph needs other than for its tests.
fn needed(node: &Value) -> Result<Vec<String>> {
    list(node, "deps")
        .filter(|dep| list(dep, "dep_kinds").any(|kind| kind["kind"] != "dev"))
        .map(|dep| Ok(text(dep, "pkg")?.to_owned()))
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .with_context(|| format!("cargo metadata has no text `{key}`"))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_can_be_read() {
        let workspace = Workspace::load().unwrap();
        let core = workspace.member("tidegate-core").unwrap();
        assert_eq!(core.licence.as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(core.folder(), workspace.root.join("crates/core"));
        assert!(
            core.dependencies
                .iter()
                .any(|d| d.name == "proptest" && d.dev)
        );

        let needed = workspace.reachable(core);
        assert!(needed.contains("thiserror"));
        assert!(needed.contains("syn"), "{needed:?}: what thiserror needs");
        assert!(!needed.contains("proptest"), "only tests need it");
        assert!(workspace.foreign().all(|package| package.name != "xtask"));
    }

    #[test]
    fn versions_of_rust_are_numbers_and_not_words() {
        let parse = |text| RustVersion::parse(text).unwrap();
        assert!(parse("1.100") > parse("1.89.0") && parse("1.89.0") == parse("1.89"));
        assert_eq!(parse("2").to_string(), "2.0");
        assert_eq!(RustVersion::parse("nightly"), None);
    }

    #[test]
    fn a_package_that_is_not_there_is_named() {
        let workspace = Workspace::load().unwrap();
        let error = workspace.member("tidegate-nothing").err().unwrap();
        assert!(error.to_string().contains("tidegate-nothing"));
    }
}
