//! `sendhub serve` and `sendhub init`: a hub made, and run until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use sendhub_gateway::config::{Config, LogFormat, Telemetry};
use sendhub_gateway::server::start;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::Output;
use crate::site::{self, NewHub, Site};

/// Runs a hub until SIGTERM or SIGINT, then finishes what was accepted.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration.
    #[arg(long, env = "SENDHUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
}

/// Makes a new hub's folder: configuration, certificate authority, keys, and the operator's own access.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; made when it is not there.
    folder: PathBuf,
    /// The hub's name, like a domain name.
    #[arg(long, default_value = "sendhub.local")]
    name: String,
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:7443")]
    listen: SocketAddr,
    /// A host name or address by which clients reach it; give it as often as needed.
    #[arg(long = "host", default_values = ["localhost", "127.0.0.1"])]
    hosts: Vec<String>,
    /// The database: a PostgreSQL URL (postgres://user@host:5432/sendhub), which must be reachable now; one SQLite
    /// file in the folder when absent.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Serve {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let config = Config::load(&self.config)?;
        telemetry(&config.telemetry)?;
        // Asked for before the first connection: a signal that comes early is not lost.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let running = start(config).await?;
        if output == Output::Json {
            println!("{}", json!({ "listening": running.address.to_string() }));
        } else {
            println!("listening on {}", running.address);
        }
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            // By itself only when it may not go on: the error says why.
            () = running.ended() => {}
        }
        running.stop();
        running.stopped().await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Log lines to standard error: nothing personal is in them.
fn telemetry(settings: &Telemetry) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.filter)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}

impl Init {
    pub(crate) async fn run(&self, output: Output) -> Result<ExitCode> {
        let hub = NewHub {
            name: self.name.clone(),
            listen: self.listen,
            hosts: self.hosts.clone(),
            store: self.store.clone(),
        };
        let config = site::create(&self.folder, &hub)?;
        let site = Site::open(&config).await?;
        let mut operator = site::new_agency(
            "hub-operator",
            sendhub_domain::agency::AgencyKind::HubOperator,
            "The hub's operator",
            sendhub_domain::agency::AgencyIdentifiers::default(),
        )?;
        let host = self.hosts.first().map_or("localhost", String::as_str);
        let address = format!("https://{host}:{}", self.listen.port());
        let access = self.folder.join("access").join("hub-operator");
        site.issue(&mut operator, &access, &address, "operator", None)?;
        site.put(operator, 0, "sendhub init").await?;
        site.close().await?;
        match output {
            Output::Json => println!(
                "{}",
                json!({ "config": config.display().to_string(), "operator": access.display().to_string() })
            ),
            Output::Text => {
                println!("made {}", config.display());
                println!("next:");
                println!("  sendhub serve --config {}", config.display());
                println!(
                    "  sendhub agency add --config {} --id my-school --kind ACADEMY --name \"My School\" --laestab 9991001 --out my-school",
                    config.display()
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
