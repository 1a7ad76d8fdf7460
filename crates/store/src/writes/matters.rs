//! The rows that cases, rights, clocks, referrals, agreements, attachments and notices become.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::agreement::Agreement;
use sendhub_domain::exchange::{
    AttachmentId, CaseId, ClockId, DeliveryId, ExchangeId, ReferralId, RightsRecordId,
};
use sendhub_domain::person::SubjectId;

use crate::change::{
    AttachmentRow, CaseRow, ClockRow, ClockState, Effect, NoticeRow, ReferralRow, ReferralState, RightsRow,
};

/// A batch's cases. Written before its exchanges, which refer to them.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) opened: Vec<CaseRow>,
    pub(crate) steps: HashMap<CaseId, u32>,
}

impl Cases {
    pub(crate) fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.steps.is_empty()
    }

    pub(crate) fn take(&mut self, effect: Effect) {
        match effect {
            Effect::OpenCase(row) => self.opened.push(row),
            Effect::ExtendCase { case, expected_steps } => {
                self.steps.insert(case, expected_steps + 1);
            }
            _ => {}
        }
    }
}

/// The other rows. Updates of one row are folded into one: within a statement their order is lost.
#[derive(Default)]
pub(crate) struct Matters {
    pub(crate) notices: HashMap<String, NoticeRow>,
    pub(crate) expected: Vec<(SubjectId, u64)>,
    pub(crate) revisions: HashMap<SubjectId, u64>,
    pub(crate) rights: Vec<RightsRow>,
    pub(crate) relied_on: Vec<(RightsRecordId, DeliveryId)>,
    pub(crate) clocks: Vec<ClockRow>,
    pub(crate) advances: HashMap<ClockId, Option<Date>>,
    pub(crate) ends: HashMap<ClockId, (ClockState, Date)>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) referrals: Vec<ReferralRow>,
    pub(crate) decisions: HashMap<ReferralId, (ReferralState, Timestamp)>,
    pub(crate) agreements: Vec<(Box<Agreement>, u64)>,
    pub(crate) attachments: Vec<AttachmentRow>,
    pub(crate) attached: Vec<(ExchangeId, AttachmentId)>,
}

/// An exception against a clock.
pub(crate) struct Exception {
    pub(crate) clock: ClockId,
    pub(crate) ground: String,
    pub(crate) from: Option<Date>,
    pub(crate) until: Option<Date>,
    pub(crate) recorded_by: AgencyId,
    pub(crate) recorded_on: Date,
    pub(crate) evidence: Vec<u8>,
}

impl Matters {
    pub(crate) fn take(&mut self, effect: Effect) {
        match effect {
            // Of several with one key the first is told.
            Effect::Tell(row) => {
                self.notices.entry(row.once.clone()).or_insert(row);
            }
            Effect::ExpectRights { subject, revision } => self.expected.push((subject, revision)),
            Effect::RecordRights {
                row,
                expected_revision,
            } => {
                self.revisions.insert(row.subject, expected_revision + 1);
                self.rights.push(row);
            }
            Effect::RelyOn { delivery, record } => self.relied_on.push((record, delivery)),
            Effect::StartClock(row) => self.clocks.push(row),
            Effect::AdvanceClock { clock, next, .. } => {
                self.advances.insert(clock, next);
            }
            // A clock ends once, and never by going on.
            Effect::EndClock { clock, state, on } if state != ClockState::Running => {
                self.ends.entry(clock).or_insert((state, on));
            }
            Effect::LiftClock {
                clock,
                ground,
                from,
                until,
                recorded_by,
                recorded_on,
                evidence,
            } => self.exceptions.push(Exception {
                clock,
                ground,
                from,
                until,
                recorded_by,
                recorded_on,
                evidence,
            }),
            Effect::OpenReferral(row) => self.referrals.push(row),
            Effect::DecideReferral {
                referral,
                allowed,
                at,
            } => {
                self.decisions.insert(referral, (allowed.into(), at));
            }
            Effect::PutAgreement {
                agreement,
                expected_revision,
            } => self.agreements.push((agreement, expected_revision + 1)),
            Effect::StoreAttachment(row) => self.attachments.push(row),
            Effect::AttachTo { attachment, exchange } => self.attached.push((exchange, attachment)),
            _ => {}
        }
    }

    /// Whether there is nothing to write; what is expected of rights is not written.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            notices,
            expected: _,
            revisions,
            rights,
            relied_on,
            clocks,
            advances,
            ends,
            exceptions,
            referrals,
            decisions,
            agreements,
            attachments,
            attached,
        } = self;
        notices.is_empty()
            && revisions.is_empty()
            && rights.is_empty()
            && relied_on.is_empty()
            && clocks.is_empty()
            && advances.is_empty()
            && ends.is_empty()
            && exceptions.is_empty()
            && referrals.is_empty()
            && decisions.is_empty()
            && agreements.is_empty()
            && attachments.is_empty()
            && attached.is_empty()
    }

    /// Whether the directory's generation must be counted up.
    pub(crate) const fn changes_directory(&self) -> bool {
        !self.agreements.is_empty()
    }
}
