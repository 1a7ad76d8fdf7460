//! A hub with two schools, run as a process of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{binary, done, text};

/// The hub's folder, and its process.
#[derive(Debug)]
pub struct Hub {
    folder: tempfile::TempDir,
    process: Child,
    port: String,
}

impl Hub {
    /// Makes a hub with the schools `old-school` and `new-school`, and starts it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let config = root.join("hub.toml");
        let _ = done(&["init", text(root), "--listen", "127.0.0.1:0"]);
        let (process, port) = serve(&config).unwrap();
        let hub = format!("https://localhost:{port}");
        for (id, laestab) in [("old-school", "9991001"), ("new-school", "9984001")] {
            let out = root.join(id);
            let mut add = vec![
                "agency",
                "add",
                "--config",
                text(&config),
                "--id",
                id,
                "--name",
                id,
            ];
            add.extend(["--kind", "MAINTAINED_SCHOOL", "--laestab", laestab]);
            add.extend(["--hub", &hub, "--out", text(&out)]);
            let _ = done(&add);
        }
        // The running hub knows them within a second.
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        Self {
            folder,
            process,
            port,
        }
    }

    /// A path in its folder.
    #[must_use]
    pub fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join(part)
    }

    /// The port on which it listens.
    #[must_use]
    pub fn port(&self) -> &str {
        &self.port
    }

    /// SIGTERM, as an operator stops it.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn halt(&mut self) {
        let terminated = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(terminated.unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }

    /// Starts it again as its configuration says now, and tells the schools where it listens.
    ///
    /// # Errors
    /// What it said when it does not start.
    ///
    /// # Panics
    /// When the schools cannot be told.
    pub fn start_again(&mut self) -> Result<(), String> {
        let (process, port) = serve(&self.path("hub.toml"))?;
        self.process = process;
        for school in ["old-school", "new-school"] {
            let profile = self.path(school).join("client.toml");
            let known = std::fs::read_to_string(&profile).unwrap();
            let (before, now) = (
                format!("localhost:{}\"", self.port),
                format!("localhost:{port}\""),
            );
            std::fs::write(&profile, known.replace(&before, &now)).unwrap();
        }
        self.port = port;
        Ok(())
    }

    /// Stops it, and verifies its database.
    ///
    /// # Panics
    /// When either fails.
    pub fn stop(mut self) {
        self.halt();
        let _ = done(&["audit", "verify", text(&self.path("data/hub.db"))]);
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // Its own process, if a test has failed before it was stopped.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a hub and waits until it listens: its process and its port.
fn serve(config: &Path) -> Result<(Child, String), String> {
    let mut process = Command::new(binary())
        .args(["serve", "--config", text(config)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = process.stderr.take().unwrap();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let Some((_, port)) = line.trim().rsplit_once(':') else {
        let mut why = String::new();
        said.read_to_string(&mut why).unwrap();
        process.wait().unwrap();
        return Err(why);
    };
    let port = port.to_owned();
    // Whatever it says later is taken, so that it never waits for a reader.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    Ok((process, port))
}
