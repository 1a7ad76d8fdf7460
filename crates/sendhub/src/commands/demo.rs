//! `sendhub demo`: a hub of its own, two schools, a record on its way, a refusal and its reason, and the proof.

mod law;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use sendhub_client::courier;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_client::submission::{Covering, requests};
use sendhub_client::told::{Told, prove, receipt_json};
use sendhub_contracts::mailbox::v1::{CollectedDelivery, WatchDeliveriesRequest, collected_delivery};
use sendhub_contracts::transfer::v1::{
    ClaimTransferRequest, ImportOutcome, ImportReport, ReportImportRequest, SearchUnclaimedTransfersRequest,
    SubmitTransferRequest,
};
use sendhub_contracts::types::v1::Receipt;
use sendhub_ctf::{CheckReport, Destination, Header, Profiles, Source, check_file};
use sendhub_domain::agency::{AgencyIdentifiers, AgencyKind};
use sendhub_domain::identifiers::{LaCode, LaEstab, Urn};
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_gateway::config::Config;
use sendhub_gateway::server::{Running, start};
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_store::verify::verify_sqlite;
use serde_json::{Value, json};

use super::agency::usual_role;
use super::inbox::told;
use crate::Output;
use crate::site::{self, NewHub, Site};

/// The sample that is sent when no file is given.
const SAMPLE: &[u8] = include_bytes!("../../../ctf/tests/samples/9991001_CTF_9984001_001.xml");
const SAMPLE_NAME: &str = "9991001_CTF_9984001_001.xml";
/// A school that has nothing to do with the record.
const STRANGER: &str = "another-school";

/// Runs the whole story on a fresh machine: makes keys and agencies in a new folder, starts the hub, sends a
/// record through mutual TLS and tokens, collects it, shows a refusal, and verifies the log.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Send this Common Transfer File instead of the built-in sample; the agencies are made to fit it.
    #[arg(long)]
    ctf: Option<PathBuf>,
    /// Where to make the demo's folder; a new one among the temporary files otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Leave the hub running afterwards, to explore it, until interrupted.
    #[arg(long)]
    keep: bool,
}

/// Prints the story, and keeps its figures for scripts.
struct Story {
    output: Output,
    chapter: u32,
}

impl Story {
    fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        self.line(&format!("\n{}. {title}", self.chapter));
    }

    fn tell(&self, text: &str) {
        self.line(&format!("   {text}"));
    }

    fn line(&self, text: &str) {
        if self.output == Output::Text {
            println!("{text}");
        }
    }
}

/// Who plays in the story.
struct Cast {
    sender: String,
    /// Who collects: the new school, or the authority that finds a record of unknown destination.
    receiver: String,
    /// Whether the receiver has to search for it.
    held: bool,
}

impl Demo {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let profiles = Profiles::built_in()?;
        let (bytes, name) = match &self.ctf {
            None => (SAMPLE.to_vec(), SAMPLE_NAME.to_owned()),
            Some(path) => (
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
            ),
        };
        let report = check_file(&bytes, Some(&name), &profiles);
        if !report.sendable() {
            refuse_file(&name, &report, output);
            return Ok(ExitCode::FAILURE);
        }
        if let Some(reason) = no_exchange(&report.scan.header) {
            match output {
                Output::Json => {
                    println!(
                        "{}",
                        json!({ "file": name, "sendable": false, "problems": [reason] })
                    );
                }
                Output::Text => println!("{name} cannot be sent, and nothing was stored: {reason}"),
            }
            return Ok(ExitCode::FAILURE);
        }
        let mut story = Story { output, chapter: 0 };
        let folder = self.new_folder()?;
        story.line("SEND Hub: a pupil's record reaches the next school, lawfully and provably.");

        story.chapter("A hub is made.");
        let config = site::create(
            &folder,
            &NewHub {
                name: "demo.sendhub".into(),
                listen: ([127, 0, 0, 1], 0).into(),
                hosts: vec!["localhost".into(), "127.0.0.1".into()],
                store: None,
            },
        )?;
        rehearse(&config)?;
        story.tell(&format!("Its folder: {}", folder.display()));
        story.tell("Certificates, token keys, the key that seals records and the key that signs the log were made just now.");
        let running = start(Config::load(&config)?).await?;
        story.tell(&format!(
            "It listens on {} (mutual TLS 1.3 only).",
            running.address
        ));

