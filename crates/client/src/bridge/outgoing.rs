//! The outbox on its way: files read one after another as the hub takes their records, each put away when its last
//! record has its result.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use sendhub_contracts::transfer::v1::SubmitTransferRequest;
use sendhub_contracts::types::v1::Receipt;
use serde_json::Value;

use super::{Bridge, BridgeError, Pass, Step, at, pretty};
use crate::courier::Outcome;
use crate::submission::{Covering, requests};
use crate::told::receipt_json;

/// A file on its way: what became of each of its pupils so far.
struct UnderWay {
    path: PathBuf,
    name: String,
    results: Vec<Option<Outcome<Receipt>>>,
}

/// The files of a pass: read one after another as the hub takes them, put away as their results come.
pub(super) struct Outgoing<'a, F> {
    bridge: &'a Bridge,
    files: VecDeque<PathBuf>,
    requests: VecDeque<SubmitTransferRequest>,
    /// By the number of the file's first record.
    under_way: BTreeMap<usize, UnderWay>,
    made: usize,
    pass: Pass,
    step: F,
    failure: Option<BridgeError>,
}

impl<'a, F: FnMut(Step)> Outgoing<'a, F> {
    pub(super) fn new(bridge: &'a Bridge, files: Vec<PathBuf>, step: F) -> Self {
        Self {
            bridge,
            files: files.into(),
            requests: VecDeque::new(),
            under_way: BTreeMap::new(),
            made: 0,
            pass: Pass::default(),
            step,
            failure: None,
        }
    }

    /// What was done, or the failure of the folder that ended it.
    pub(super) fn pass(self) -> Result<Pass, BridgeError> {
        self.failure.map_or(Ok(self.pass), Err)
    }

    /// The next record, reading the next file when the last is used up. None after a failure of the folder.
    pub(super) fn next(&mut self) -> Option<SubmitTransferRequest> {
        while self.requests.is_empty() && self.failure.is_none() {
            let path = self.files.pop_front()?;
            if let Err(failure) = self.read(&path) {
                self.failure = Some(failure);
            }
        }
        if self.failure.is_some() {
            return None;
        }
        self.requests.pop_front()
    }

    fn read(&mut self, path: &Path) -> Result<(), BridgeError> {
        let bytes = at(path, fs::read(path))?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        match requests(&bytes, &name, &Covering::default(), &self.bridge.profiles) {
            Ok(made) => {
                let file = UnderWay {
                    path: path.to_owned(),
                    name,
                    results: made.iter().map(|_| None).collect(),
                };
                self.under_way.insert(self.made, file);
                self.made += made.len();
                self.requests = made.into();
                Ok(())
            }
            Err(report) => {
                let mut reason =
                    format!("{name} was not sent: it cannot be read as a Common Transfer File.\n\n");
                for problem in &report.problems {
                    reason.push_str(&format!("{problem}\n"));
                }
                self.pass.refused += 1;
                (self.step)(Step::File);
                self.bridge
                    .put_away(path, "refused", &name, &[(".reason.txt", reason)])
            }
        }
    }

    /// Notes one record's result, and puts its file away when it was the last.
    pub(super) fn told(&mut self, number: usize, outcome: Outcome<Receipt>) {
        (self.step)(Step::Record);
        let Some((&first, file)) = self.under_way.range_mut(..=number).next_back() else {
            return;
        };
        if let Some(result) = file.results.get_mut(number - first) {
            *result = Some(outcome);
        }
        if file.results.iter().any(Option::is_none) {
            return;
        }
        let Some(file) = self.under_way.remove(&first) else {
            return;
        };
        let done = self.put_away(&file);
        (self.step)(Step::File);
        if let Err(failure) = done {
            self.failure.get_or_insert(failure);
        }
    }

    fn put_away(&mut self, file: &UnderWay) -> Result<(), BridgeError> {
        let results: Vec<&Outcome<Receipt>> = file.results.iter().flatten().collect();
        let receipts: Vec<Value> = results
            .iter()
            .filter_map(|one| one.as_ref().ok())
            .map(receipt_json)
            .collect();
        let receipts = (".receipt.json", pretty(&Value::from(receipts)));
        let refused = reasons(&file.name, &results);
        if refused.is_empty() {
            self.pass.sent += 1;
            return self.bridge.put_away(&file.path, "sent", &file.name, &[receipts]);
        }
        self.pass.refused += 1;
        let reason = (".reason.txt", refused);
        self.bridge
            .put_away(&file.path, "refused", &file.name, &[reason, receipts])
    }
}

/// The refusals of a file in words, pupil by pupil; empty when there is none.
fn reasons<T>(name: &str, results: &[&Outcome<T>]) -> String {
    let refused = results.iter().filter(|result| result.is_err()).count();
    if refused == 0 {
        return String::new();
    }
    let mut text = format!("{name}: {refused} of {} pupils were refused.\n", results.len());
    for (ordinal, result) in (1..).zip(results) {
        if let Err(told) = result {
            text.push_str(&format!("\npupil {ordinal}: {told}"));
        }
    }
    text
}
