//! Runs one command: shows it, streams what it prints, and tells how it ended.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::tally::{Reader, Tally};

/// A command that prints for longer than this is taken to hang.
pub(crate) const LIMIT: Duration = Duration::from_mins(25);

/// What a finished command may leave unread for, when a process that it left behind holds its output open.
const GRACE: Duration = Duration::from_secs(3);

/// Runs the command with its output on the terminal; fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    show(command);
    let status = command
        .status()
        .with_context(|| format!("{} could not be started", name(command)))?;
    ensure!(status.success(), "{} ended with {status}", name(command));
    Ok(())
}

/// Runs the command silently and gives what it printed on standard output; fails when it does.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("{} could not be started", name(command)))?;
    ensure!(
        output.status.success(),
        "{} ended with {}: {}",
        name(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// True when the command can be started and ends well; prints nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs the command for at most `limit`; gives what it printed on standard error when it fails or does not end.
pub(crate) fn within(command: &mut Command, limit: Duration) -> Result<(), String> {
    show(command);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|fault| fault.to_string())?;
    let (sender, receiver) = mpsc::channel();
    forward(child.stderr.take(), &sender);
    drop(sender);
    let mut said = Vec::new();
    let ended = follow(&mut child, &receiver, limit, |line| said.push(line.to_owned()));
    match ended {
        Ok(true) => Ok(()),
        Ok(false) => Err(said.join("\n")),
        Err(fault) => Err(format!("{}\n{fault}", said.join("\n")).trim().to_owned()),
    }
}

/// Runs the command, passes on every line that it prints and counts the tests that its closing lines report.
///
/// The tally counts one failure at least when the command itself failed.
pub(crate) fn counted(command: &mut Command, reader: Reader) -> Result<Tally> {
    counted_within(command, reader, LIMIT)
}

/// The same for at most `limit`.
pub(crate) fn counted_within(command: &mut Command, reader: Reader, limit: Duration) -> Result<Tally> {
    show(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("{} could not be started", name(command)))?;
    let (sender, receiver) = mpsc::channel();
    forward(child.stdout.take(), &sender);
    forward(child.stderr.take(), &sender);
    drop(sender);

    let mut tally = Tally::default();
    let ended = follow(&mut child, &receiver, limit, |line| {
        println!("{line}");
        if let Some(more) = reader(line) {
            tally += more;
        }
    });
    if !ended? && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

/// Sends each line of one stream, text or not, until it closes.
fn forward(stream: Option<impl Read + Send + 'static>, sender: &Sender<String>) {
    let Some(stream) = stream else { return };
    let sender = sender.clone();
    thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line)
                .trim_end_matches(['\n', '\r'])
                .to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
}

/// Hands over lines until the child has ended and its streams are closed; true when it ended well.
fn follow(
    child: &mut Child,
    lines: &mpsc::Receiver<String>,
    limit: Duration,
    mut each: impl FnMut(&str),
) -> Result<bool> {
    let started = Instant::now();
    let mut ended: Option<(Instant, bool)> = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => each(&line),
            Err(RecvTimeoutError::Disconnected) if ended.is_none() => {
                // The streams closed first: nothing more will be printed, only the end is awaited.
                thread::sleep(Duration::from_millis(20));
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (Instant::now(), status.success()));
        }
        if ended.is_some_and(|(at, _)| at.elapsed() > GRACE) {
            break;
        }
        if ended.is_none() && started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("stopped: it had not ended after {} s", limit.as_secs());
        }
    }
    Ok(ended.is_some_and(|(_, well)| well))
}

fn show(command: &Command) {
    println!("$ {}", line(command));
}

fn name(command: &Command) -> String {
    format!("`{}`", line(command))
}

/// The command as one would type it, without the folders that lead to the program.
fn line(command: &Command) -> String {
    let program = command.get_program();
    let program = std::path::Path::new(program).file_name().unwrap_or(program);
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let fault = run(&mut shell("exit 3")).unwrap_err().to_string();
        assert!(fault.contains("sh -c exit 3"), "{fault}");
    }

    #[test]
    fn closing_lines_are_counted_on_either_stream() {
        let script = "echo 'test result: ok. 4 passed; 0 failed; 0 ignored;'; \
                      echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored;' >&2; exit 101";
        let tally = counted(&mut shell(script), tally::libtest).unwrap();
        assert_eq!(tally, Tally { passed: 5, failed: 2 });
    }

    #[test]
    fn a_command_that_dies_before_its_tests_counts_one_failure() {
        let tally = counted(&mut shell("exit 101"), tally::libtest).unwrap();
        assert_eq!(tally, Tally { passed: 0, failed: 1 });
    }

    #[test]
    fn a_process_left_behind_does_not_hold_up_the_count() {
        let started = Instant::now();
        let tally = counted(
            &mut shell("sleep 30 & echo '== 1 passed in 0.1s =='"),
            tally::pytest,
        )
        .unwrap();
        assert_eq!(tally, Tally { passed: 1, failed: 0 });
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped() {
        let fault = within(&mut shell("exec sleep 30"), Duration::from_millis(300)).unwrap_err();
        assert!(fault.contains("stopped"), "{fault}");
    }

    #[test]
    fn the_complaint_of_a_failing_command_is_kept() {
        let fault = within(&mut shell("echo unreachable >&2; exit 1"), Duration::from_secs(5)).unwrap_err();
        assert_eq!(fault, "unreachable");
    }
}
