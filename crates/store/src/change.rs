//! What can be written: a change is one request's effects together with the log entry that proves them.

mod exchange;
mod matters;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::{Agency, AgencyId};
use sendhub_domain::agreement::Agreement;
use sendhub_domain::exchange::{
    AttachmentId, CaseId, ClockId, DeliveryId, DeliveryState, ExchangeId, ReferralId, RightsRecordId,
};
use sendhub_domain::person::SubjectId;
use sendhub_ledger::proof::InclusionProof;
use sendhub_ledger::tree::Appended;

pub use self::exchange::{DeliveryRow, ExchangeRow, HUB_SENDER, NoticeRow, SubjectRow};
pub use self::matters::{
    AttachmentRow, CaseRow, ClockRow, ClockState, Outcome, ReferralRow, ReferralState, RightsRow,
};

use crate::entry::LogEntry;
use crate::store::StoreError;

/// One request's worth of writing. All of its effects and its log entry become durable together,
/// or a guard fails and none of it does.
#[derive(Debug, Clone)]
pub struct Change {
    /// What the log will say. Every change has exactly one entry: nothing is written unrecorded.
    pub entry: LogEntry,
    /// What is written, in order.
    pub effects: Vec<Effect>,
}

/// One thing that a change writes. Guards are part of the effect: each says what it expects to find.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Adds a person to the register. Fails with [`Conflict::SubjectChanged`] if the person is there already.
    RegisterSubject(SubjectRow),
    /// Points further identifiers of a person at the register entry. An identifier that already leads to
    /// the same person is no fault; one that leads elsewhere fails with [`Conflict::SubjectChanged`].
    LinkIdentifiers {
        /// The person.
        subject: SubjectId,
        /// Keyed tags of the identifiers, see [`crate::seal::Keyring::identifier_tag`].
        tags: Vec<[u8; 16]>,
    },
    /// Replaces the keyed tag of the name by which a person is compared.
    UpdateSubjectName {
        /// The person.
        subject: SubjectId,
        /// The new tag, see [`crate::seal::Keyring::name_tag`].
        name_tag: [u8; 16],
    },
    /// Stores an exchange. Its (sender, request id) must be new: the same request with the same digest
    /// fails with [`Conflict::AlreadyAccepted`], with another digest with [`Conflict::RequestIdReused`].
    StoreExchange(ExchangeRow),
    /// Puts one recipient's copy in its mailbox.
    Deliver(DeliveryRow),
    /// Moves a copy to another state. Fails with [`Conflict::DeliveryMoved`] unless it stands in one of `from`.
    MoveDelivery {
        /// Which copy.
        delivery: DeliveryId,
        /// The states it may be in.
        from: &'static [DeliveryState],
        /// The state it gets.
        to: DeliveryState,
        /// When.
        at: Timestamp,
    },
    /// Holds an exchange of unknown destination for local authorities to find.
    HoldUnclaimed {
        /// Which exchange.
        exchange: ExchangeId,
        /// Keyed tags under which a search finds it.
        search_tags: Vec<[u8; 16]>,
    },
    /// Marks a held exchange as taken. Fails with [`Conflict::AlreadyClaimed`] if it was.
    Claim {
        /// Which exchange.
        exchange: ExchangeId,
        /// Who takes it.
        by: AgencyId,
        /// When.
        at: Timestamp,
    },
    /// Keeps what the recipient's system made of a record; a later report on the same copy replaces it.
    StoreImportReport {
        /// Which copy.
        delivery: DeliveryId,
        /// The report, sealed under the subject's key with [`crate::seal::SealPurpose::ImportReport`].
        sealed: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// Creates (`expected_revision` 0) or replaces an agency. Fails with [`Conflict::AgencyRevision`] when
    /// the stored revision differs, with [`Conflict::AgencyIdentifierTaken`] when an identifier or an
    /// unrevoked certificate already belongs to another agency.
    PutAgency {
        /// The entry as it shall be; its `revision` is `expected_revision + 1`.
        agency: Box<Agency>,
        /// The revision it replaces.
        expected_revision: u64,
    },
    /// Creates (`expected_revision` 0) or replaces a sharing agreement. Fails with
    /// [`Conflict::AgreementRevision`] when the stored revision differs.
    PutAgreement {
        /// The agreement as it shall be; its `revision` is `expected_revision + 1`.
        agreement: Box<Agreement>,
        /// The revision it replaces.
        expected_revision: u64,
    },
    /// Opens a case. The exchange of the same change, which names it, is its first step.
    OpenCase(CaseRow),
    /// Counts a further step of a case: the exchange of the same change, which names it. Fails with
    /// [`Conflict::CaseMoved`] unless the case has so many steps.
    ExtendCase {
        /// Which case.
        case: CaseId,
        /// The steps it is expected to have.
        expected_steps: u32,
    },
    /// Adds a record about a person's rights and counts their revision up by one. Fails with
    /// [`Conflict::RightsChanged`] unless it stands as expected.
    RecordRights {
        /// The record.
        row: RightsRow,
        /// The revision that the person's rights are expected to have; 0 when nothing is recorded.
        expected_revision: u64,
    },
    /// Writes nothing: fails with [`Conflict::RightsChanged`] unless the person's rights have this revision, so
    /// that what was decided on them is still right when it is written.
    ExpectRights {
        /// The person.
        subject: SubjectId,
        /// The expected revision; 0 when nothing is recorded.
        revision: u64,
    },
    /// Notes that a copy may be handed over only as long as a record stands. Twice is as good as once.
    RelyOn {
        /// Which copy.
        delivery: DeliveryId,
        /// Which record.
        record: RightsRecordId,
    },
    /// Starts a clock.
    StartClock(ClockRow),
    /// Ends a clock and its notices. A clock that has ended stays as it ended; one that is not there has no end.
    EndClock {
        /// Which clock.
        clock: ClockId,
        /// How it ended. [`ClockState::Running`] is no end and changes nothing.
        state: ClockState,
        /// On which day.
        on: Date,
    },
    /// Records an exception against a clock. The clock runs on: what the exception means is for the reader.
    LiftClock {
        /// Which clock.
        clock: ClockId,
        /// The ground: a stable code.
        ground: String,
        /// From which day it holds.
        from: Option<Date>,
        /// Until which day.
        until: Option<Date>,
        /// Who recorded it.
        recorded_by: AgencyId,
        /// On which day.
        recorded_on: Date,
        /// What shows it, sealed under the subject's key with [`crate::seal::SealPurpose::ClockEvidence`].
        evidence: Vec<u8>,
    },
    /// Sets the day of a clock's next notice. Fails with [`Conflict::ClockMoved`] unless the clock runs and its
    /// next notice is the expected one.
    AdvanceClock {
        /// Which clock.
        clock: ClockId,
        /// The day of the notice that is being given.
        expected: Option<Date>,
        /// The day of the next, if there is one.
        next: Option<Date>,
    },
    /// Refers a decision to a named person. A referral of this name that is there already stays as it is, decided
    /// or not: what is asked for again is referred once.
    OpenReferral(ReferralRow),
    /// Decides what was referred. Fails with [`Conflict::ReferralDecided`] unless it waits.
    DecideReferral {
        /// Which referral.
        referral: ReferralId,
        /// What was decided.
        allowed: Outcome,
        /// When.
        at: Timestamp,
    },
    /// Adds an attachment whose sealed bytes are in place.
    StoreAttachment(AttachmentRow),
    /// Attaches it to an exchange. Twice is as good as once.
    AttachTo {
        /// Which attachment.
        attachment: AttachmentId,
        /// To which exchange.
        exchange: ExchangeId,
    },
    /// Puts a notice of the hub into a mailbox, unless its key was used before: then nothing is written for it,
    /// and the rest of its change stands.
    Tell(NoticeRow),
}

