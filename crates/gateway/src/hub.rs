//! The hub: everything the services share, and the one way by which they write and refuse.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::{self, Refusal};
use sendhub_contracts::types::v1 as types;
use sendhub_ctf::Profiles;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::calendar::{BankHolidays, SchoolCalendar};
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::identifiers::LaEstab;
use sendhub_policy::{Decision, PolicySet, Sources};
use sendhub_store::{
    Change, CommitRefused, Committed, Committer, Conflict, Directory, Effect, Hint, Keyring, LogEntry, Store,
    StoreError,
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::{error, info, warn};

use crate::attachments::Vault;
use crate::clock::{Clock, england};
use crate::identity::Caller;
use crate::minimisation::Minimisation;
use crate::register::Register;
use crate::shares::Shares;
use crate::wakeups::Wakeups;

/// Marks a refusal that stands in the log already; taken off before the reply leaves.
pub(crate) const RECORDED: &str = "x-sendhub-recorded";

/// What the services share.
pub struct Hub {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// The way in for everybody who writes.
    pub committer: Committer,
    /// Who is meant.
    pub register: Register,
    /// The keys of the database.
    pub keyring: Arc<Keyring>,
    /// The rules; replaced as a whole.
    pub policy: ArcSwap<PolicySet>,
    /// The agencies; replaced within a second of a change.
    pub directory: ArcSwap<Directory>,
    /// Transfer-file profiles.
    pub profiles: Profiles,
    /// Bank holidays in England.
    pub holidays: BankHolidays,
    /// Calendars of schools that have given one.
    pub calendars: HashMap<LaEstab, SchoolCalendar>,
    /// Which groups of pupil information each kind of recipient may have.
    pub minimisation: Minimisation,
    /// Where attachments lie.
    pub vault: Vault,
    /// Time and fresh ids.
    pub clock: Arc<dyn Clock>,
    /// Who watches an inbox.
    pub wakeups: Wakeups,
    /// How much one agency has under way.
    pub(crate) shares: Shares,
    /// The origin of this gateway's own log.
    pub origin: String,
    /// Cancelled when the hub begins to stop: streams end, unary requests are finished.
    pub stopping: CancellationToken,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hub({})", self.origin)
    }
}

impl Hub {
    /// Reads the directory again when anybody has changed it.
    ///
    /// # Errors
    /// [`StoreError`]; the old one stays.
    pub async fn refresh_directory(&self) -> Result<(), StoreError> {
        if self.store.directory_revision().await? != self.directory.load().revision() {
            self.directory.store(Arc::new(self.store.directory().await?));
        }
        Ok(())
    }

