//! `sendhub inbox`: what waits for an agency, collected and watched.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use sendhub_client::courier;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_client::told::{Told, place_json};
use sendhub_contracts::mailbox::v1::{DeliveryNotice, WatchDeliveriesRequest, collected_delivery};
use sendhub_contracts::transfer::v1::DeliveryState;
use serde_json::{Value, json};

use crate::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List what waits, oldest first.
    List {
        /// The agency's client.toml.
        #[arg(long, env = "SENDHUB_CLIENT", default_value = "client.toml")]
        profile: PathBuf,
    },
    /// Collect what waits, write each file with its receipt into a folder, and acknowledge it.
    Collect {
        /// The agency's client.toml.
        #[arg(long, env = "SENDHUB_CLIENT", default_value = "client.toml")]
        profile: PathBuf,
        /// The folder.
        #[arg(long, default_value = ".")]
        out: PathBuf,
        /// Leave it in the inbox: it comes again next time.
        #[arg(long)]
        keep: bool,
        /// These deliveries only.
        deliveries: Vec<String>,
    },
    /// Tell of deliveries as they come, until interrupted.
    Watch {
        /// The agency's client.toml.
        #[arg(long, env = "SENDHUB_CLIENT", default_value = "client.toml")]
        profile: PathBuf,
    },
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::List { profile } => {
            let session = Session::open(&Profile::load(profile)?).await?;
            let waiting = courier::list(&session).await.map_err(told)?;
            if output == Output::Json {
                println!("{}", waiting.iter().map(as_json).collect::<Value>());
            } else {
                waiting.iter().for_each(print);
                println!("{} waiting", waiting.len());
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Collect {
            profile,
            out,
            keep,
            deliveries,
        } => collect(profile, out, *keep, deliveries, output).await,
        Command::Watch { profile } => watch(profile, output).await,
    }
}

/// A status as an error that says what the hub told.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
pub(crate) fn told(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!("{}", Told::from(&status))
}

async fn watch(profile: &std::path::Path, output: Output) -> Result<ExitCode> {
    let session = Session::open(&Profile::load(profile)?).await?;
    let mut notices = session
        .mailbox()
        .watch_deliveries(WatchDeliveriesRequest::default())
        .await
        .map_err(told)?
        .into_inner();
    while let Some(told_of) = notices.message().await.map_err(told)? {
        match (told_of.notice, output) {
            (Some(notice), Output::Json) => println!("{}", as_json(&notice)),
            (Some(notice), Output::Text) => print(&notice),
            (None, _) => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn collect(
    profile: &std::path::Path,
    out: &std::path::Path,
    keep: bool,
    only: &[String],
    output: Output,
) -> Result<ExitCode> {
    let session = Session::open(&Profile::load(profile)?).await?;
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let ids: Vec<String> = if only.is_empty() {
        let waiting = courier::list(&session).await.map_err(told)?;
        waiting.into_iter().map(|notice| notice.delivery_id).collect()
    } else {
        only.to_vec()
    };
    let (mut taken, mut refused, mut report) = (Vec::new(), 0, Vec::new());
    for (id, result) in courier::collect(&session, &ids).await.map_err(told)? {
        match result {
            Ok(delivery) => {
                let Some(collected_delivery::Content::Transfer(transfer)) = &delivery.content else {
                    continue;
                };
                let ctf = transfer.ctf.clone().unwrap_or_default();
                // The sender's name for the file may be anything: only its last part, and never over another file.
                let name = std::path::Path::new(&ctf.file_name)
                    .file_name()
                    .map_or_else(|| "record.xml".into(), |name| name.to_string_lossy().into_owned());
                let file = out.join(format!("{id}_{name}"));
                fs::write(&file, &ctf.content).with_context(|| format!("cannot write {}", file.display()))?;
                let receipt = json!({
                    "delivery": id,
                    "exchange": delivery.exchange,
                    "sender": delivery.sender_agency_id,
                    "log": delivery.log.as_ref().map(place_json),
                });
                fs::write(out.join(format!("{id}.receipt.json")), receipt.to_string())?;
                if output == Output::Text {
                    println!("{}", file.display());
                }
                report.push(json!({ "delivery": id, "file": file.display().to_string() }));
                taken.push(id);
            }
            Err(told) => {
                refused += 1;
                if output == Output::Text {
                    eprintln!("{id}: {told}");
                }
                report.push(json!({ "delivery": id, "refusal": told.json() }));
            }
        }
    }
    if !keep {
        for (id, told) in courier::acknowledge(&session, &taken).await.map_err(self::told)? {
            refused += 1;
            eprintln!("{id}: {told}");
        }
    }
    if output == Output::Json {
        println!("{}", Value::from(report));
    }
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(notice: &DeliveryNotice) {
    println!(
        "{}  from {} ({}), {} bytes{}",
        notice.delivery_id,
        notice.sender_name,
        notice.sender_agency_id,
        notice.size_bytes,
        notice
            .due_on
            .as_ref()
            .map(|day| format!(", due {:04}-{:02}-{:02}", day.year, day.month, day.day))
            .unwrap_or_default(),
    );
}

fn as_json(notice: &DeliveryNotice) -> Value {
    json!({
        "delivery": notice.delivery_id,
        "exchange": notice.exchange,
        "sender": notice.sender_agency_id,
        "sender_name": notice.sender_name,
        "case_reference": notice.case_reference,
        "size_bytes": notice.size_bytes,
        "state": DeliveryState::try_from(notice.state).unwrap_or_default().as_str_name(),
    })
}
