//! The bridge: a drop folder. Files placed in `outbox/` are sent; what is collected appears in `inbox/` under DfE
//! file names with a receipt beside each; what is refused comes to `refused/` with a readable reason.

mod outgoing;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream;
use sendhub_contracts::mailbox::v1::{CollectedDelivery, ExchangeKind, collected_delivery};
use sendhub_contracts::transfer::v1::CtfDocument;
use sendhub_ctf::{FileName, Profiles, join, scan};
use serde_json::{Value, json};
use tonic::Status;

use self::outgoing::Outgoing;
use crate::bulk::Bulk;
use crate::courier;
use crate::session::Session;
use crate::told::place_json;

/// A file is taken once it has lain untouched for so long: nobody is still writing it.
const QUIET: Duration = Duration::from_millis(500);

/// What stops a pass. The next one goes on where this one was: nothing is lost and nothing is sent twice.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// A folder or file failed.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: io::Error,
    },
    /// The hub did not answer as needed.
    #[error("the hub: {0}")]
    Hub(Box<Status>),
}

impl From<Status> for BridgeError {
    fn from(status: Status) -> Self {
        Self::Hub(Box::new(status))
    }
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, BridgeError> {
    result.map_err(|reason| BridgeError::File {
        path: path.display().to_string(),
        reason,
    })
}

/// What a pass has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many files lie in the outbox.
    Found {
        /// How many.
        files: usize,
    },
    /// A record has its result.
    Record,
    /// A file has all its results and was put away.
    File,
    /// A copy was collected.
    Collected,
}

/// What one pass did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Files sent whole.
    pub sent: usize,
    /// Files refused, in whole or in part.
    pub refused: usize,
    /// Files written into the inbox.
    pub received: usize,
}

/// A drop folder with a session.
#[derive(Debug)]
pub struct Bridge {
    root: PathBuf,
    session: Session,
    profiles: Profiles,
}

impl Bridge {
    /// Takes a folder, making what is missing in it.
    ///
    /// # Errors
    /// [`BridgeError::File`].
    pub fn open(root: &Path, session: Session, profiles: Profiles) -> Result<Self, BridgeError> {
        for part in ["outbox", "sent", "refused", "inbox", ".received"] {
            let folder = root.join(part);
            at(&folder, fs::create_dir_all(&folder))?;
        }
        Ok(Self {
            root: root.to_owned(),
            session,
            profiles,
        })
    }