        let done = play(
            &mut story, &folder, &config, &running, &bytes, &name, &report, &profiles,
        )
        .await;
        let failed = done.is_err();
        if self.keep && !failed {
            story.line(&format!(
                "\nThe hub goes on at {} until you press Ctrl-C.",
                running.address
            ));
            tokio::signal::ctrl_c().await?;
        }
        running.stop();
        running.stopped().await?;
        let summary = done?;
        if output == Output::Json {
            println!("{summary}");
        }
        Ok(ExitCode::SUCCESS)
    }

    fn new_folder(&self) -> Result<PathBuf> {
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => std::env::temp_dir().join(format!("sendhub-demo-{}", SystemClock.new_id())),
        };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

/// The demo's hub rehearses: its later chapters move its day.
fn rehearse(config: &Path) -> Result<()> {
    let mut text = std::fs::read_to_string(config)?;
    text.push_str("\n[rehearsal]\nclock_file = \"today\"\n");
    std::fs::write(config, text).with_context(|| format!("cannot write {}", config.display()))
}

/// Why a file that is in order is still no exchange between two agencies.
fn no_exchange(header: &Header) -> Option<&'static str> {
    match (&header.source, &header.destination) {
        (Some(Source::School(one)), Some(Destination::School(other))) if one == other => {
            Some("its source and destination are the same school (RECIPIENT_IS_SENDER)")
        }
        (Some(Source::LocalAuthority(one)), Some(Destination::LocalAuthority(other))) if one == other => {
            Some("its source and destination are the same authority (RECIPIENT_IS_SENDER)")
        }
        (Some(Source::NationalService) | None, _) => Some(
            "it comes from a national service (XXXXXXX), not from a school or authority: this hub carries records \
             of agencies in its directory only",
        ),
        _ => None,
    }
}

fn refuse_file(name: &str, report: &CheckReport, output: Output) {
    let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    if output == Output::Json {
        println!(
            "{}",
            json!({ "file": name, "sendable": false, "problems": problems })
        );
        return;
    }
    println!("{name} cannot be sent, and nothing was stored. Everything that is wrong with it:");
    for problem in problems {
        println!("  {problem}");
    }
    println!(
        "Nothing of a file that cannot be read for certain is passed on: a half-read record harms a child."
    );
}

