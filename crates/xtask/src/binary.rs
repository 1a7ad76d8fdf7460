//! Builds the one binary and says where it stands.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::site::Site;

/// How the binary is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the tests are: built fastest.
    Dev,
    /// As published but for size, which is built sooner: for the tests from outside.
    Tested,
    /// As published, for measuring.
    Release,
}

/// Builds `sendhub` and gives the path that cargo reports for it.
pub(crate) fn build(site: &Site, profile: Profile) -> Result<PathBuf> {
    let mut build = site.cargo();
    build.args(["build", "--locked", "--package", "sendhub", "--bin", "sendhub"]);
    build.args(["--message-format", "json-render-diagnostics"]);
    match profile {
        Profile::Dev => &mut build,
        Profile::Tested => build.args(["--profile", "tested"]),
        Profile::Release => build.arg("--release"),
    };
    println!("$ cargo build --locked --package sendhub ({profile:?})");
    let output = build.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "sendhub was not built");
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .find_map(executable)
        .context("cargo built sendhub but named no executable")
}

/// The executable that one line of cargo's messages names, if it names one.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    message.get("executable")?.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_read_from_the_artifact_that_has_one() {
        let library = r#"{"reason":"compiler-artifact","executable":null}"#;
        let binary = r#"{"reason":"compiler-artifact","executable":"out/sendhub"}"#;
        assert_eq!(executable(library), None);
        assert_eq!(executable(binary), Some(PathBuf::from("out/sendhub")));
        assert_eq!(executable("not json"), None);
    }
}
