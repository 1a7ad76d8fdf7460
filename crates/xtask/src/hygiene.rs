//! The habits that no compiler checks, looked for in every file that git tracks or would track.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::command;
use crate::site::Site;

// In two pieces, so that this file does not find itself.
const MACHINE_FOLDERS: &[&str] = &[concat!("/", "work/"), concat!("/", "root/")];
const HOMES: &[&str] = &[concat!("/", "home/"), concat!("/", "Users/")];
const UNFINISHED: &[&str] = &[concat!("todo", "!"), concat!("unimplemented", "!")];
const IGNORED_TEST: &str = concat!("#[", "ignore");
const IGNORED_EXAMPLE: &str = concat!("```", "ignore");

/// One place where a habit is broken.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    habit: &'static str,
}

/// Prints every broken habit with its file and line, and fails when there is one.
pub(crate) fn check(site: &Site) -> Result<()> {
    let list = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ];
    let listed = command::output(site.git().args(list))?;
    let mut read = 0_usize;
    let mut broken = 0_usize;
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        let file = site.root().join(path);
        // A file removed but not yet committed, a symbolic link and a submodule hold no text of ours.
        if !file.symlink_metadata().is_ok_and(|about| about.is_file()) {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
        read += 1;
        for Finding { line, habit } in findings(Path::new(path), &text) {
            println!("{path}:{line}: {habit}");
            broken += 1;
        }
    }
    ensure!(read > 0, "git lists no file here");
    println!("{read} files read");
    if broken > 0 {
        bail!("{broken} habits broken");
    }
    Ok(())
}

/// Every broken habit of one file.
fn findings(path: &Path, text: &str) -> Vec<Finding> {
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    let mut found = Vec::new();
    if let Some(habit) = first_line(extension, text) {
        found.push(Finding { line: 1, habit });
    }
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        if names_machine_path(line) {
            found.push(Finding {
                line: line_number,
                habit: "names a path of one machine",
            });
        }
        if extension != "rs" {
            continue;
        }
        if let Some(habit) = unrun(line) {
            found.push(Finding {
                line: line_number,
                habit,
            });
        }
    }
    found
}

/// What is wrong with the line that says what the file holds.
fn first_line(extension: &str, text: &str) -> Option<&'static str> {
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default();
    let script = first.starts_with("#!") && !first.starts_with("#![");
    if script {
        first = lines.next().unwrap_or_default();
    }
    let (markers, complaint): (&[&str], _) = match extension {
        "rs" => (
            &["//! "],
            "the first line must be `//! ` and the one idea that the file holds",
        ),
        "proto" => (
            &["// "],
            "the first line must be a comment that says what the file holds",
        ),
        "sql" => (
            &["-- "],
            "the first line must be a comment that says what the file holds",
        ),
        "py" => (
            &["# ", "\"\"\""],
            "the first line must be a comment that says what the file holds",
        ),
        "toml" | "sh" => (
            &["# "],
            "the first line must be a comment that says what the file holds",
        ),
        _ if script => (
            &["# "],
            "the second line must be a comment that says what the script does",
        ),
        _ => return None,
    };
    let said = markers
        .iter()
        .find_map(|marker| first.strip_prefix(marker))
        .unwrap_or_default();
    // A lone word is a rule or a heading, not a statement.
    (said.split_whitespace().count() < 2).then_some(complaint)
}

/// True when the line holds an absolute path that exists on somebody's machine only.
fn names_machine_path(line: &str) -> bool {
    let folder = MACHINE_FOLDERS
        .iter()
        .any(|prefix| starts_of(line, prefix).next().is_some());
    let home = HOMES.iter().any(|prefix| {
        starts_of(line, prefix).any(|after| {
            let user = after.split('/').next().unwrap_or_default();
            let named = !user.is_empty() && user.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
            named && after.len() > user.len()
        })
    });
    folder || home
}