#[expect(clippy::too_many_arguments, reason = "the props of the one story")]
async fn play(
    story: &mut Story,
    folder: &Path,
    config: &Path,
    running: &Running,
    bytes: &[u8],
    name: &str,
    report: &CheckReport,
    profiles: &Profiles,
) -> Result<Value> {
    let hub = format!("https://localhost:{}", running.address.port());
    story.chapter("The agencies are entered in its directory.");
    let cast = enter(story, folder, config, &hub, &report.scan.header).await?;
    running.hub.refresh_directory().await?;
    let session = async |agency: &str| -> Result<Session> {
        let profile = Profile::load(&folder.join("access").join(agency).join("client.toml"))?;
        Ok(Session::open(&profile).await?)
    };
    let sender = session(&cast.sender).await?;
    let receiver = session(&cast.receiver).await?;

    story.chapter("The old school's system sends the record.");
    let made = requests(bytes, name, &Covering::default(), profiles)
        .map_err(|_| anyhow::anyhow!("{name} cannot be sent"))?;
    let results = courier::send(&sender, made.clone(), || ()).await.map_err(told)?;
    let mut receipts = Vec::new();
    for (pupil, result) in (1..).zip(results) {
        match result {
            Ok(receipt) => receipts.push(receipt),
            Err(refused) => {
                story.line(&format!("pupil {pupil}: {refused}"));
                bail!("the hub refused pupil {pupil}: {}", refused.reason);
            }
        }
    }
    tell_receipts(story, name, &receipts)?;
    let key = own_key(&sender, &receipts).await?;
    for receipt in &receipts {
        prove(receipt.log.as_ref().context("a receipt without its place")?, &key)?;
    }
    story.tell("Each receipt was checked here with the log's public key alone, without asking the hub.");
    std::fs::write(
        folder.join("receipts.json"),
        serde_json::to_string_pretty(&receipts.iter().map(receipt_json).collect::<Vec<_>>())?,
    )?;

    story.chapter("Somebody else tries, and is refused.");
    let stranger = session(STRANGER).await?;
    let refusal = try_as_stranger(story, &stranger, &made).await?;

    let deliveries = if cast.held {
        story.chapter("Nobody knows the next school: the local authority looks for the child.");
        find_and_claim(story, &receiver, &made).await?
    } else {
        story.chapter("The new school is told, and collects.");
        watch_for(story, &receiver, made.len()).await?
    };
    let refused_collection = courier::collect(&stranger, &deliveries[..1])
        .await
        .map_err(told)?;
    ensure!(
        refused_collection.iter().all(|(_, result)| result.is_err()),
        "a stranger collected a record"
    );
    let collected = courier::collect(&receiver, &deliveries).await.map_err(told)?;
    take(story, &collected, &made, &key)?;
    story.tell("The other school asked for the same delivery and was told that there is none for it.");
    acknowledge(story, &receiver, &deliveries, cast.held).await?;

    let stage = law::Stage {
        folder,
        config,
        hub: hub.clone(),
        today: folder.join("today"),
    };
    story.chapter("Further agencies take part.");
    stage.enter(story).await?;
    running.hub.refresh_directory().await?;
    let lawful = stage.play(story).await?;

    story.chapter("The log is verified.");
    let database = folder.join("data").join("hub.db");
    let verified = verify_sqlite(&database, &[key], |_| ()).await?;
    ensure!(
        verified.fault_count == 0,
        "the log does not verify: {:?}",
        verified.faults
    );
    for log in &verified.logs {
        story.tell(&format!(
            "{}: {} entries, all fit; root {}",
            log.origin, log.size, log.root
        ));
    }
    story.tell("Every act above stands in it, the refusals too; nothing personal does.");
    what_next(story, folder, &cast);
    Ok(json!({
        "folder": folder.display().to_string(),
        "file": name,
        "pupils": made.len(),
        "held": cast.held,
        "receipts": receipts.iter().map(receipt_json).collect::<Vec<_>>(),
        "refusal": refusal.json(),
        "collected": collected.len(),
        "law": lawful,
        "log_faults": verified.fault_count,
        "log_entries": verified.logs.iter().map(|log| log.size).sum::<u64>(),
    }))
}

/// Makes the agencies that the file needs.
async fn enter(story: &Story, folder: &Path, config: &Path, hub: &str, header: &Header) -> Result<Cast> {
    let site = Site::open(config).await?;
    let authority = |code: &LaCode| {
        (
            format!("la-{code}"),
            AgencyKind::LocalAuthority,
            format!("Local authority {code}"),
            AgencyIdentifiers {
                la_code: Some(code.clone()),
                ..AgencyIdentifiers::default()
            },
        )
    };
    let school = |number: &LaEstab, name: Option<&str>, urn: Option<&str>| {
        (
            format!("school-{number}"),
            AgencyKind::MaintainedSchool,
            name.map_or_else(|| format!("School {number}"), str::to_owned),
            AgencyIdentifiers {
                laestab: Some(number.clone()),
                urn: urn.and_then(|urn| Urn::parse(urn).ok()),
                ..AgencyIdentifiers::default()
            },
        )
    };
    let sender = match &header.source {
        Some(Source::School(number)) => school(
            number,
            header.source_name.as_deref(),
            header.source_urn.as_deref(),
        ),
        Some(Source::LocalAuthority(code)) => authority(code),
        Some(Source::NationalService) | None => bail!("the file names no agency as its source"),
    };
    // A local authority that looks for a child: any but the sender.
    let searcher = || -> Result<_> {
        let code = if sender.0 == "la-999" { "998" } else { "999" };
        Ok(authority(&LaCode::parse(code)?))
    };
    let (receiver, held) = match &header.destination {
        Some(Destination::School(number)) => (school(number, None, header.destination_urn.as_deref()), false),
        Some(Destination::LocalAuthority(code)) => (authority(code), false),
        Some(Destination::Unknown | Destination::OutsideSector) => (searcher()?, true),
        None => bail!("the file names no destination"),
    };
    let cast = Cast {
        sender: sender.0.clone(),
        receiver: receiver.0.clone(),
        held,
    };
    let stranger = (
        STRANGER.to_owned(),
        AgencyKind::Academy,
        "Another School".to_owned(),
        AgencyIdentifiers::default(),
    );
    for (id, kind, name, identifiers) in [sender, receiver, stranger] {
        let mut agency = site::new_agency(&id, kind, &name, identifiers)?;
        let access = folder.join("access").join(&id);
        site.issue(&mut agency, &access, hub, usual_role(kind), None)?;
        site.put(agency, 0, "sendhub demo").await?;
        story.tell(&format!("{name} ({id}, {})", kind.code()));
    }
    site.close().await?;
    story.tell("Each has a certificate that says which agency it is and a key that signs for its people and systems.");
    Ok(cast)
}

