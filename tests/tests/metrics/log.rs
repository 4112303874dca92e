//! The book's table of what is logged has every message that operators see unless they turn the log down.

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../docs/observing.md");
const LEVELS: [&str; 3] = ["error", "warn", "info"];

/// A call that logs.
struct Said {
    level: &'static str,
    target: String,
    message: String,
}

/// The calls in a file of a crate, whose name is the first part of their target.
fn said_in(name: &str, source: &str) -> Vec<Said> {
    let calls = LEVELS.into_iter().flat_map(|level| {
        let opening = format!("tracing::{level}!(");
        let calls: Vec<String> = source.split(&opening).skip(1).map(str::to_owned).collect();
        calls.into_iter().map(move |call| (level, call))
    });
    let said = calls.map(|(level, call)| {
        let call = call.split(");").next().unwrap();
        let message = call.rsplit('"').nth(1).unwrap();
        Said {
            level,
            target: name.replace('-', "_"),
            message: message.to_owned(),
        }
    });
    said.collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let nested = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().chain(nested).collect()
}

fn all_said() -> Vec<Said> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let folders = fs::read_dir(crates).unwrap().map(|entry| entry.unwrap());
    let said = folders.flat_map(|folder| {
        let name = format!("tidegate-{}", folder.file_name().to_str().unwrap());
        let files = sources(&folder.path().join("src"));
        let said = files
            .iter()
            .map(|file| said_in(&name, &fs::read_to_string(file).unwrap()));
        said.flatten().collect::<Vec<_>>()
    });
    said.collect()
}

#[test]
fn calls_are_found_with_their_messages() {
    let source = r#"
        tracing::warn!(%error, "it is gone");
        tracing::debug!("not for the table");
        tracing::info!(
            lasted = "some \"time\"",
            "it is back"
        );
    "#;
    let said = said_in("tidegate-x", source);
    let found: Vec<_> = said
        .iter()
        .map(|said| (said.level, &*said.message))
        .collect();
    assert_eq!(found, [("warn", "it is gone"), ("info", "it is back")]);
    assert_eq!(said[0].target, "tidegate_x");
}

#[test]
fn each_message_has_a_row_with_its_level_and_target() {
    let all = all_said();
    assert!(all.len() >= 10, "only {} were found", all.len());
    for Said {
        level,
        target,
        message,
    } in all
    {
        let row = format!("| {level} | `{target}` | {message} |");
        assert!(
            PAGE.contains(&row),
            "docs/observing.md lacks a row that begins with: {row}"
        );
    }
}
