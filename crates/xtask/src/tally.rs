//! How many tests passed and failed, read from the closing line of each test runner.

use std::ops::AddAssign;

/// Tests that passed and tests that did not. A test that was skipped has not passed: it counts as failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that ran and held.
    pub(crate) passed: u64,
    /// Tests that ran and did not hold, did not end, or did not run.
    pub(crate) failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
    }
}

/// Reads one printed line: a tally when it is a runner's closing line.
pub(crate) type Reader = fn(&str) -> Option<Tally>;

/// `Summary [   1.2s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 3 skipped` (cargo-nextest).
pub(crate) fn nextest(line: &str) -> Option<Tally> {
    let line = plain(line);
    let counts = line
        .trim_start()
        .strip_prefix("Summary [")?
        .split_once(" run: ")?
        .1;
    Some(sum(
        counts,
        &["passed"],
        &["failed", "timed out", "exec failed", "skipped", "not run"],
    ))
}

/// `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out` (cargo test, one line a binary).
pub(crate) fn libtest(line: &str) -> Option<Tally> {
    let line = plain(line);
    let counts = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    Some(sum(counts, &["passed"], &["failed", "ignored"]))
}

/// `==== 1 failed, 3 passed, 1 skipped, 2 errors in 0.34s ====` (pytest).
pub(crate) fn pytest(line: &str) -> Option<Tally> {
    let line = plain(line);
    let counts = line
        .strip_prefix("==")?
        .trim_matches('=')
        .trim()
        .split_once(" in ")?
        .0;
    let counts = sum(
        counts,
        &["passed", "xfailed"],
        &["failed", "error", "errors", "skipped", "xpassed"],
    );
    (counts != Tally::default()).then_some(counts)
}

/// Adds up the phrases `<count> <word>` of a list that commas or semicolons part; what stands in brackets is detail.
fn sum(list: &str, good: &[&str], bad: &[&str]) -> Tally {
    let mut tally = Tally::default();
    for phrase in list.split([',', ';']) {
        let phrase = phrase.split_once('(').map_or(phrase, |(before, _)| before).trim();
        let Some((count, word)) = phrase.split_once(' ') else {
            continue;
        };
        let Ok(count) = count.parse::<u64>() else { continue };
        if good.contains(&word) {
            tally.passed += count;
        } else if bad.contains(&word) {
            tally.failed += count;
        }
    }
    tally
}

/// The line without the escape sequences that colour it.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            text.push(character);
            continue;
        }
        // A colour is ESC [ parameters letter.
        for inside in characters.by_ref() {
            if inside.is_ascii_alphabetic() {
                break;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A runner, a line it prints, and what passed and failed by it.
    type Row = (Reader, &'static str, Option<(u64, u64)>);

    #[test]
    fn closing_lines_are_read_and_others_are_not() {
        let table: [Row; 12] = [
            (
                nextest,
                "     Summary [   0.004s] 2 tests run: 2 passed, 0 skipped",
                Some((2, 0)),
            ),
            (
                nextest,
                "     Summary [   1.2s] 12 tests run: 10 passed (1 slow, 1 flaky), 1 failed, 1 timed out, 3 skipped",
                Some((10, 5)),
            ),
            (
                nextest,
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m1\u{1b}[0m test run: \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m",
                Some((1, 0)),
            ),
            (
                nextest,
                "     Summary [   1.0s] 3/9 tests run: 2 passed, 1 failed, 0 skipped",
                Some((2, 1)),
            ),
            (nextest, "        PASS [   0.004s] tests the_summary", None),
            (
                libtest,
                "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
                Some((7, 1)),
            ),
            (
                libtest,
                "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
                Some((1, 2)),
            ),
            (libtest, "test tests::result ... ok", None),
            (
                pytest,
                "===== 1 failed, 3 passed, 1 skipped, 2 errors in 0.34s =====",
                Some((3, 4)),
            ),
            (
                pytest,
                "============ 12 passed, 1 warning in 3.21s (0:00:03) ============",
                Some((12, 0)),
            ),
            (pytest, "===== test session starts =====", None),
            (pytest, "===== warnings summary =====", None),
        ];
        for (reader, line, expected) in table {
            let expected = expected.map(|(passed, failed)| Tally { passed, failed });
            assert_eq!(reader(line), expected, "{line}");
        }
    }
}
