//! `sendhub ctf`: what is in a Common Transfer File, and whether it can be sent.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use sendhub_ctf::{CheckReport, Destination, Profiles, Severity, Source, check_file};
use serde_json::{Value, json};

use crate::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether files can be sent, with every reason when not. Ends with 0 when all can (warnings allowed)
    /// and with 1 when one cannot.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Version profiles to use instead of those built in.
        #[arg(long)]
        profiles: Option<PathBuf>,
    },
    Send(super::send::Send),
    /// Write a file anew in strict form: known elements in their order, unknown ones kept, nothing dropped.
    Write {
        /// The file.
        file: PathBuf,
        /// The file to write; must not be there yet.
        #[arg(long)]
        out: PathBuf,
        /// Write it as this version, for instance 25.0.
        #[arg(long)]
        version: Option<String>,
        /// Version profiles to use instead of those built in.
        #[arg(long)]
        profiles: Option<PathBuf>,
    },
    /// Show what is in a file. Prints personal data: for the office's own screen.
    Show {
        /// The file.
        file: PathBuf,
        /// Version profiles to use instead of those built in.
        #[arg(long)]
        profiles: Option<PathBuf>,
    },
}

pub(crate) async fn run(command: &Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Send(send) => send.run(output).await,
        Command::Write {
            file,
            out,
            version,
            profiles,
        } => write(file, out, version.as_deref(), &load(profiles.as_deref())?, output),
        Command::Check { files, profiles } => check(files, &load(profiles.as_deref())?, output),
        Command::Show { file, profiles } => show(file, &load(profiles.as_deref())?, output),
    }
}

fn load(path: Option<&Path>) -> Result<Profiles> {
    let Some(path) = path else {
        return Ok(Profiles::built_in()?);
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Profiles::parse(&text).with_context(|| path.display().to_string())
}

fn write(
    file: &Path,
    out: &Path,
    version: Option<&str>,
    profiles: &Profiles,
    output: Output,
) -> Result<ExitCode> {
    use std::io::Write as _;
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let root = match sendhub_ctf::parse(&bytes, profiles) {
        Ok(root) => root,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            match output {
                Output::Json => println!("{}", json!({ "written": false, "problems": problems })),
                Output::Text => {
                    println!("{}: cannot be written anew", file.display());
                    problems.iter().for_each(|problem| println!("  {problem}"));
                }
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let written = sendhub_ctf::write(&root, version, profiles);
    std::fs::File::create_new(out)
        .and_then(|mut file| file.write_all(&written))
        .with_context(|| format!("cannot write {}", out.display()))?;
    match output {
        Output::Json => println!("{}", json!({ "written": true, "bytes": written.len() })),
        Output::Text => println!("{} bytes written to {}", written.len(), out.display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path, profiles: &Profiles) -> Result<CheckReport> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(check_file(&bytes, name.as_deref(), profiles))
}

fn check(files: &[PathBuf], profiles: &Profiles, output: Output) -> Result<ExitCode> {
    let mut all = true;
    let mut reports = Vec::new();
    for file in files {
        let report = read(file, profiles)?;
        all &= report.sendable();
        match output {
            Output::Json => reports.push(report_json(file, &report)),
            Output::Text => print_report(file, &report),
        }
    }
    if output == Output::Json {
        println!("{}", Value::from(reports));
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_report(file: &Path, report: &CheckReport) {
    let pupils = report.scan.pupils.len();
    let errors = report.errors().count();
    if report.sendable() {
        println!("{}: can be sent ({})", file.display(), counted(pupils, "pupil"));
    } else {
        println!(
            "{}: cannot be sent ({})",
            file.display(),
            counted(errors, "error")
        );
    }
    for problem in &report.problems {
        println!("  {problem}");
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

fn report_json(file: &Path, report: &CheckReport) -> Value {
    let problems: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "severity": problem.severity.to_string(),
                "code": problem.code.as_str(),
                "pupil": problem.pupil,
                "path": problem.path,
                "message": problem.message,
            })
        })
        .collect();
    json!({
        "file": file.display().to_string(),
        "sendable": report.sendable(),
        "pupils": report.scan.pupils.len(),
        "problems": problems,
    })
}

fn show(file: &Path, profiles: &Profiles, output: Output) -> Result<ExitCode> {
    let report = read(file, profiles)?;
    match output {
        Output::Json => println!("{}", contents_json(&report)),
        Output::Text => print_contents(&report),
    }
    if output == Output::Text
        && report
            .problems
            .iter()
            .any(|problem| problem.severity > Severity::Info)
    {
        println!();
        print_report(file, &report);
    }
    Ok(if report.sendable() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print_contents(report: &CheckReport) {
    let header = &report.scan.header;
    println!("version      {}", text(header.version.as_deref()));
    println!(
        "written      {} by {}",
        text(header.written_at.as_deref()),
        text(header.supplier.as_deref())
    );
    println!("record       {}", qualifier(header.full));
    println!(
        "from         {} {}",
        text(header.source.as_ref().map(Source::to_string).as_deref()),
        header.source_name.as_deref().unwrap_or_default()
    );
    println!("to           {}", destination(header.destination.as_ref()));
    for (number, pupil) in (1..).zip(&report.scan.pupils) {
        println!("\npupil {number}");
        println!(
            "  name       {}, {}",
            text(pupil.surname.as_deref()),
            text(pupil.forename.as_deref())
        );
        println!(
            "  born       {}",
            pupil.born.map_or_else(|| "?".into(), |born| born.to_string())
        );
        println!("  UPN        {}", text(pupil.upn.as_deref()));
        if let Some(provision) = &pupil.sen_provision {
            println!("  SEN        {}", provision_text(provision));
        }
        if let Some(service) = &pupil.service_child {
            println!("  service    {service}");
        }
        println!("  groups     {}", pupil.groups.join(", "));
    }
}

fn contents_json(report: &CheckReport) -> Value {
    let header = &report.scan.header;
    let pupils: Vec<Value> = report
        .scan
        .pupils
        .iter()
        .map(|pupil| {
            json!({
                "surname": pupil.surname,
                "forename": pupil.forename,
                "born": pupil.born.map(|born| born.to_string()),
                "upn": pupil.upn,
                "uln": pupil.uln,
                "sen_provision": pupil.sen_provision,
                "service_child": pupil.service_child,
                "groups": pupil.groups,
            })
        })
        .collect();
    json!({
        "version": header.version,
        "written_at": header.written_at,
        "supplier": header.supplier,
        "full": header.full,
        "source": header.source.as_ref().map(Source::to_string),
        "source_name": header.source_name,
        "destination": header.destination.as_ref().map(Destination::to_string),
        "sendable": report.sendable(),
        "pupils": pupils,
    })
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or("?")
}

fn qualifier(full: Option<bool>) -> &'static str {
    match full {
        Some(true) => "full",
        Some(false) => "partial: only the groups that are there",
        None => "?",
    }
}

fn destination(destination: Option<&Destination>) -> String {
    match destination {
        Some(Destination::Unknown) => "not known (held for local authorities to search)".into(),
        Some(Destination::OutsideSector) => "outside the maintained sector or abroad".into(),
        Some(Destination::LocalAuthority(la)) => format!("local authority {la}"),
        Some(Destination::School(school)) => format!("school {school}"),
        None => "?".into(),
    }
}

fn provision_text(code: &str) -> String {
    match code {
        "E" => "EHC plan (E)".into(),
        "K" => "SEN support (K)".into(),
        "N" => "none (N)".into(),
        other => format!("code {other}"),
    }
}
