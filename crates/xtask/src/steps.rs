//! The steps of `cargo xtask test`, in the order in which they run; a failed step does not stop those after it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::binary::{self, Profile};
use crate::command;
use crate::hygiene;
use crate::postgres::{self, Cluster};
use crate::report::{Entry, Report};
use crate::site::Site;
use crate::tally::{self, Tally};
use crate::tools;

/// How long the advisory database may take to arrive.
const ADVISORY_LIMIT: Duration = Duration::from_mins(3);

/// How long the long form of the faults may take.
const LONG_LIMIT: Duration = Duration::from_hours(2);

/// The engine that comes with the binary.
const EMBEDDED: &str = "sqlite";

/// The engines on which the foreign clients are tried.
const ENGINES: &[&str] = &[EMBEDDED, "postgres"];

/// One thing that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Finds or installs the tools that the other steps need.
    Tools,
    /// Rust is formatted.
    Format,
    /// The contracts lint, are formatted, and break nothing that was released.
    Contracts,
    /// Clippy has no warning.
    Clippy,
    /// The binary builds, and the tests with it.
    Build,
    /// Every Rust test passes, end to end and documentation examples included.
    Tests,
    /// Clients in another language get through, on every engine.
    Foreign,
    /// Faults under load lose nothing, in the short form.
    Faults,
    /// The documentation builds without a warning.
    Docs,
    /// Licences, banned crates, sources and advisories.
    Supply,
    /// The habits that no compiler checks.
    Hygiene,
}

impl Step {
    /// Everything.
    pub(crate) const ALL: &[Self] = &[
        Self::Tools,
        Self::Format,
        Self::Contracts,
        Self::Clippy,
        Self::Build,
        Self::Tests,
        Self::Foreign,
        Self::Faults,
        Self::Docs,
        Self::Supply,
        Self::Hygiene,
    ];

    /// What needs no test.
    pub(crate) const LINT: &[Self] = &[Self::Format, Self::Contracts, Self::Clippy, Self::Hygiene];

    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Format => "format",
            Self::Contracts => "contracts",
            Self::Clippy => "clippy",
            Self::Build => "build",
            Self::Tests => "tests",
            Self::Foreign => "foreign",
            Self::Faults => "faults",
            Self::Docs => "docs",
            Self::Supply => "supply",
            Self::Hygiene => "hygiene",
        }
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Tools => "find or install what is needed",
            Self::Format => "Rust is formatted",
            Self::Contracts => "buf lint, format and breaking changes",
            Self::Clippy => "no warning from clippy",
            Self::Build => "the one binary, and the tests",
            Self::Tests => "units, end to end, documentation examples",
            Self::Foreign => "clients in another language, on every engine",
            Self::Faults => "faults under load lose nothing",
            Self::Docs => "no warning from rustdoc",
            Self::Supply => "licences, bans, sources, advisories",
            Self::Hygiene => "the habits that no compiler checks",
        }
    }
}

/// How much a run injects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each fault a few times.
    Short,
    /// Each fault so often that a rare loss would show.
    Long,
}

/// Runs the steps, prints the report, and ends non-zero when one failed.
pub(crate) fn run(site: &Site, steps: &[Step]) -> Result<ExitCode> {
    run_in(site, steps, Form::Short)
}

/// Injects the faults, installing what that needs.
pub(crate) fn faults(site: &Site, form: Form) -> Result<ExitCode> {
    run_in(site, &[Step::Faults], form)
}