/// What a committed change got: its place in the log, with proof.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Proof that the entry stands in the tree that `checkpoint` signs.
    pub proof: InclusionProof,
    /// The signed checkpoint (C2SP signed note) of this commit; one for the whole batch.
    pub checkpoint: Arc<str>,
}

/// Why a change was not written. The rest of its batch is not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The same request was accepted before: answer with its first receipt.
    #[error("the request was accepted before")]
    AlreadyAccepted {
        /// What it became.
        exchange: ExchangeId,
    },
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The register changed between reading and writing: read again and retry.
    #[error("the register entry changed meanwhile")]
    SubjectChanged,
    /// The copy is not in a state from which it can move so; `None` when there is no such copy.
    #[error("the delivery is in another state")]
    DeliveryMoved(Option<DeliveryState>),
    /// The held record was taken before.
    #[error("the record was claimed before")]
    AlreadyClaimed,
    /// The agency's entry changed meanwhile; the number is the stored revision, 0 for none.
    #[error("the agency's entry is at revision {0}")]
    AgencyRevision(u64),
    /// An identifier or certificate belongs to another agency. Carries the identifier system's code
    /// (`URN`, `LAESTAB`, `LA_CODE`, `ODS_CODE`, `UKPRN`, `CERTIFICATE`).
    #[error("{0} belongs to another agency")]
    AgencyIdentifierTaken(&'static str),
    /// The agreement changed meanwhile; the number is the stored revision, 0 for none.
    #[error("the agreement is at revision {0}")]
    AgreementRevision(u64),
    /// The case moved meanwhile; the number is its steps, 0 when there is no such case.
    #[error("the case has {0} steps")]
    CaseMoved(u32),
    /// What is recorded of the person's rights changed: decide again. The number is the stored revision.
    #[error("the person's rights changed meanwhile")]
    RightsChanged(u64),
    /// The clock has ended, its notice was given before, or there is no such clock.
    #[error("the clock moved meanwhile")]
    ClockMoved,
    /// The referral was decided before, or there is none.
    #[error("the referral does not wait for a decision")]
    ReferralDecided,
}

/// Each change's result: the admitted ones are the batch's leaves, in order.
pub(crate) fn receipts(
    admitted: Vec<Result<(), Conflict>>,
    appended: &Appended,
    note: &str,
) -> Result<Vec<Result<Committed, Conflict>>, StoreError> {
    let checkpoint: Arc<str> = note.into();
    let mut offset = 0;
    let mut receipts = Vec::with_capacity(admitted.len());
    for admission in admitted {
        let receipt = match admission {
            Ok(()) => {
                let proof = appended.inclusion_proof(offset);
                let proof = proof.map_err(|error| StoreError::Ledger(error.to_string()))?;
                offset += 1;
                Ok(Committed {
                    proof,
                    checkpoint: Arc::clone(&checkpoint),
                })
            }
            Err(conflict) => Err(conflict),
        };
        receipts.push(receipt);
    }
    Ok(receipts)
}
