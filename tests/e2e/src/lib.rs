//! End-to-end tests of the hub, as outsiders: they use the binary, the wire and foreign clients only. Here stands
//! what the tests share.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary that `cargo xtask test` built, or the one beside the test.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn binary() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().ok()?;
        Some(test.parent()?.parent()?.join("sendhub"))
    };
    let binary = std::env::var_os("SENDHUB_BIN")
        .map(PathBuf::from)
        .or_else(beside)
        .unwrap_or_default();
    assert!(binary.is_file(), "build the binary first: cargo build");
    binary
}

/// Runs the binary to its end.
///
/// # Panics
/// When it cannot be run at all.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn sendhub(arguments: &[&str]) -> Output {
    Command::new(binary())
        .args(arguments)
        .output()
        .expect("the binary runs")
}

/// The sample files in a folder below the Common Transfer File's samples.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn samples(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../crates/ctf/tests/samples")
        .join(folder);
    std::fs::read_dir(folder)
        .expect("the samples are there")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect()
}
