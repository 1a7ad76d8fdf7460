//! SEND Hub: the one binary. Parses the command line, calls the rooms, prints.

mod commands;
mod pki;
mod site;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use commands::{
    agency, agreement, audit, backup, bench, bridge, clock, config, ctf, demo, inbox, migrate, policy,
    restore, rights, serve,
};

/// Requests are taken apart on one thread and answered on another: the system's allocator makes the threads wait for
/// each other there.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Carries exchanges between the agencies around children and young people with SEND, lawfully, with proof.
#[derive(Debug, Parser)]
#[command(name = "sendhub", version, about, propagate_version = true)]
struct Arguments {
    /// Print JSON for scripts instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(serve::Init),
    Serve(serve::Serve),
    /// Keep the agencies: who takes part, with which certificates and keys.
    #[command(subcommand)]
    Agency(Box<agency::Command>),
    /// Keep the sharing agreements between agencies.
    #[command(subcommand)]
    Agreement(agreement::Command),
    /// Look at and collect what waits for an agency.
    #[command(subcommand)]
    Inbox(inbox::Command),
    Bridge(bridge::Bridge),
    /// Look into Common Transfer Files, and send them.
    #[command(subcommand)]
    Ctf(ctf::Command),
    /// Prove what the log says.
    #[command(subcommand)]
    Audit(audit::Command),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Migrate(migrate::Migrate),
    /// Say what is due by when and why, and hold a table of dates against the rules.
    #[command(subcommand)]
    Clock(clock::Command),
    /// Check a configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Test, check, list and explain the rules by which the hub decides.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Say who decides for somebody on a day, and hold a table against the rules of rights.
    #[command(subcommand)]
    Rights(rights::Command),
    Bench(bench::Bench),
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How a command says its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = if arguments.json {
        Output::Json
    } else {
        Output::Text
    };
    let done = match arguments.command {
        Command::Demo(demo) => Box::pin(demo.run(output)).await,
        Command::Init(init) => init.run(output).await,
        Command::Serve(serve) => Box::pin(serve.run(output)).await,
        Command::Agency(command) => agency::run(&command, output).await,
        Command::Agreement(command) => agreement::run(&command, output).await,
        Command::Inbox(command) => inbox::run(&command, output).await,
        Command::Bridge(bridge) => Box::pin(bridge.run(output)).await,
        Command::Ctf(command) => Box::pin(ctf::run(&command, output)).await,
        Command::Audit(command) => audit::run(&command, output).await,
        Command::Backup(backup) => Box::pin(backup.run(output)).await,
        Command::Restore(restore) => Box::pin(restore.run(output)).await,
        Command::Migrate(migrate) => Box::pin(migrate.run(output)).await,
        Command::Clock(command) => clock::run(&command, output),
        Command::Config(command) => config::run(&command, output).await,
        Command::Rights(command) => rights::run(&command, output),
        Command::Policy(command) => policy::run(&command, output),
        Command::Bench(bench) => Box::pin(bench.run(output)).await,
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "sendhub",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("sendhub: {error:#}");
        // 1 says "looked, and it is not right"; 2 says "could not look".
        ExitCode::from(2)
    })
}
