//! Builds the one binary and says where it stands.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

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
    build.args(["build", "--locked", "--message-format", "json-render-diagnostics"]);
    match profile {
        // With the tests, or what it depends on would be built with other features, and once more for these.
        Profile::Dev => build.args(["--workspace", "--bins", "--tests"]),
        Profile::Tested => build.args(["--package", "sendhub", "--bin", "sendhub", "--profile", "tested"]),
        Profile::Release => build.args(["--package", "sendhub", "--bin", "sendhub", "--release"]),
    };
    println!("$ cargo build --locked: sendhub ({profile:?})");
    let output = build.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "sendhub was not built");
    let messages = String::from_utf8_lossy(&output.stdout);
    messages
        .lines()
        .find_map(executable)
        .context("cargo built sendhub but named no executable")
}

/// The executable that one line of cargo's messages names, if it is the binary's and not that of its tests.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let is_binary = target["name"] == "sendhub"
        && target["kind"] == json!(["bin"])
        && message["profile"]["test"] == false;
    message
        .get("executable")?
        .as_str()
        .filter(|_| is_binary)
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_that_of_the_binary_and_not_of_its_tests() {
        let artifact = |name: &str, kind: &str, test: bool, file: Value| {
            let target = json!({"name": name, "kind": [kind]});
            json!({"reason": "compiler-artifact", "target": target, "profile": {"test": test}, "executable": file})
                .to_string()
        };
        let binary = artifact("sendhub", "bin", false, json!("out/sendhub"));
        assert_eq!(executable(&binary), Some(PathBuf::from("out/sendhub")));
        for other in [
            artifact("sendhub", "bin", true, json!("out/deps/sendhub-0123")),
            artifact("sendhub", "test", true, json!("out/deps/demo-0123")),
            artifact("xtask", "bin", false, json!("out/xtask")),
            artifact("sendhub", "lib", false, Value::Null),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
            "not json".to_owned(),
        ] {
            assert_eq!(executable(&other), None, "{other}");
        }
    }
}
