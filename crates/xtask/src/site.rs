//! Where the checkout stands, and how a command is started in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The checkout: its root, and the folders under `target/` where tools are kept between runs.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    root: PathBuf,
}

impl Site {
    /// Asks cargo for the root of the workspace that the current folder belongs to.
    pub(crate) fn locate() -> Result<Self> {
        let output = Command::new(cargo_program())
            .args(["locate-project", "--workspace", "--message-format", "plain"])
            .output()
            .context("cargo could not be started")?;
        ensure!(
            output.status.success(),
            "cargo found no workspace in this folder or above it"
        );
        let manifest = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());
        let root = manifest
            .parent()
            .context("the workspace manifest has no folder")?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// The root of the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Tools that this command installed for itself; safe to delete.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// The Python environment of the foreign clients; safe to delete.
    pub(crate) fn venv(&self) -> PathBuf {
        self.root.join("target/venv")
    }

    /// A command that starts at the root of the checkout.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root);
        command
    }

    /// A cargo command that starts at the root, free of what `cargo run` told this process about xtask itself:
    /// build scripts that watch those variables would otherwise run again.
    pub(crate) fn cargo(&self) -> Command {
        self.cargo_tool(&cargo_program())
    }

    /// A program that calls cargo in its turn, started likewise.
    pub(crate) fn cargo_tool(&self, program: &Path) -> Command {
        let mut command = self.command(program);
        for (name, _) in env::vars_os() {
            let about_xtask = name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
            if about_xtask {
                command.env_remove(name);
            }
        }
        command
    }

    /// A git command that also works when another user owns the checkout, as happens in containers.
    pub(crate) fn git(&self) -> Command {
        let mut command = self.command("git");
        command.args(["-c", "safe.directory=*"]);
        command
    }
}

fn cargo_program() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
