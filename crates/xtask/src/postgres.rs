//! A PostgreSQL of the tests' own: made in a folder of its own, started on a free port, and gone afterwards.

use std::fs;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::site::Site;
use crate::tools;

/// The variable in which tests find the administrator's URL of the server.
pub(crate) const VARIABLE: &str = "SENDHUB_TEST_POSTGRES";

/// How long the server may take to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A longer name of a Unix socket does not fit into its address; the socket's own name takes 20 of it.
const LONGEST_SOCKET_FOLDER: usize = 85;

/// How the folders of these servers begin; the number of the process that made them follows.
const FOLDER: &str = "postgres-";

/// What differs from the defaults. `fsync` stays on: durability is what is tested.
const SETTINGS: &[&str] = &["max_connections=200", "fsync=on", "listen_addresses=127.0.0.1"];

/// A running server. It is stopped and its folder removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Makes a cluster and starts its server, installing PostgreSQL when the machine has none.
    pub(crate) fn start(site: &Site) -> Result<Self> {
        let bin = &programs(site)?;
        let owner = Owner::choose()?;
        let folder = owner.folder(site)?;
        let started = prepare(bin, &owner, &folder).and_then(|()| launch(bin, &owner, &folder));
        let (port, server) = match started {
            Ok(started) => started,
            Err(fault) => {
                fs::remove_dir_all(&folder).ok();
                return Err(fault);
            }
        };
        // From here on whatever fails stops the server.
        let mut cluster = Self { folder, port, server };
        cluster.wait(bin)?;
        println!("PostgreSQL answers at {}", cluster.url());
        Ok(cluster)
    }

    /// The administrator's URL: tests make databases of their own with it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self, bin: &Path) -> Result<()> {
        let started = Instant::now();
        let port = self.port.to_string();
        let mut ready = Command::new(bin.join("pg_isready"));
        ready.args(["--quiet", "--host", "127.0.0.1", "--port", &port]);
        while !command::succeeds(&mut ready) {
            if let Some(status) = self.server.try_wait()? {
                bail!("PostgreSQL ended with {status}: {}", self.said());
            }
            ensure!(
                started.elapsed() < PATIENCE,
                "PostgreSQL does not answer: {}",
                self.said()
            );
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn said(&self) -> String {
        let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("; ")
    }

    /// A fast shutdown: sessions are ended, and what is committed is on the disk already.
    fn stop(&mut self) -> io::Result<()> {
        Command::new("kill")
            .args(["-INT", &self.server.id().to_string()])
            .status()?;
        let asked = Instant::now();
        while self.server.try_wait()?.is_none() {
            if asked.elapsed() > PATIENCE {
                self.server.kill()?;
                self.server.wait()?;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let gone = self.stop().and_then(|()| fs::remove_dir_all(&self.folder));
        if let Err(fault) = gone {
            println!(
                "the PostgreSQL in {} is left behind: {fault}",
                self.folder.display()
            );
        }
    }
}

/// The folder of PostgreSQL's programs, installed now when the machine has none.
pub(crate) fn programs(site: &Site) -> Result<PathBuf> {
    // A link to the server stands alone; its neighbours are where it leads.
    let server = tools::POSTGRES.find_or_install(site)?.canonicalize()?;
    let folder = server.parent().context("PostgreSQL's programs have no folder")?;
    Ok(folder.to_path_buf())
}

/// Starts a server, prints how tests find it, and stops it when the developer presses Enter or the input ends.
pub(crate) fn foreground(site: &Site) -> Result<ExitCode> {
    let cluster = Cluster::start(site)?;
    println!("In another shell:\n\n  export {VARIABLE}={}\n", cluster.url());
    println!("Enter stops it and removes what is in it.");
    io::stdout().flush()?;
    io::stdin().read_line(&mut String::new())?;
    Ok(ExitCode::SUCCESS)
}

/// Who runs the server: initdb refuses root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Whoever runs the tests.
    Ourselves,
    /// Root runs the tests, and this user the server.
    User(&'static str),
}

impl Owner {
    fn choose() -> Result<Self> {
        if command::output(Command::new("id").arg("-u"))?.trim() != "0" {
            return Ok(Self::Ourselves);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find(|user| command::succeeds(Command::new("id").args(["-u", user])))
            .map(Self::User)
            .context("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
    }

    /// A new folder that the owner may write to: under `target/`, or in the machine's temporary folder when that is
    /// out of the owner's reach or too long for a socket.
    fn folder(self, site: &Site) -> Result<PathBuf> {
        let name = format!("{FOLDER}{}", process::id());
        let near = site.root().join("target").join(&name);
        sweep(&site.root().join("target"));
        if near.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
            fs::create_dir_all(site.root().join("target"))?;
            self.make(&near)?;
            if command::succeeds(self.command("test").arg("-w").arg(&near)) {
                return Ok(near);
            }
            fs::remove_dir_all(&near)?;
        }
        let far = std::env::temp_dir().join(format!("sendhub-{name}"));
        self.make(&far)?;
        Ok(far)
    }

    /// Makes the folder, which must be new: one that somebody else made is not trusted.
    fn make(self, folder: &Path) -> Result<()> {
        fs::create_dir(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        if let Self::User(user) = self {
            command::output(Command::new("chown").arg(user).arg(folder))?;
        }
        Ok(())
    }

    /// A command of the owner's that ends when this process does, however that ends.
    fn command(self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Self::User(user) = self {
            command.args(["--reuid", user, "--regid", &group(user), "--init-groups"]);
        }
        command.arg("--").arg(program.as_ref());
        command.current_dir("/").stdin(Stdio::null());
        command
    }
}

/// The user's own group, by number.
fn group(user: &str) -> String {
    command::output(Command::new("id").args(["-g", user]))
        .map_or_else(|_| user.to_owned(), |number| number.trim().to_owned())
}

/// Removes the folders of runs that were interrupted: their servers have ended with them.
fn sweep(target: &Path) {
    for entry in fs::read_dir(target).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

fn prepare(bin: &Path, owner: &Owner, folder: &Path) -> Result<()> {
    let mut make = owner.command(bin.join("initdb"));
    make.args([
        "--username=postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-sync",
    ]);
    make.args(["--locale=C.UTF-8", "--pgdata"])
        .arg(folder.join("data"));
    command::output(&mut make).map(|_| ())
}

fn launch(bin: &Path, owner: &Owner, folder: &Path) -> Result<(u16, Child)> {
    // Free now; should somebody else take it meanwhile, the server says so and ends.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let log = fs::File::create(folder.join("server.log"))?;
    let mut serve = owner.command(bin.join("postgres"));
    serve.arg("-D").arg(folder.join("data"));
    serve.arg("-c").arg(format!("port={port}"));
    serve
        .arg("-c")
        .arg(format!("unix_socket_directories={}", folder.display()));
    for setting in SETTINGS {
        serve.args(["-c", setting]);
    }
    let server = serve
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("setpriv, of util-linux, could not be started")?;
    Ok((port, server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_interrupted_run_left_is_swept() {
        let target = tempfile::tempdir().unwrap();
        let (own, gone) = (format!("{FOLDER}{}", process::id()), format!("{FOLDER}999999999"));
        for folder in [own.as_str(), gone.as_str(), "tools"] {
            fs::create_dir(target.path().join(folder)).unwrap();
        }
        sweep(target.path());
        let left = |folder: &str| target.path().join(folder).exists();
        assert!(left(&own) && left("tools") && !left(&gone));
    }
}