/// What follows each occurrence of the prefix that begins a path, rather than standing inside a longer one.
fn starts_of<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).filter_map(move |(at, found)| {
        let before = &line[..at];
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || "._-/~}>)".contains(c));
        (!inside || before.ends_with("file://")).then(|| &line[at + found.len()..])
    })
}

/// What keeps a test, an example or a function of this line from running.
fn unrun(line: &str) -> Option<&'static str> {
    let code = line.trim_start();
    if code.starts_with("//") {
        return code
            .contains(IGNORED_EXAMPLE)
            .then_some("an example that never runs: mark it `text` or let it run");
    }
    if code.starts_with(IGNORED_TEST) || (code.starts_with("#[cfg_attr(") && code.contains("ignore")) {
        return Some("a test that never runs");
    }
    let unfinished = UNFINISHED.iter().any(|word| {
        code.match_indices(word)
            .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    });
    unfinished.then_some("unfinished code")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        findings(Path::new(path), text)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn the_first_line_says_what_the_file_holds() {
        let table = [
            ("a.rs", "//! One idea.\n", true),
            ("a.rs", "// One idea.\n", false),
            ("a.rs", "#![no_std]\n//! One idea.\n", false),
            ("a.rs", "", false),
            ("a.proto", "// The shared nouns.\n", true),
            ("a.proto", "syntax = \"proto3\";\n", false),
            ("a.proto", "// ----\n", false),
            ("a.toml", "# Who may speak.\n", true),
            ("a.toml", "[package]\n", false),
            ("a.sql", "-- The first tables.\n", true),
            ("a.sql", "CREATE TABLE t (a);\n", false),
            ("a.sh", "#!/bin/sh\n# Starts a hub.\n", true),
            ("a.sh", "#!/bin/sh\nset -e\n", false),
            ("a.py", "\"\"\"A foreign client.\"\"\"\n", true),
            ("a.py", "import grpc\n", false),
            ("run", "#!/usr/bin/env bash\n# Runs the tests.\n", true),
            ("run", "#!/usr/bin/env bash\nexec true\n", false),
            ("a.md", "anything\n", true),
        ];
        for (path, text, good) in table {
            assert_eq!(lines(path, text).is_empty(), good, "{path}: {text:?}");
        }
    }

    #[test]
    fn paths_of_one_machine_are_found_and_relative_ones_are_not() {
        let [work, root] = [MACHINE_FOLDERS[0], MACHINE_FOLDERS[1]];
        let home = HOMES[0];
        let table = [
            (format!("see {work}main"), true),
            (format!("\"{root}.cargo\""), true),
            (format!("{home}ada/hub"), true),
            (format!("file://{work}x"), true),
            (format!("{home}<user>/hub"), false),
            (format!("{home}stead"), false),
            (format!("social{work}advice"), false),
            (format!("..{work}x"), false),
            (format!("https://example.org{root}x"), false),
        ];
        for (line, found) in table {
            assert_eq!(names_machine_path(&line), found, "{line}");
        }
    }

    #[test]
    fn what_never_runs_is_found() {
        let [unfinished, never_written] = [UNFINISHED[0], UNFINISHED[1]];
        let table = [
            (format!("    {IGNORED_TEST}]"), true),
            (format!("    {IGNORED_TEST} = \"slow\"]"), true),
            ("    #[cfg_attr(miri, ignore)]".to_owned(), true),
            (format!("    {unfinished}()"), true),
            (format!("let x = {never_written}(\"later\");"), true),
            (format!("/// {IGNORED_EXAMPLE}"), true),
            ("/// ```".to_owned(), false),
            (format!("// never write {unfinished}()"), false),
            (format!("my_{unfinished}()"), false),
            ("let ignored = ignore(x);".to_owned(), false),
        ];
        for (line, found) in table {
            assert_eq!(unrun(&line).is_some(), found, "{line}");
        }
    }
}
