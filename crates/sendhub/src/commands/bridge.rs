//! `sendhub bridge`: a drop folder for an office with transfer files.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sendhub_client::bridge::{Bridge as Folder, BridgeError, Pass, Step};
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_client::told::Told;
use sendhub_ctf::Profiles;
use serde_json::json;

use crate::Output;

/// Watches a folder: files in `outbox/` are sent, collected ones appear in `inbox/` with a receipt beside each,
/// refused ones come to `refused/` with a readable reason, sent ones go to `sent/`.
#[derive(Debug, Args)]
pub(crate) struct Bridge {
    /// The folder; its parts are made when they are not there.
    folder: PathBuf,
    /// The agency's client.toml.
    #[arg(long, env = "SENDHUB_CLIENT", default_value = "client.toml")]
    profile: PathBuf,
    /// One pass, then end: with 0 when nothing was refused, with 1 otherwise.
    #[arg(long)]
    once: bool,
    /// Seconds between passes.
    #[arg(long, default_value_t = 2)]
    every: u64,
}

impl Bridge {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let profile = Profile::load(&self.profile)?;
        loop {
            let done = self.pass(&profile, output).await;
            match (done, self.once) {
                (Ok(pass), true) if pass.refused > 0 => return Ok(ExitCode::FAILURE),
                (Ok(_), true) => return Ok(ExitCode::SUCCESS),
                (Err(failure), true) => return Err(failure),
                (Ok(_), false) => {}
                // The hub may be away for a while: everything waits where it is.
                (Err(failure), false) => eprintln!("sendhub: {failure:#}; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(self.every.max(1))) => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    async fn pass(&self, profile: &Profile, output: Output) -> Result<Pass> {
        let session = Session::open(profile).await?;
        let folder = Folder::open(&self.folder, session, Profiles::built_in()?)?;
        let bar = if output == Output::Text {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let mut records = 0_u64;
        let pass = folder
            .pass(|step| match step {
                Step::Found { files } => {
                    bar.set_length(files as u64);
                    bar.set_style(files_done());
                }
                Step::File => bar.inc(1),
                Step::Record => {
                    records += 1;
                    bar.set_message(format!("{records} records"));
                }
                Step::Collected => bar.tick(),
            })
            .await
            .map_err(|failure| match failure {
                BridgeError::Hub(status) => anyhow::anyhow!("{}", Told::from(&*status)),
                failure @ BridgeError::File { .. } => failure.into(),
            })?;
        bar.finish_and_clear();
        if pass != Pass::default() {
            match output {
                Output::Json => println!(
                    "{}",
                    json!({ "sent": pass.sent, "refused": pass.refused, "received": pass.received })
                ),
                Output::Text => println!(
                    "{} sent, {} refused, {} received",
                    pass.sent, pass.refused, pass.received
                ),
            }
        }
        Ok(pass)
    }
}

/// Files put away of those found, and how long the rest takes.
fn files_done() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} files, {msg}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