    /// Sends what lies in the outbox, all files as one stream, and fetches what waits. `step` is told of each step.
    ///
    /// A cut connection is made again within the pass; a file whose records have not all their result stays in the
    /// outbox, and sending it again gives the first receipts.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub async fn pass(&self, mut step: impl FnMut(Step)) -> Result<Pass, BridgeError> {
        let mut pass = self.send_all(self.waiting()?, &mut step).await?;
        pass.received = self.fetch(&mut step).await?;
        Ok(pass)
    }

    async fn send_all(&self, files: Vec<PathBuf>, step: &mut impl FnMut(Step)) -> Result<Pass, BridgeError> {
        if files.is_empty() {
            return Ok(Pass::default());
        }
        step(Step::Found { files: files.len() });
        let outgoing = RefCell::new(Outgoing::new(self, files, step));
        let requests = stream::iter(std::iter::from_fn(|| outgoing.borrow_mut().next()));
        let told = |number, outcome| outgoing.borrow_mut().told(number, outcome);
        let sent = Bulk::default().send(&self.session, requests, told).await;
        let pass = outgoing.into_inner().pass()?;
        sent.map_err(|given_up| BridgeError::Hub(given_up.status))?;
        Ok(pass)
    }

    fn waiting(&self) -> Result<Vec<PathBuf>, BridgeError> {
        let outbox = self.root.join("outbox");
        let mut files = Vec::new();
        for entry in at(&outbox, fs::read_dir(&outbox))? {
            let path = at(&outbox, entry)?.path();
            let is_xml = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("xml"));
            let quiet = fs::metadata(&path)
                .and_then(|found| found.modified())
                .is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age >= QUIET));
            if is_xml && quiet {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Writes what belongs beside a file, then moves the file: a file that lies in its place is complete.
    fn put_away(
        &self,
        path: &Path,
        part: &str,
        name: &str,
        beside: &[(&str, String)],
    ) -> Result<(), BridgeError> {
        let folder = self.root.join(part);
        for (ending, text) in beside {
            write_whole(&folder.join(format!("{name}{ending}")), text.as_bytes())?;
        }
        at(path, fs::rename(path, folder.join(name)))
    }

    /// Collects what waits, writes it, and only then acknowledges it.
    async fn fetch(&self, step: &mut impl FnMut(Step)) -> Result<usize, BridgeError> {
        // Other exchanges wait for a system that can read them: a folder of files is no place for advice.
        let waiting: Vec<String> = courier::list(&self.session)
            .await?
            .into_iter()
            .filter(|notice| notice.kind() == ExchangeKind::Transfer)
            .map(|notice| notice.delivery_id)
            .collect();
        let (known, new): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|id| self.root.join(".received").join(id).exists());
        // Written in a pass that was cut off before it could say so.
        courier::acknowledge(&self.session, &known).await?;
        let mut files = 0;
        for chunk in new.chunks(1_024) {
            files += self.fetch_some(chunk, step).await?;
        }
        Ok(files)
    }

    async fn fetch_some(&self, ids: &[String], step: &mut impl FnMut(Step)) -> Result<usize, BridgeError> {
        let mut alone = Vec::new();
        let mut together: BTreeMap<Vec<u8>, Vec<(String, CollectedDelivery)>> = BTreeMap::new();
        for (id, result) in courier::collect(&self.session, ids).await? {
            step(Step::Collected);
            let Ok(delivery) = result else { continue };
            match document(&delivery).and_then(|document| document.batch.as_ref()) {
                Some(batch) => together
                    .entry(batch.file_sha256.clone())
                    .or_default()
                    .push((id, delivery)),
                None => alone.push((id, delivery)),
            }
        }
        let mut groups: Vec<Vec<_>> = alone.into_iter().map(|one| vec![one]).collect();
        for (_, mut parts) in together {
            let ordinal = |one: &(String, CollectedDelivery)| {
                document(&one.1)
                    .and_then(|document| document.batch.as_ref())
                    .map_or(0, |batch| batch.pupil_ordinal)
            };
            parts.sort_by_key(ordinal);
            groups.push(parts);
        }
        let mut files = 0;
        for group in groups {
            files += self.receive(&group)?;
            let ids: Vec<String> = group.into_iter().map(|(id, _)| id).collect();
            for id in &ids {
                write_whole(&self.root.join(".received").join(id), b"")?;
            }
            courier::acknowledge(&self.session, &ids).await?;
        }
        Ok(files)
    }

    /// Writes deliveries that came as one file: joined again when they fit, one by one otherwise.
    fn receive(&self, group: &[(String, CollectedDelivery)]) -> Result<usize, BridgeError> {
        let documents: Vec<&CtfDocument> = group.iter().filter_map(|(_, one)| document(one)).collect();
        let scans: Vec<_> = documents
            .iter()
            .map(|document| scan(&document.content, &self.profiles).0)
            .collect();
        let parts: Vec<_> = documents
            .iter()
            .map(|document| &document.content[..])
            .zip(&scans)
            .collect();
        let joined = (group.len() > 1).then(|| join(&parts)).flatten();
        if let (Some(joined), Some(first)) = (joined, documents.first()) {
            self.write_received(&first.file_name, &joined, group)?;
            return Ok(1);
        }
        for (one, document) in group.iter().zip(documents) {
            self.write_received(&document.file_name, &document.content, std::slice::from_ref(one))?;
        }
        Ok(group.len())
    }

    fn write_received(
        &self,
        sent_as: &str,
        content: &[u8],
        group: &[(String, CollectedDelivery)],
    ) -> Result<(), BridgeError> {
        let inbox = self.root.join("inbox");
        let name = self.free_name(sent_as, content);
        let receipts: Vec<Value> = group
            .iter()
            .map(|(id, one)| {
                json!({
                    "delivery": id,
                    "exchange": one.exchange,
                    "sender": one.sender_agency_id,
                    "log": one.log.as_ref().map(place_json),
                })
            })
            .collect();
        write_whole(
            &inbox.join(format!("{name}.receipt.json")),
            pretty(&Value::from(receipts)).as_bytes(),
        )?;
        write_whole(&inbox.join(&name), content)
    }

    /// The name under which a file is put: its own when that is of the DfE's form and free, else the next free
    /// number between the same two.
    fn free_name(&self, sent_as: &str, content: &[u8]) -> String {
        let inbox = self.root.join("inbox");
        let mut name = FileName::parse(sent_as).or_else(|| {
            let header = scan(content, &self.profiles).0.header;
            Some(FileName {
                source: header.source?,
                destination: header.destination?,
                number: 1,
            })
        });
        while let Some(parsed) = &mut name {
            let shown = parsed.to_string();
            if !inbox.join(&shown).exists() {
                return shown;
            }
            if parsed.number >= 999 {
                break;
            }
            parsed.number += 1;
        }
        // All 999 are taken, or the file says not from where: a name that cannot clash.
        format!("received_{}.xml", crate::clock::new_request_id())
    }
}

fn document(delivery: &CollectedDelivery) -> Option<&CtfDocument> {
    match delivery.content.as_ref()? {
        collected_delivery::Content::Transfer(transfer) => transfer.ctf.as_ref(),
        _ => None,
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Writes a file so that it is there whole or not at all, also after a power cut.
fn write_whole(path: &Path, content: &[u8]) -> Result<(), BridgeError> {
    let partial = path.with_extension("part");
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    at(path, write())
}
