//! `sendhub ctf send`: sends Common Transfer Files and keeps the receipts.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::ProgressBar;
use jiff::civil::Date;
use sendhub_client::courier;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_client::submission::{Covering, requests};
use sendhub_client::told::receipt_json;
use sendhub_ctf::Profiles;
use serde_json::{Value, json};

use super::inbox::told;
use crate::Output;

/// Send files. Sending a file again is safe: it gets its first receipts. Ends with 1 when anything was refused.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The agency's client.toml.
    #[arg(long, env = "SENDHUB_CLIENT", default_value = "client.toml")]
    profile: PathBuf,
    /// The day on which the pupils ceased to be registered, yyyy-mm-dd: starts the clock of 15 school days.
    #[arg(long)]
    left_on: Option<Date>,
    /// A reference that both sides know. Never a name.
    #[arg(long, default_value = "")]
    case_reference: String,
}

impl Send {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let profiles = Profiles::built_in()?;
        let session = Session::open(&Profile::load(&self.profile)?).await?;
        let covering = Covering {
            left_on: self.left_on,
            case_reference: self.case_reference.clone(),
        };
        let (mut good, mut report) = (true, Vec::new());
        for file in &self.files {
            let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let made = match requests(&bytes, &name, &covering, &profiles) {
                Ok(made) => made,
                Err(faults) => {
                    good = false;
                    if output == Output::Text {
                        println!("{}: cannot be sent", file.display());
                        for problem in &faults.problems {
                            println!("  {problem}");
                        }
                    }
                    let problems: Vec<String> = faults.problems.iter().map(ToString::to_string).collect();
                    report.push(json!({ "file": file.display().to_string(), "problems": problems }));
                    continue;
                }
            };
            let bar = if output == Output::Text && made.len() > 1 {
                ProgressBar::new(made.len() as u64)
            } else {
                ProgressBar::hidden()
            };
            let results = courier::send(&session, made, || bar.inc(1)).await.map_err(told)?;
            bar.finish_and_clear();
            for (pupil, result) in (1..).zip(&results) {
                match (result, output) {
                    (Ok(receipt), Output::Text) => {
                        println!(
                            "{} pupil {pupil}: accepted as {}",
                            file.display(),
                            receipt.exchange
                        );
                    }
                    (Err(refused), Output::Text) => println!("{} pupil {pupil}: {refused}", file.display()),
                    (_, Output::Json) => {}
                }
                good &= result.is_ok();
            }
            let results: Vec<Value> = results
                .iter()
                .map(|result| match result {
                    Ok(receipt) => json!({ "receipt": receipt_json(receipt) }),
                    Err(refused) => json!({ "refusal": refused.json() }),
                })
                .collect();
            report.push(json!({ "file": file.display().to_string(), "pupils": results }));
        }
        if output == Output::Json {
            println!("{}", Value::from(report));
        }
        Ok(if good {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
