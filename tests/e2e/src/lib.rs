//! End-to-end tests of the hub, as outsiders: they use the binary, the wire and foreign clients only. Here stands
//! what the tests share.

pub mod hub;

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

/// Runs the binary to its end, which must be a good one, and gives what it printed.
///
/// # Panics
/// When it ends badly.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn done(arguments: &[&str]) -> String {
    let output = sendhub(arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The sample that one school sends to the other.
///
/// # Panics
/// When it is not there.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn sample() -> PathBuf {
    samples("")
        .into_iter()
        .find(|path| path.ends_with("9991001_CTF_9984001_001.xml"))
        .expect("the sample is there")
}

/// A path as text.
///
/// # Panics
/// When it is none.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// The UPN with its check letter put right.
#[must_use]
pub fn correct_upn(upn: &str) -> String {
    let letters = b"ABCDEFGHJKLMNPQRTUVWXYZ";
    let sum: usize = (2..)
        .zip(upn[1..].bytes())
        .map(|(weight, digit)| weight * usize::from(digit - b'0'))
        .sum();
    format!("{}{}", char::from(letters[sum % letters.len()]), &upn[1..])
}
