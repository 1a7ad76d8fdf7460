//! Finds the programs that the checks need, and installs those that are missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::command;
use crate::site::Site;

/// The cargo-deny that this workspace is judged by, when the machine brings none.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// Where the contract tools are pinned.
const CONTRACT_TOOLS: &str = "crates/xtask/tools";

/// What the foreign clients' environment holds, every version pinned.
const REQUIREMENTS: &str = "tests/foreign/requirements.txt";

/// A program of the machine, and the Debian packages that bring it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// The program's name, looked for on the path first.
    pub(crate) program: &'static str,
    /// Folders beside the path; one component may be `*`, the greatest number wins. Database servers are kept so:
    /// `/usr/lib/postgresql/*/bin`.
    pub(crate) also_in: &'static [&'static str],
    /// The packages to install when it is nowhere.
    pub(crate) packages: &'static [&'static str],
}

/// Lists what git tracks, and reads the contracts of the last release.
pub(crate) const GIT: Need = Need {
    program: "git",
    also_in: &[],
    packages: &["git", "ca-certificates"],
};

/// Runs the contract tools.
pub(crate) const NODE: Need = Need {
    program: "node",
    also_in: &[],
    packages: &["nodejs"],
};

/// Installs the contract tools.
pub(crate) const NPM: Need = Need {
    program: "npm",
    also_in: &[],
    packages: &["npm"],
};

/// Runs the foreign clients.
pub(crate) const PYTHON: Need = Need {
    program: "python3",
    also_in: &[],
    packages: &["python3", "python3-venv"],
};

/// The database server that the tests start for themselves.
pub(crate) const POSTGRES: Need = Need {
    program: "postgres",
    also_in: &["/usr/lib/postgresql/*/bin"],
    packages: &["postgresql"],
};

/// Every program that the machine itself must bring.
pub(crate) const MACHINE: &[Need] = &[GIT, NODE, NPM, PYTHON, POSTGRES];

impl Need {
    /// The program, when the machine has it.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let on_path = env::split_paths(&path);
        let beside = self
            .also_in
            .iter()
            .flat_map(|pattern| folders(Path::new(pattern)));
        on_path
            .chain(beside)
            .map(|folder| folder.join(self.program))
            .find(|file| file.is_file())
    }

    /// The program, or an error that says how to get it.
    pub(crate) fn require(&self) -> Result<PathBuf> {
        self.find().with_context(|| {
            format!(
                "{} is missing: install the packages {}",
                self.program,
                self.packages.join(" ")
            )
        })
    }

    /// The program, installed now when it was missing.
    pub(crate) fn find_or_install(&self, site: &Site) -> Result<PathBuf> {
        if let Some(file) = self.find() {
            return Ok(file);
        }
        install_packages(site, self.packages)?;
        self.require()
    }
}

/// The folders that a pattern with at most one `*` component names, the greatest number first.
fn folders(pattern: &Path) -> Vec<PathBuf> {
    let mut parts = pattern.components();
    let before: PathBuf = parts
        .by_ref()
        .take_while(|part| part.as_os_str() != "*")
        .collect();
    if before == pattern {
        return vec![before];
    }
    let after = parts.as_path();
    let Ok(entries) = fs::read_dir(&before) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort_by_key(|path| {
        path.file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
    });
    found.into_iter().rev().map(|path| path.join(after)).collect()
}

