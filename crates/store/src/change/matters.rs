//! Rows of what lasts beyond one exchange: cases, rights, clocks, referrals and attachments.

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::calendar::Certainty;
use sendhub_domain::disclosure::RecipientRole;
use sendhub_domain::exchange::{
    AttachmentId, CaseId, CaseKind, ClockId, DeliveryId, ExchangeId, ReferralId, RightsRecordId,
};
use sendhub_domain::person::SubjectId;

/// A case as it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
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
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// A record about a person's rights, as it is written and read: it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsRow {
    /// Its name.
    pub record: RightsRecordId,
    /// Whose rights.
    pub subject: SubjectId,
    /// What kind of record: a stable code of the gateway's.
    pub kind: String,
    /// Who recorded it.
    pub recorded_by: AgencyId,
    /// When.
    pub recorded_at: Timestamp,
    /// What it says, sealed under the subject's key with [`crate::seal::SealPurpose::Rights`].
    pub sealed: Vec<u8>,
}

/// A clock as it starts to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockRow {
    /// Its name.
    pub clock: ClockId,
    /// The exchange that started it.
    pub exchange: ExchangeId,
    /// The case in which it runs, if any.
    pub case: Option<CaseId>,
    /// Whom it is about.
    pub subject: SubjectId,
    /// The rule that sets it: a stable code.
    pub rule: String,
    /// The day of the event that started it.
    pub started_on: Date,
    /// The last day on which it can be met.
    pub due_on: Date,
    /// What kind of duty it expresses: a stable code.
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
    /// The day of its next notice; `None` when there is none to give.
    pub next_notice_on: Option<Date>,
    /// When the clock was made.
    pub created_at: Timestamp,
}

/// How a clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockState {
    /// It runs.
    Running,
    /// What was owed was done.
    Met,
    /// It ended without that: the duty fell away.
    Ended,
}

impl ClockState {
    /// The stable code used in stored rows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Met => "MET",
            Self::Ended => "ENDED",
        }
    }

    /// The value with this code, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Running, Self::Met, Self::Ended]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

/// A decision that waits for a named person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralRow {
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
    /// To whom the rules refer it: a stable code of the policy.
    pub effect: String,
    /// Why: a stable reason code.
    pub reason: String,
    /// The rule that referred it.
    pub rule: String,
    /// The provision it rests on.
    pub provision: String,
    /// The agency whose named person decides.
    pub decider: AgencyId,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// What a named person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It may be disclosed.
    Allowed,
    /// It may not.
    Refused,
}

/// How a referral stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferralState {
    /// Nobody has decided.
    Open,
    /// Decided: it may be disclosed.
    Allowed,
    /// Decided: it may not.
    Refused,
}

impl ReferralState {
    /// The stable code used in stored rows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Allowed => "ALLOWED",
            Self::Refused => "REFUSED",
        }
    }

    /// The value with this code, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Open, Self::Allowed, Self::Refused]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

impl From<Outcome> for ReferralState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allowed => Self::Allowed,
            Outcome::Refused => Self::Refused,
        }
    }
}

/// An attachment, as it is written and read: it never changes. The bytes lie elsewhere, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentRow {
    /// Its name.
    pub attachment: AttachmentId,
    /// Who uploaded it.
    pub owner: AgencyId,
    /// Whom it is about, once that is known.
    pub subject: Option<SubjectId>,
    /// Its media type.
    pub media_type: String,
    /// Its length in clear, in bytes.
    pub size_bytes: u64,
    /// SHA-256 of it in clear.
    pub sha256: [u8; 32],
    /// Where its sealed bytes lie: the key in the object store.
    pub place: String,
    /// Its own data key, wrapped by the master key.
    pub wrapped_key: Vec<u8>,
    /// Which master key wrapped it.
    pub master_key_id: String,
    /// When it was stored.
    pub created_at: Timestamp,
}
