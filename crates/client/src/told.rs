//! What the hub told: a refusal read back from a status or a stream, and receipts checked without the hub.

use std::fmt;

use sendhub_contracts::errors::v1::{Reason, Refusal};
use sendhub_contracts::refusal;
use sendhub_contracts::types::v1::{LogPosition, Receipt};
use sendhub_ledger::checkpoint::VerifierKey;
use sendhub_ledger::hash::{Hash, leaf_hash};
use sendhub_ledger::proof::InclusionProof;
use serde_json::{Value, json};
use tonic::Status;
use tonic_types::StatusExt as _;

/// A refusal as the hub told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The stable reason, for instance `SENDER_NOT_SOURCE_SCHOOL`; the gRPC code's name when the hub gave none.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The provision it rests on.
    pub provision: Option<String>,
    /// What would make it acceptable.
    pub remedy: Option<String>,
    /// Every wrong field with what is wrong.
    pub fields: Vec<(String, String)>,
}

impl From<&Status> for Told {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let kept = |key: &str| info.and_then(|info| info.metadata.get(key).cloned());
        let fields = details.bad_request().map(|bad| {
            bad.field_violations
                .iter()
                .map(|one| (one.field.clone(), one.description.clone()))
                .collect()
        });
        Self {
            reason: info.map_or_else(|| format!("{:?}", status.code()), |info| info.reason.clone()),
            message: status.message().to_owned(),
            provision: kept("provision"),
            remedy: kept("remedy"),
            fields: fields.unwrap_or_default(),
        }
    }
}

impl From<&Refusal> for Told {
    fn from(told: &Refusal) -> Self {
        let text = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            reason: refusal::name(Reason::try_from(told.reason).unwrap_or_default()).to_owned(),
            message: told.message.clone(),
            provision: text(&told.provision),
            remedy: text(&told.remedy),
            fields: told
                .violations
                .iter()
                .map(|one| (one.field.clone(), one.description.clone()))
                .collect(),
        }
    }
}

impl Told {
    /// As JSON for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "reason": self.reason,
            "message": self.message,
            "provision": self.provision,
            "remedy": self.remedy,
            "fields": self.fields.iter().map(|(field, wrong)| json!({ "field": field, "wrong": wrong })).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "refused: {}", self.reason)?;
        if self.fields.is_empty() {
            writeln!(f, "  {}", self.message)?;
        }
        for (field, wrong) in &self.fields {
            writeln!(f, "  {field}: {wrong}")?;
        }
        if let Some(provision) = &self.provision {
            writeln!(f, "  rests on: {provision}")?;
        }
        if let Some(remedy) = &self.remedy {
            writeln!(f, "  what to do: {remedy}")?;
        }
        Ok(())
    }
}

/// Why a place in the log is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log's place is not proven: {0}")]
pub struct NotProven(String);

/// Checks that a leaf stands in the tree of a signed checkpoint. Asks nobody.
///
/// # Errors
/// [`NotProven`] with what does not fit.
pub fn prove(place: &LogPosition, key: &VerifierKey) -> Result<(), NotProven> {
    let wrong = |what: &dyn fmt::Display| NotProven(what.to_string());
    let checkpoint = key.verify(&place.checkpoint).map_err(|error| wrong(&error))?;
    let proof = place
        .inclusion
        .as_ref()
        .ok_or_else(|| wrong(&"there is no proof"))?;
    if proof.tree_size != checkpoint.size {
        return Err(wrong(&"proof and checkpoint are of different trees"));
    }
    let path = proof
        .path
        .iter()
        .map(|hash| Hash::from_slice(hash))
        .collect::<Result<_, _>>();
    InclusionProof {
        leaf_index: proof.leaf_index,
        tree_size: proof.tree_size,
        path: path.map_err(|error| wrong(&error))?,
    }
    .verify(&leaf_hash(&place.leaf_entry), &checkpoint.root)
    .map_err(|error| wrong(&error))
}

/// A receipt as JSON, everything that proves it included.
#[must_use]
pub fn receipt_json(receipt: &Receipt) -> Value {
    let decision = receipt.decision.clone().unwrap_or_default();
    json!({
        "exchange": receipt.exchange,
        "accepted_at": receipt.accept_time.as_ref().and_then(sendhub_contracts::convert::time).map(|at| at.to_string()),
        "decision": {
            "rule": decision.rule_id,
            "policy_version": decision.policy_version,
            "provision": decision.provision,
            "reason": decision.reason_code,
        },
        "clocks": receipt.clocks_started.iter().map(|clock| json!({
            "rule": clock.rule,
            "due_on": clock.due_on.as_ref().map(|day| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)),
            "provision": clock.provision,
            "estimated": clock.estimated,
        })).collect::<Vec<_>>(),
        "content_salt": hex(&receipt.content_salt),
        "log": receipt.log.as_ref().map(place_json),
    })
}

/// A place in the log as JSON.
#[must_use]
pub fn place_json(place: &LogPosition) -> Value {
    let proof = place.inclusion.clone().unwrap_or_default();
    json!({
        "origin": place.origin,
        "leaf_entry": String::from_utf8_lossy(&place.leaf_entry),
        "leaf_index": proof.leaf_index,
        "tree_size": proof.tree_size,
        "path": proof.path.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
        "checkpoint": place.checkpoint,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