fn tell_receipts(story: &Story, name: &str, receipts: &[Receipt]) -> Result<()> {
    story.tell(&format!(
        "{name}: {} record(s), one a pupil, each sealed with a key of that pupil alone.",
        receipts.len()
    ));
    let first = receipts.first().context("the file holds no pupil")?;
    let decision = first.decision.clone().unwrap_or_default();
    story.tell(&format!(
        "Allowed by rule {}: {}.",
        decision.rule_id, decision.provision
    ));
    for receipt in receipts.iter().take(5) {
        let proof = receipt
            .log
            .as_ref()
            .and_then(|log| log.inclusion.clone())
            .unwrap_or_default();
        story.tell(&format!(
            "Receipt {}: entry {} in a log of {}.",
            receipt.exchange, proof.leaf_index, proof.tree_size
        ));
    }
    Ok(())
}

/// The public key of the log that the receipts name.
async fn own_key(session: &Session, receipts: &[Receipt]) -> Result<VerifierKey> {
    let origin = receipts
        .first()
        .and_then(|receipt| receipt.log.as_ref())
        .map(|log| log.origin.clone())
        .context("a receipt without its place")?;
    let logs = session
        .audit()
        .list_logs(sendhub_contracts::audit::v1::ListLogsRequest {})
        .await
        .map_err(told)?
        .into_inner()
        .logs;
    let log = logs
        .into_iter()
        .find(|log| log.origin == origin)
        .context("the hub does not list its own log")?;
    Ok(VerifierKey::parse(&log.verifier_key)?)
}

async fn try_as_stranger(story: &Story, stranger: &Session, made: &[SubmitTransferRequest]) -> Result<Told> {
    let request = made.first().cloned().context("the file holds no pupil")?;
    match stranger.transfers().submit_transfer(request).await {
        Ok(_) => bail!("a school sent another school's record, and it was accepted"),
        Err(status) => {
            let refused = Told::from(&status);
            story.tell("Another School sends the same file as if it were its own:");
            for line in refused.to_string().lines() {
                story.tell(&format!("  {line}"));
            }
            Ok(refused)
        }
    }
}

async fn watch_for(story: &Story, receiver: &Session, count: usize) -> Result<Vec<String>> {
    let mut notices = receiver
        .mailbox()
        .watch_deliveries(WatchDeliveriesRequest {
            max_unacknowledged: 1_000,
        })
        .await
        .map_err(told)?
        .into_inner();
    let mut ids = Vec::new();
    while ids.len() < count.min(1_000) {
        let next = notices
            .message()
            .await
            .map_err(told)?
            .context("the watch ended")?;
        if let Some(notice) = next.notice {
            if ids.is_empty() {
                story.tell(&format!("A notice comes: a record from {}.", notice.sender_name));
            }
            ids.push(notice.delivery_id);
        }
    }
    if ids.len() < count {
        let all = courier::list(receiver).await.map_err(told)?;
        ids = all.into_iter().map(|notice| notice.delivery_id).collect();
    }
    Ok(ids)
}