/// Installs Debian packages as root, or through sudo when it asks for no password.
fn install_packages(site: &Site, packages: &[&str]) -> Result<()> {
    static UPDATED: OnceLock<bool> = OnceLock::new();
    let listed = packages.join(" ");
    let by_hand = || anyhow!("install these packages by hand: {listed}");
    let root = command::output(Command::new("id").arg("-u"))?.trim() == "0";
    if !root && !command::succeeds(Command::new("sudo").args(["-n", "true"])) {
        return Err(by_hand().context("neither root nor sudo without a password"));
    }
    let apt = || {
        let mut command = site.command(if root { "env" } else { "sudo" });
        if !root {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-qq"]);
        command
    };
    // Old lists name packages that the mirror no longer has; a failure shows again, and better, at the install.
    UPDATED.get_or_init(|| command::run(apt().arg("update")).is_ok());
    command::run(apt().args(["install", "--no-install-recommends"]).args(packages))
        .map_err(|fault| by_hand().context(fault))
}

/// Sees to it that rustfmt and clippy are there: a minimal toolchain lacks them.
pub(crate) fn rust_components(site: &Site) -> Result<()> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !command::succeeds(site.cargo().args([subcommand, "--version"])) {
            command::run(site.command("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// True when tests can run under cargo-nextest.
pub(crate) fn has_nextest(site: &Site) -> bool {
    command::succeeds(site.cargo().args(["nextest", "--version"]))
}

/// The cargo-deny on the path, or the one that an earlier run installed.
pub(crate) fn cargo_deny(site: &Site) -> Result<PathBuf> {
    let kept = site.tools().join("bin/cargo-deny");
    let on_path = Need {
        program: "cargo-deny",
        also_in: &[],
        packages: &[],
    };
    on_path
        .find()
        .or_else(|| kept.is_file().then_some(kept))
        .context("cargo-deny is missing")
}

/// Builds cargo-deny once (about two minutes on two cores) and keeps it under `target/`.
pub(crate) fn install_cargo_deny(site: &Site) -> Result<PathBuf> {
    if let Ok(file) = cargo_deny(site) {
        return Ok(file);
    }
    let mut install = site.cargo();
    // Its own folder: the workspace's target folder must not be asked to hold another lock file's crates.
    install.env_remove("CARGO_TARGET_DIR");
    install
        // Unoptimised: it runs for a second or two, and to optimise it takes minutes.
        .args(["install", "--debug", "--locked", "--quiet", "--root"])
        .arg(site.tools())
        .arg(CARGO_DENY);
    command::run(&mut install)?;
    cargo_deny(site)
}

/// The pinned buf, as `install_buf` left it.
pub(crate) fn buf(site: &Site) -> Result<PathBuf> {
    let file = site.tools().join("contracts/node_modules/.bin/buf");
    ensure!(file.is_file(), "buf is missing: its installation failed");
    Ok(file)
}

/// Installs the contract tools from their lock file, unless exactly these are there already.
pub(crate) fn install_buf(site: &Site) -> Result<PathBuf> {
    let pinned = site.root().join(CONTRACT_TOOLS);
    let folder = site.tools().join("contracts");
    let lock = fs::read(pinned.join("package-lock.json")).context("the lock file of the contract tools")?;
    let stamp = folder.join("installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) && buf(site).is_ok() {
        return buf(site);
    }
    let npm = NPM.require()?;
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(pinned.join(file), folder.join(file))?;
    }
    let mut install = Command::new(npm);
    // buf's platform package brings the program itself; no package gets to run a script of its own.
    install
        .current_dir(&folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    command::run(&mut install)?;
    fs::write(stamp, lock)?;
    buf(site)
}

/// The Python of the foreign clients' environment, as `install_python_packages` left it.
pub(crate) fn python(site: &Site) -> Result<PathBuf> {
    let file = site.venv().join("bin/python");
    if !command::succeeds(Command::new(&file).arg("--version")) {
        bail!("the Python environment is missing: its installation failed");
    }
    Ok(file)
}

/// Makes the foreign clients' environment from the pinned requirements, unless exactly these are there already.
pub(crate) fn install_python_packages(site: &Site) -> Result<PathBuf> {
    let requirements = fs::read(site.root().join(REQUIREMENTS)).with_context(|| REQUIREMENTS.to_owned())?;
    let stamp = site.venv().join("installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == requirements) && python(site).is_ok() {
        return python(site);
    }
    let system = PYTHON.require()?;
    // Debian splits the module that makes environments from Python itself.
    if !command::succeeds(Command::new(&system).args(["-c", "import ensurepip, venv"])) {
        install_packages(site, PYTHON.packages)?;
    }
    command::run(
        site.command(&system)
            .args(["-m", "venv", "--clear"])
            .arg(site.venv()),
    )?;
    let mut install = site.command(python(site)?);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // A package that would have to be compiled here is a pin to correct, not ten minutes to wait.
    install.args(["--only-binary", ":all:", "--requirement", REQUIREMENTS]);
    command::run(&mut install)?;
    fs::write(stamp, requirements)?;
    python(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_versions_the_greatest_is_found() {
        let server = tempfile::tempdir().unwrap();
        for version in ["9", "15", "15-old", "17"] {
            fs::create_dir_all(server.path().join(version).join("bin")).unwrap();
        }
        let found = folders(&server.path().join("*/bin"));
        let versions: Vec<_> = found
            .iter()
            .map(|folder| {
                folder
                    .parent()
                    .unwrap()
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(versions, ["17", "15", "9", "15-old"]);
        assert!(found.iter().all(|folder| folder.ends_with("bin")));
    }

    #[test]
    fn a_folder_without_a_star_is_itself_and_an_absent_one_is_nothing() {
        assert_eq!(folders(Path::new("/usr/bin")), [PathBuf::from("/usr/bin")]);
        assert_eq!(folders(Path::new("/nowhere/at/all/*/bin")), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_missing_program_names_its_packages() {
        let need = Need {
            program: "no-such-program",
            also_in: &[],
            packages: &["its-package"],
        };
        let fault = need.require().unwrap_err().to_string();
        assert!(fault.contains("its-package"), "{fault}");
    }
}
