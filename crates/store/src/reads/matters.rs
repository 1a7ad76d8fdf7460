//! What can be read of cases, rights, clocks, referrals and attachments.

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::calendar::Certainty;
use sendhub_domain::disclosure::RecipientRole;
use sendhub_domain::exchange::{CaseId, CaseKind, ClockId, DeliveryId, ExchangeId, ReferralId};
use sendhub_domain::person::SubjectId;

use crate::change::{ClockState, ReferralState};

// These two never change: they are read as they were written.
pub use crate::change::{AttachmentRow as AttachmentRecord, RightsRow as RightsRecord};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRecord {
    /// Its name.
    pub case: CaseId,
    /// What kind of case.
    pub kind: CaseKind,
    /// The agency whose case it is.
    pub owner: AgencyId,
    /// Whom it is about.
    pub subject: SubjectId,
    /// The reference that both sides know, if any.
    pub case_reference: Option<String>,
    /// How many steps it has had: its exchanges.
    pub steps: u32,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// A page of an agency's cases.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseList {
    /// Cases, newest first.
    pub cases: Vec<CaseRecord>,
    /// Whether there are more before these.
    pub more: bool,
}

/// All that is recorded of a person's rights at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RightsRecords {
    /// Counts the records, 0 when there is none; what [`crate::Effect::ExpectRights`] expects.
    pub revision: u64,
    /// The records, oldest first.
    pub records: Vec<RightsRecord>,
}

/// A clock with the exceptions recorded against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRecord {
    /// Its name.
    pub clock: ClockId,
    /// The exchange that started it.
    pub exchange: ExchangeId,
    /// The case in which it runs, if any.
    pub case: Option<CaseId>,
    /// Whom it is about.
    pub subject: SubjectId,
    /// The rule that sets it.
    pub rule: String,
    /// The day of the event that started it.
    pub started_on: Date,
    /// The last day on which it can be met.
    pub due_on: Date,
    /// What kind of duty it expresses.
    pub basis: String,
    /// How sure the date is.
    pub certainty: Certainty,
    /// The provision.
    pub provision: String,
    /// Who must act.
    pub owed_by: AgencyId,
    /// Who else is told when it falls due.
    pub told: Vec<AgencyId>,
    /// The case reference that those told know, if any.
    pub case_reference: Option<String>,
    /// How it stands.
    pub state: ClockState,
    /// The day of its next notice, while it runs and has one to give.
    pub next_notice_on: Option<Date>,
    /// The day on which it ended.
    pub ended_on: Option<Date>,
    /// When the clock was made.
    pub created_at: Timestamp,
    /// Exceptions, in the order in which they were recorded.
    pub exceptions: Vec<ClockException>,
}

/// An exception recorded against a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockException {
    /// The ground.
    pub ground: String,
    /// From which day it holds.
    pub from: Option<Date>,
    /// Until which day.
    pub until: Option<Date>,
    /// Who recorded it.
    pub recorded_by: AgencyId,
    /// On which day.
    pub recorded_on: Date,
    /// What shows it, sealed.
    pub evidence: Vec<u8>,
}

/// A decision that waits, or waited, for a named person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralRecord {
    /// Its name.
    pub referral: ReferralId,
    /// The exchange of which it holds a copy back.
    pub exchange: ExchangeId,
    /// The copy held back, if it was in a mailbox already.
    pub delivery: Option<DeliveryId>,
    /// Who would have it.
    pub recipient: AgencyId,
    /// In what part.
    pub role: RecipientRole,
    /// To whom the rules refer it.
    pub effect: String,
    /// Why.
    pub reason: String,
    /// The rule that referred it.
    pub rule: String,
    /// The provision it rests on.
    pub provision: String,
    /// The agency whose named person decides.
    pub decider: AgencyId,
    /// How it stands.
    pub state: ReferralState,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}
