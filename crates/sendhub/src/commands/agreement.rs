//! `sendhub agreement`: the sharing agreements between agencies, without which an exchange that rests on policy rather
//! than duty does not run.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::agreement::{Agreement, AgreementId};
use sendhub_domain::disclosure::Item;
use serde_json::{Value, json};

use crate::Output;
use crate::site::Site;

/// What to do with the agreements.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Enter an agreement.
    Add(Add),
    /// List the agreements.
    List {
        /// The hub's configuration.
        #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
    },
    /// End an agreement: what waits on it is refused when it is collected.
    End {
        /// The hub's configuration.
        #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
        /// Its id.
        id: String,
        /// From which day on it is no longer in force (2026-09-01).
        #[arg(long)]
        on: Date,
    },
}

/// An agreement to enter.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The hub's configuration.
    #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// Its id: 3 to 64 of a-z, 0-9 and '-'.
    #[arg(long)]
    id: String,
    /// A party's agency id; give at least two.
    #[arg(long = "party", required = true)]
    parties: Vec<String>,
    /// An item that it covers, for instance PUPIL_INFORMATION.
    #[arg(long = "item", required = true)]
    items: Vec<String>,
    /// A purpose that it covers, as exchanges name it.
    #[arg(long = "purpose", required = true)]
    purposes: Vec<String>,
    /// The first day on which it is in force.
    #[arg(long)]
    from: Date,
    /// The last day, if there is one.
    #[arg(long)]
    until: Option<Date>,
    /// Who signed for a party, as "agency: office".
    #[arg(long = "signed-by")]
    signed_by: Vec<String>,
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Add(add) => add.run().await?,
        Command::List { config } => {
            let site = Site::open(config).await?;
            let directory = site.directory().await?;
            site.close().await?;
            let all = directory.agreements();
            match output {
                Output::Json => println!("{}", all.iter().map(|one| as_json(one)).collect::<Value>()),
                Output::Text => all.iter().for_each(|one| println!("{}", line(one))),
            }
        }
        Command::End { config, id, on } => {
            let site = Site::open(config).await?;
            let directory = site.directory().await?;
            let known = directory
                .agreements()
                .iter()
                .find(|one| one.id.as_str() == id)
                .with_context(|| format!("there is no agreement {id}"))?;
            let ended = Agreement {
                ended_on: Some(*on),
                ..Agreement::clone(known)
            };
            site.put_agreement(ended, "sendhub agreement end").await?;
            site.close().await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Add {
    async fn run(&self) -> Result<()> {
        let site = Site::open(&self.config).await?;
        let directory = site.directory().await?;
        let mut parties = Vec::with_capacity(self.parties.len());
        for party in &self.parties {
            let party = AgencyId::parse(party).with_context(|| format!("--party {party}"))?;
            ensure!(
                directory.agency(&party).is_some(),
                "there is no agency {party} in the directory"
            );
            parties.push(party);
        }
        parties.sort();
        parties.dedup();
        ensure!(parties.len() >= 2, "an agreement has at least two parties");
        let items = self
            .items
            .iter()
            .map(|code| {
                Item::from_code(code).with_context(|| format!("--item {code}: there is no such item"))
            })
            .collect::<Result<_>>()?;
        ensure!(
            self.until.is_none_or(|until| until >= self.from),
            "--until is before --from"
        );
        let agreement = Agreement {
            id: AgreementId::parse(&self.id)?,
            revision: 0,
            parties,
            items,
            purposes: self.purposes.clone(),
            from: self.from,
            until: self.until,
            ended_on: None,
            signed_by: self.signed_by.clone(),
        };
        site.put_agreement(agreement, "sendhub agreement add").await?;
        site.close().await
    }
}

fn as_json(one: &Agreement) -> Value {
    json!({
        "id": one.id.as_str(),
        "revision": one.revision,
        "parties": one.parties.iter().map(AgencyId::as_str).collect::<Vec<_>>(),
        "items": one.items.iter().map(|item| item.code()).collect::<Vec<_>>(),
        "purposes": one.purposes,
        "from": one.from.to_string(),
        "until": one.until.map(|day| day.to_string()),
        "ended_on": one.ended_on.map(|day| day.to_string()),
        "signed_by": one.signed_by,
    })
}

fn line(one: &Agreement) -> String {
    let parties: Vec<&str> = one.parties.iter().map(AgencyId::as_str).collect();
    let items: Vec<&str> = one.items.iter().map(|item| item.code()).collect();
    let end = match (one.ended_on, one.until) {
        (Some(ended), _) => format!("ended {ended}"),
        (None, Some(until)) => format!("until {until}"),
        (None, None) => "no end".to_owned(),
    };
    format!(
        "{:<28} {:<40} {:<36} from {}, {end}",
        one.id.as_str(),
        parties.join(" "),
        items.join(" "),
        one.from
    )
}