async fn find_and_claim(
    story: &Story,
    authority: &Session,
    made: &[SubmitTransferRequest],
) -> Result<Vec<String>> {
    let mut deliveries = Vec::new();
    for request in made {
        let subject = request
            .envelope
            .clone()
            .and_then(|envelope| envelope.subject)
            .unwrap_or_default();
        let found = authority
            .transfers()
            .search_unclaimed_transfers(SearchUnclaimedTransfersRequest {
                identifiers: Vec::new(),
                surname: subject.surname,
                date_of_birth: subject.date_of_birth,
                reason: "demo: child arrived without a record".into(),
            })
            .await
            .map_err(told)?
            .into_inner()
            .transfers;
        let found = found.first().context("the held record was not found")?;
        story.tell("The search, by surname and date of birth together, finds one record. The search itself stands in the log.");
        let claimed = authority
            .transfers()
            .claim_transfer(ClaimTransferRequest {
                exchange: found.exchange.clone(),
                reason: "demo: child lives here now".into(),
            })
            .await
            .map_err(told)?
            .into_inner();
        story.tell(&format!("It is claimed: {}.", found.exchange));
        deliveries.push(claimed.delivery_id);
    }
    Ok(deliveries)
}

/// Checks that what was collected is what was sent, and that each handing over stands in the log.
fn take(
    story: &Story,
    collected: &[(String, Result<CollectedDelivery, Told>)],
    made: &[SubmitTransferRequest],
    key: &VerifierKey,
) -> Result<()> {
    ensure!(collected.len() == made.len(), "not every record came");
    for (id, result) in collected {
        let delivery = match result {
            Ok(delivery) => delivery,
            Err(refused) => bail!("delivery {id}: {refused}"),
        };
        let Some(collected_delivery::Content::Transfer(content)) = &delivery.content else {
            bail!("delivery {id} has no content");
        };
        ensure!(
            made.iter()
                .any(|request| request.content.as_ref() == Some(content)),
            "delivery {id} is not what was sent"
        );
        prove(
            delivery.log.as_ref().context("a delivery without its place")?,
            key,
        )?;
    }
    story.tell(&format!(
        "{} record(s) collected, byte for byte what was sent. The rules were asked again, with today's facts,",
        collected.len()
    ));
    story.tell("and each handing over was in the log before the first byte left.");
    Ok(())
}

async fn acknowledge(story: &Story, receiver: &Session, deliveries: &[String], held: bool) -> Result<()> {
    let refused = courier::acknowledge(receiver, deliveries).await.map_err(told)?;
    if let Some((id, refused)) = refused.first() {
        bail!("delivery {id} was not acknowledged: {refused}");
    }
    for id in deliveries {
        receiver
            .transfers()
            .report_import(ReportImportRequest {
                delivery_id: id.clone(),
                report: Some(ImportReport {
                    outcome: ImportOutcome::Created.into(),
                    warnings: Vec::new(),
                }),
            })
            .await
            .map_err(told)?;
    }
    let who = if held { "authority" } else { "new school" };
    story.tell(&format!(
        "The {who} acknowledges, and reports that a pupil was made of each. The old school can see both."
    ));
    Ok(())
}

fn what_next(story: &Story, folder: &Path, cast: &Cast) {
    let at = |part: &str| folder.join(part).display().to_string();
    // Whoever runs the demo first has not installed anything: the command is named so that it can be copied.
    let command =
        std::env::current_exe().map_or_else(|_| "sendhub".into(), |path| path.display().to_string());
    story.line("\nWhat to try next (these lines can be copied as they are):");
    story.line(&format!("   {command} audit verify {}", at("data/hub.db")));
    story.line(&format!("   {command} agency list --config {}", at("hub.toml")));
    story.line(&format!("   {command} ctf check YOUR-FILE.xml"));
    story.line(&format!("   {command} demo --ctf YOUR-FILE.xml"));
    story.line(&format!("   {command} demo --keep"));
    story.line("With --keep the hub goes on; in another window, with the folder that it names for FOLDER:");
    story.line(&format!(
        "   {command} inbox watch --profile FOLDER/access/{}/client.toml",
        cast.receiver
    ));
    story.line(&format!(
        "   {command} bridge DROP-FOLDER --profile FOLDER/access/{}/client.toml",
        cast.sender
    ));
    story.line(&format!(
        "The demo's folder holds nothing but the demo: delete {} when you are done.",
        folder.display()
    ));
}