    /// Keeps the directory fresh until the hub stops: an agency changed by another process is known within a
    /// second.
    pub async fn keep_directory(self: Arc<Self>, every: Duration) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            if let Err(failure) = self.refresh_directory().await {
                warn!(%failure, "the directory could not be read; the last known one stays");
            }
            self.wakeups.sweep();
        }
    }

    /// Heeds what other gateways say until the hub stops: wakes the watchers of a mailbox, reads the directory again.
    pub async fn heed(self: Arc<Self>, mut hints: broadcast::Receiver<Hint>) {
        loop {
            let hint = tokio::select! {
                () = self.stopping.cancelled() => return,
                hint = hints.recv() => hint,
            };
            match hint {
                Ok(Hint::Mailbox(agency)) => self.wakeups.ring(&agency),
                Ok(Hint::Directory) => {
                    if let Err(failure) = self.refresh_directory().await {
                        warn!(%failure, "the directory could not be read; the last known one stays");
                    }
                }
                Ok(Hint::Missed) | Err(broadcast::error::RecvError::Lagged(_)) => self.wakeups.ring_all(),
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Takes up changed rules while the hub runs, when they come from a folder: a broken set is refused, and the old
    /// one stays.
    pub async fn keep_policy(self: Arc<Self>, folder: PathBuf, every: Duration) {
        // What serves, and what was refused and need not be looked at again; what was read last.
        let mut settled = self.policy.load().version().to_owned();
        let mut last = settled.clone();
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            let Ok(sources) = Sources::read(&folder) else {
                continue;
            };
            let version = sources.version();
            // An editor writes in steps: only what stands still for a tick is looked at.
            let moving = std::mem::replace(&mut last, version.clone()) != version;
            if moving || version == settled {
                continue;
            }
            match PolicySet::load(&folder, day_in_england(self.clock.now())) {
                Ok(set) if set.version() == version => {
                    if self.take_policy(set).await {
                        settled = version;
                    }
                }
                Ok(_) => {}
                Err(failure) => {
                    settled = version;
                    error!(%failure, "the changed rules are broken; the old ones stay");
                }
            }
        }
    }

    /// Puts a checked set of rules in the place of the one that serves, once the log says so.
    async fn take_policy(&self, set: PolicySet) -> bool {
        let mut event = AuditEvent::new(
            EventKind::PolicyChanged,
            EventOutcome::Success,
            self.clock.now(),
            "policy.directory",
        );
        event.policy_version = Some(set.version().to_owned());
        let before = self.policy.load().version().to_owned();
        if before == set.version() {
            // A broken set was put right again: what serves never changed.
            return true;
        }
        event.facts.push(("replaces", before));
        match self.record(&event, Vec::new()).await {
            Ok(_) => {
                info!(version = set.version(), "new rules");
                self.policy.store(Arc::new(set));
                true
            }
            Err(failure) => {
                error!(%failure, "the log does not take the change of rules yet; the old ones stay");
                false
            }
        }
    }

    /// The calendar of a school; empty when it gave none.
    #[must_use]
    pub fn calendar(&self, school: Option<&LaEstab>) -> &SchoolCalendar {
        static NONE: std::sync::LazyLock<SchoolCalendar> = std::sync::LazyLock::new(SchoolCalendar::default);
        school
            .and_then(|school| self.calendars.get(school))
            .unwrap_or(&NONE)
    }

    /// An event of a caller, on its way into the log.
    pub(crate) fn event(
        &self,
        kind: EventKind,
        outcome: EventOutcome,
        caller: &Caller,
        method: &'static str,
    ) -> AuditEvent {
        let mut event = AuditEvent::new(kind, outcome, self.clock.now(), method);
        event.actor = Some(caller.actor());
        event
    }

    /// Writes an event with its effects and returns its place in the log.
    pub(crate) async fn record(
        &self,
        event: &AuditEvent,
        effects: Vec<Effect>,
    ) -> Result<types::LogPosition, CommitRefused> {
        let entry = LogEntry::encode(event);
        let leaf = entry.bytes.clone();
        let committed = self.committer.commit(Change { entry, effects }).await?;
        Ok(self.position(leaf, committed))
    }

    /// The place of a committed leaf for the wire.
    pub(crate) fn position(&self, leaf_entry: Vec<u8>, committed: Committed) -> types::LogPosition {
        types::LogPosition {
            origin: self.origin.clone(),
            leaf_entry,
            inclusion: Some(wire_inclusion(committed.proof)),
            checkpoint: committed.checkpoint.to_string(),
        }
    }

    /// Writes a refusal into the log; what is answered is the refusal itself, or that the log cannot be
    /// written, when nothing is known to be recorded.
    pub(crate) async fn refuse(&self, mut event: AuditEvent, refusal: Refusal) -> Refusal {
        event.reason = Some(refusal::name(refusal.reason).to_owned());
        event.rule.clone_from(&refusal.rule);
        event.provision.clone_from(&refusal.provision);
        match self.record(&event, Vec::new()).await {
            Ok(_) => refusal,
            Err(failure) => commit_refusal(&failure),
        }
    }
}

/// The local hour and day on which a decision is made.
pub(crate) fn day_in_england(at: Timestamp) -> Date {
    at.to_zoned_datetime(england()).date()
}

/// A status whose refusal stands in the log already.
pub(crate) fn recorded(refusal: Refusal) -> Status {
    let mut status = refusal.into_status();
    status
        .metadata_mut()
        .insert(RECORDED, tonic::metadata::MetadataValue::from_static("1"));
    status
}

/// An inclusion proof for the wire.
pub(crate) fn wire_inclusion(proof: sendhub_ledger::proof::InclusionProof) -> types::InclusionProof {
    types::InclusionProof {
        leaf_index: proof.leaf_index,
        tree_size: proof.tree_size,
        path: proof.path.into_iter().map(|hash| hash.0.to_vec()).collect(),
    }
}

/// A decision for the wire.
pub(crate) fn wire_decision(decision: &Decision) -> types::Decision {
    use sendhub_policy::Effect as Found;
    let effect = match decision.effect {
        Found::Permit => types::Effect::Permit,
        Found::Deny => types::Effect::Deny,
        Found::Refer => types::Effect::Refer,
        Found::Hold => types::Effect::Hold,
    };
    types::Decision {
        effect: effect.into(),
        rule_id: decision.rule_id.clone(),
        policy_version: decision.policy_version.clone(),
        provision: decision.provision.clone(),
        reason_code: decision.reason_code.clone(),
        confidence: decision.confidence.code().to_owned(),
        remedy: decision.remedy.clone().unwrap_or_default(),
    }
}

/// What a decision that does not permit says to the caller.
pub(crate) fn denial(decision: &Decision) -> Refusal {
    let reason = refusal::reason_named(&decision.reason_code).unwrap_or(Reason::NoRulePermits);
    let mut refusal = Refusal::new(
        reason,
        format!("the rules do not allow this (rule {})", decision.rule_id),
    );
    refusal.provision = Some(decision.provision.clone());
    refusal.rule = Some(decision.rule_id.clone());
    refusal.remedy.clone_from(&decision.remedy);
    refusal
}

/// Puts a decision into an event.
pub(crate) fn decided(event: &mut AuditEvent, decision: &Decision) {
    event.reason = Some(decision.reason_code.clone());
    event.rule = Some(decision.rule_id.clone());
    event.policy_version = Some(decision.policy_version.clone());
    event.provision = Some(decision.provision.clone());
}

/// What a change that was not acknowledged says to the caller.
pub(crate) fn commit_refusal(failure: &CommitRefused) -> Refusal {
    match failure {
        CommitRefused::Overloaded => Refusal::new(
            Reason::Overloaded,
            "more of this agency's waits to be written than the hub takes on; nothing was done",
        )
        .retry_after(Duration::from_secs(1)),
        CommitRefused::NotConfirmed => Refusal::new(
            Reason::StoreUnavailable,
            "the database did not confirm; send it again with the same request id",
        )
        .retry_after(Duration::from_secs(1)),
        CommitRefused::Closed => Refusal::new(
            Reason::LogUnavailable,
            "this gateway no longer writes; nothing was done",
        )
        .retry_after(Duration::from_secs(1)),
        CommitRefused::Conflict(conflict) => conflict_refusal(conflict),
    }
}

pub(crate) fn conflict_refusal(conflict: &Conflict) -> Refusal {
    match conflict {
        Conflict::RequestIdReused => Refusal::new(
            Reason::RequestIdReused,
            "this request id was used for another request",
        )
        .remedy("Use a new request id for each new intent; repeat an id only with the same content."),
        Conflict::AgencyRevision(_) => Refusal::new(
            Reason::RevisionChanged,
            "the agency's entry changed meanwhile; read it again",
        ),
        Conflict::AgencyIdentifierTaken(what) => Refusal::new(
            Reason::IdentifierTaken,
            format!("{what}: belongs to another agency"),
        ),
        Conflict::AlreadyClaimed => Refusal::new(
            Reason::RecordAlreadyClaimed,
            "another authority has claimed this record",
        ),
        Conflict::DeliveryMoved(None) => delivery_not_found(),
        Conflict::DeliveryMoved(Some(_)) => Refusal::new(
            Reason::DeliveryEnded,
            "this delivery is not in a state that allows it",
        ),
        Conflict::AgreementRevision(_) => Refusal::new(
            Reason::RevisionChanged,
            "the agreement changed meanwhile; read it again",
        ),
        Conflict::CaseMoved(_) => Refusal::new(
            Reason::CaseMoved,
            "another step of the case came between; read it again",
        ),
        Conflict::ReferralDecided => Refusal::new(
            Reason::ReferralDecided,
            "this referral was decided before; a decision is not changed",
        ),
        Conflict::AlreadyAccepted { .. }
        | Conflict::SubjectChanged
        | Conflict::RightsChanged(_)
        | Conflict::ClockMoved => Refusal::new(
            Reason::RaceLost,
            "the same was being written at the same moment; send it again",
        )
        .retry_after(Duration::from_millis(100)),
    }
}

/// A read that failed: said without detail, told in full to the hub's own log lines.
pub(crate) fn store_refusal(failure: &StoreError) -> Refusal {
    warn!(%failure, "a read failed");
    Refusal::new(
        Reason::StoreUnavailable,
        "the database does not answer; try again",
    )
    .retry_after(Duration::from_secs(1))
}

pub(crate) fn delivery_not_found() -> Refusal {
    Refusal::new(
        Reason::DeliveryNotFound,
        "there is no such delivery for this agency",
    )
}

pub(crate) fn exchange_not_found() -> Refusal {
    Refusal::new(
        Reason::ExchangeNotFound,
        "there is no such exchange that this agency may see",
    )
}

/// The ids of agencies, as an event's recipients.
pub(crate) fn recipients(agency: Option<&AgencyId>) -> Vec<AgencyId> {
    agency.cloned().into_iter().collect()
}

/// Refusals that say nothing of the request: they would only fill the log while it cannot be written.
pub(crate) const fn is_passing(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::StoreUnavailable
            | Reason::LogUnavailable
            | Reason::Overloaded
            | Reason::ShuttingDown
            | Reason::RaceLost
    )
}