fn run_in(site: &Site, steps: &[Step], form: Form) -> Result<ExitCode> {
    let mut run = Run {
        site,
        binary: None,
        cluster: None,
        form,
        notes: Vec::new(),
    };
    let mut report = Report::default();
    for (index, &step) in steps.iter().enumerate() {
        println!(
            "\n=== {}/{} {}: {}",
            index + 1,
            steps.len(),
            step.name(),
            step.heading()
        );
        let started = Instant::now();
        let (tally, fault) = match run.step(step) {
            Ok(tally) => (tally, tally.and_then(complaint)),
            Err(fault) => (None, Some(format!("{fault:#}"))),
        };
        let took = started.elapsed();
        match &fault {
            None => println!("=== {} ok, {:.1} s", step.name(), took.as_secs_f64()),
            Some(fault) => println!("=== {} FAILED, {:.1} s: {fault}", step.name(), took.as_secs_f64()),
        }
        let notes = std::mem::take(&mut run.notes);
        report.entries.push(Entry {
            name: step.name(),
            took,
            tally,
            notes,
            fault,
        });
    }
    println!("\n{report}");
    Ok(if report.total().failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the binary as published and runs its `bench` with these arguments, against a PostgreSQL of its own if asked.
pub(crate) fn bench(site: &Site, on_postgres: bool, arguments: &[String]) -> Result<ExitCode> {
    let hub = binary::build(site, Profile::Release)?;
    let mut bench = site.command(hub);
    bench.arg("bench").args(arguments);
    let server = on_postgres.then(|| Cluster::start(site)).transpose()?;
    if let Some(server) = &server {
        bench.env("SENDHUB_BENCH_STORE", server.url());
    }
    command::run(&mut bench)?;
    Ok(ExitCode::SUCCESS)
}

fn complaint(tally: Tally) -> Option<String> {
    match tally {
        Tally { failed: 0, passed: 0 } => Some("no test ran".to_owned()),
        Tally { failed: 0, .. } => None,
        Tally { failed, .. } => Some(format!("{failed} failed or did not run")),
    }
}

/// What the steps share while they run.
struct Run<'a> {
    site: &'a Site,
    /// The binary, once this run has built it: never one that an earlier run left.
    binary: Option<PathBuf>,
    /// The PostgreSQL of this run, once a step has asked for it; it ends with the run.
    cluster: Option<Cluster>,
    form: Form,
    notes: Vec<String>,
}

impl Run<'_> {
    fn step(&mut self, step: Step) -> Result<Option<Tally>> {
        match step {
            Step::Tools => self.tools()?,
            Step::Format => command::run(self.site.cargo().args(["fmt", "--all", "--check"]))?,
            Step::Contracts => self.contracts()?,
            Step::Clippy => self.clippy()?,
            Step::Build => self.built().map(|_| ())?,
            Step::Tests => return self.tests().map(Some),
            Step::Foreign => return self.foreign().map(Some),
            Step::Faults => return self.faults().map(Some),
            Step::Docs => self.docs()?,
            Step::Supply => self.supply()?,
            Step::Hygiene => hygiene::check(self.site)?,
        }
        Ok(None)
    }

    fn tools(&mut self) -> Result<()> {
        let mut faults = Faults::default();
        for need in tools::MACHINE {
            faults.note(
                need.find_or_install(self.site)
                    .map(|file| println!("found {}", file.display())),
            );
        }
        faults.note(tools::rust_components(self.site));
        faults.note(tools::install_buf(self.site).map(|_| println!("found buf, as pinned")));
        faults.note(
            tools::install_python_packages(self.site)
                .map(|_| println!("found the Python packages, as pinned")),
        );
        faults.note(tools::install_cargo_deny(self.site).map(|_| println!("found cargo-deny")));
        if !tools::has_nextest(self.site) {
            self.notes
                .push("cargo-nextest is not installed: tests run under cargo test".to_owned());
        }
        faults.done()
    }

    fn contracts(&mut self) -> Result<()> {
        let buf = tools::install_buf(self.site)?;
        let mut faults = Faults::default();
        faults.note(command::run(self.site.command(&buf).args(["lint", "proto"])));
        faults.note(command::run(self.site.command(&buf).args([
            "format",
            "--diff",
            "--exit-code",
            "proto",
        ])));
        match self.released()? {
            None => self
                .notes
                .push("no release is tagged yet: nothing to break".to_owned()),
            Some(tag) => faults.note(self.breaking(&buf, &tag)),
        }
        faults.done()
    }

    /// The greatest version tag that the checked-out commit descends from.
    fn released(&self) -> Result<Option<String>> {
        let every = command::output(self.site.git().args(["tag", "--list", "v*"]))?;
        if every.trim().is_empty() {
            return Ok(None);
        }
        let listing = [
            "tag",
            "--list",
            "v*",
            "--merged",
            "HEAD",
            "--sort=-version:refname",
        ];
        let merged = command::output(self.site.git().args(listing))?;
        Ok(merged.lines().next().map(str::to_owned))
    }

    /// Compares with an archive of the tag: buf then needs neither a clone nor a say over who owns the checkout.
    fn breaking(&self, buf: &Path, tag: &str) -> Result<()> {
        let archive = "target/tools/released-contracts.tar";
        command::run(
            self.site
                .git()
                .args(["archive", "--format=tar", "--output", archive, tag, "proto"]),
        )?;
        let against = format!("{archive}#subdir=proto");
        command::run(
            self.site
                .command(buf)
                .args(["breaking", "proto", "--against", &against]),
        )
    }

    fn clippy(&self) -> Result<()> {
        let mut clippy = self.site.cargo();
        clippy.args([
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]);
        command::run(&mut clippy)
    }

    /// The binary of this run, built when no step before has built it.
    fn built(&mut self) -> Result<PathBuf> {
        if self.binary.is_none() {
            self.binary = Some(binary::build(self.site, Profile::Dev)?);
        }
        self.binary.clone().context("the binary was not built")
    }

    /// The URL of this run's PostgreSQL, started when no step before has started it.
    fn postgres(&mut self) -> Result<String> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::start(self.site)?);
        }
        let cluster = self.cluster.as_ref().context("PostgreSQL was not started")?;
        Ok(cluster.url())
    }

    fn tests(&mut self) -> Result<Tally> {
        let hub = self.built()?;
        let database = self.postgres()?;
        let mut units = self.site.cargo();
        units.env("SENDHUB_BIN", &hub).env(postgres::VARIABLE, database);
        let reader = if tools::has_nextest(self.site) {
            units.args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]);
            units.args(["--config-file", "crates/xtask/tools/nextest.toml"]);
            tally::nextest
        } else {
            units.args([
                "test",
                "--locked",
                "--workspace",
                "--lib",
                "--bins",
                "--tests",
                "--no-fail-fast",
            ]);
            tally::libtest
        };
        let mut tally = command::counted(&mut units, reader)?;
        let mut examples = self.site.cargo();
        examples.args(["test", "--locked", "--workspace", "--doc", "--no-fail-fast"]);
        tally += command::counted(&mut examples, tally::libtest)?;
        Ok(tally)
    }

    /// Everything on the embedded engine; on the others what an engine can make a difference to.
    fn foreign(&mut self) -> Result<Tally> {
        let mut tally = Tally::default();
        for engine in ENGINES {
            println!("--- on {engine}");
            let mut pytest = self.pytest("tests/foreign")?;
            pytest
                .env("SENDHUB_TEST_ENGINE", engine)
                .env(postgres::VARIABLE, self.postgres()?)
                .env("SENDHUB_POSTGRES_BIN", postgres::programs(self.site)?);
            if *engine != EMBEDDED {
                pytest.args(["-m", "not any_engine"]);
            }
            tally += command::counted(&mut pytest, tally::pytest)?;
        }
        Ok(tally)
    }

    fn faults(&mut self) -> Result<Tally> {
        // The harness kills, freezes and fills servers: it starts its own.
        let programs = postgres::programs(self.site)?;
        let mut pytest = self.pytest("tests/faults")?;
        pytest.env("SENDHUB_POSTGRES_BIN", programs);
        let limit = match self.form {
            Form::Short => command::LIMIT,
            Form::Long => {
                pytest.env("SENDHUB_FAULTS", "long");
                LONG_LIMIT
            }
        };
        command::counted_within(&mut pytest, tally::pytest, limit)
    }

    /// The tests of a folder, on a binary like the published one. What they say of memory and time is said of that.
    fn pytest(&mut self, folder: &str) -> Result<Command> {
        ensure!(self.site.root().join(folder).is_dir(), "{folder} is missing");
        let python = tools::install_python_packages(self.site)?;
        let hub = binary::build(self.site, Profile::Tested)?;
        let mut pytest = self.site.command(python);
        pytest
            .args(["-m", "pytest", "-raP", "-p", "no:cacheprovider", folder])
            .env("SENDHUB_BIN", hub);
        Ok(pytest)
    }

    fn docs(&self) -> Result<()> {
        let mut docs = self.site.cargo();
        docs.args(["doc", "--locked", "--no-deps", "--workspace"])
            .env("RUSTDOCFLAGS", "-D warnings");
        command::run(&mut docs)
    }

    fn supply(&mut self) -> Result<()> {
        let deny = tools::install_cargo_deny(self.site)?;
        let mut faults = Faults::default();
        let mut check = self.site.cargo_tool(&deny);
        faults.note(command::run(check.args([
            "--locked",
            "check",
            "--hide-inclusion-graph",
            "licenses",
            "bans",
            "sources",
        ])));

        let mut fetch = self.site.cargo_tool(&deny);
        match command::within(fetch.args(["fetch", "db"]), ADVISORY_LIMIT) {
            Ok(()) => {
                let mut check = self.site.cargo_tool(&deny);
                faults.note(command::run(check.args([
                    "--locked",
                    "check",
                    "--disable-fetch",
                    "advisories",
                ])));
            }
            Err(reason) => {
                println!("{reason}");
                self.notes.push(
                    "the advisory database could not be fetched: advisories were NOT checked".to_owned(),
                );
            }
        }
        faults.done()
    }
}

/// Faults of one step that go on to its end.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn note(&mut self, result: Result<()>) {
        if let Err(fault) = result {
            println!("{fault:#}");
            self.0.push(format!("{fault:#}"));
        }
    }

    fn done(self) -> Result<()> {
        if !self.0.is_empty() {
            bail!("{}", self.0.join("; "));
        }
        Ok(())
    }
}
