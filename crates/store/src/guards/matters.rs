//! Guards of cases, rights, clocks, referrals, agreements and notices.

use std::collections::HashSet;

use jiff::civil::Date;
use sendhub_domain::agreement::AgreementId;
use sendhub_domain::exchange::{CaseId, ClockId, ReferralId};
use sendhub_domain::person::SubjectId;

use super::tracked::Tracked;
use crate::change::{ClockState, Conflict, Effect};

/// The names that these guards ask about.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) cases: HashSet<CaseId>,
    pub(crate) rights: HashSet<SubjectId>,
    pub(crate) clocks: HashSet<ClockId>,
    pub(crate) referrals: HashSet<ReferralId>,
    pub(crate) agreements: HashSet<AgreementId>,
    pub(crate) told: HashSet<String>,
}

impl Asked {
    pub(crate) fn ask(&mut self, effect: &Effect) {
        match effect {
            Effect::ExtendCase { case, .. } => {
                self.cases.insert(*case);
            }
            Effect::RecordRights { row, .. } => {
                self.rights.insert(row.subject);
            }
            Effect::ExpectRights { subject, .. } => {
                self.rights.insert(*subject);
            }
            Effect::AdvanceClock { clock, .. } => {
                self.clocks.insert(*clock);
            }
            Effect::DecideReferral { referral, .. } => {
                self.referrals.insert(*referral);
            }
            Effect::PutAgreement { agreement, .. } => {
                self.agreements.insert(agreement.id.clone());
            }
            Effect::Tell(row) => {
                self.told.insert(row.once.clone());
            }
            _ => {}
        }
    }
}

/// What the database holds of these, as it will be after the changes looked at so far.
#[derive(Default)]
pub(crate) struct Matters {
    pub(crate) cases: Tracked<CaseId, u32>,
    pub(crate) rights: Tracked<SubjectId, u64>,
    pub(crate) clocks: Tracked<ClockId, Clock>,
    pub(crate) referrals: Tracked<ReferralId, Waits>,
    pub(crate) agreements: Tracked<AgreementId, u64>,
    pub(crate) told: Tracked<String, ()>,
}

/// How a clock stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// It runs; its next notice.
    Runs(Option<Date>),
    /// It has ended.
    Ended,
}

/// Whether a referral waits for a decision.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// It does.
    Yes,
    /// It was decided.
    Decided,
}

impl Matters {
    pub(crate) fn keep(&mut self) {
        self.cases.keep();
        self.rights.keep();
        self.clocks.keep();
        self.referrals.keep();
        self.agreements.keep();
        self.told.keep();
    }

    pub(crate) fn undo(&mut self) {
        self.cases.undo();
        self.rights.undo();
        self.clocks.undo();
        self.referrals.undo();
        self.agreements.undo();
        self.told.undo();
    }

    /// Whether a notice with this key is still to be written; from here on it is not.
    pub(crate) fn tell(&mut self, once: &str) -> bool {
        let new = self.told.get(&once.to_owned()).is_none();
        if new {
            self.told.set(once.to_owned(), ());
        }
        new
    }

    pub(crate) fn guard(&mut self, effect: &Effect) -> Result<(), Conflict> {
        match effect {
            Effect::OpenCase(row) => self.cases.set(row.case, 1),
            Effect::ExtendCase { case, expected_steps } => {
                let steps = self.cases.get(case).copied().unwrap_or(0);
                // No case has no step: what is not there cannot be extended.
                if steps == 0 || steps != *expected_steps {
                    return Err(Conflict::CaseMoved(steps));
                }
                self.cases.set(*case, steps + 1);
            }
            Effect::RecordRights {
                row,
                expected_revision,
            } => {
                self.expect_rights(row.subject, *expected_revision)?;
                self.rights.set(row.subject, expected_revision + 1);
            }
            Effect::ExpectRights { subject, revision } => self.expect_rights(*subject, *revision)?,
            Effect::StartClock(row) => self.clocks.set(row.clock, Clock::Runs(row.next_notice_on)),
            Effect::EndClock { clock, state, .. } if *state != ClockState::Running => {
                self.clocks.set(*clock, Clock::Ended);
            }
            Effect::AdvanceClock {
                clock,
                expected,
                next,
            } => {
                if self.clocks.get(clock) != Some(&Clock::Runs(*expected)) {
                    return Err(Conflict::ClockMoved);
                }
                self.clocks.set(*clock, Clock::Runs(*next));
            }
            // One that is there stays as it is.
            Effect::OpenReferral(row) if self.referrals.get(&row.referral).is_none() => {
                self.referrals.set(row.referral, Waits::Yes);
            }
            Effect::DecideReferral { referral, .. } => {
                if self.referrals.get(referral) != Some(&Waits::Yes) {
                    return Err(Conflict::ReferralDecided);
                }
                self.referrals.set(*referral, Waits::Decided);
            }
            Effect::PutAgreement {
                agreement,
                expected_revision,
            } => {
                let stored = self.agreements.get(&agreement.id).copied().unwrap_or(0);
                if stored != *expected_revision {
                    return Err(Conflict::AgreementRevision(stored));
                }
                self.agreements.set(agreement.id.clone(), stored + 1);
            }
            _ => {}
        }
        Ok(())
    }

    fn expect_rights(&self, subject: SubjectId, expected: u64) -> Result<(), Conflict> {
        match self.rights.get(&subject).copied().unwrap_or(0) {
            stored if stored == expected => Ok(()),
            stored => Err(Conflict::RightsChanged(stored)),
        }
    }
}
