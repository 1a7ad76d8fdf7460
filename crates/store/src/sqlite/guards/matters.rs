//! Guards of cases, rights, clocks, referrals, agreements and notices.

use std::collections::HashSet;

use jiff::civil::Date;
use sendhub_domain::agreement::AgreementId;
use sendhub_domain::exchange::{CaseId, ClockId, ReferralId};
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::tracked::Tracked;
use crate::change::{ClockState, Conflict, Effect};
use crate::sqlite::decode::{bytes, count, date_if_any};
use crate::sqlite::rows::{Script, Statement};
use crate::store::StoreError;

static CASES: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 7, c.id, c.steps FROM q CROSS JOIN case_record c ON c.id = q.id",
);
static RIGHTS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 8, s.subject, s.revision FROM q CROSS JOIN subject_rights s ON s.subject = q.id",
);
static CLOCKS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 9, c.id, c.state = 'RUNNING', c.next_notice_on FROM q CROSS JOIN clock c ON c.id = q.id",
);
static REFERRALS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 10, r.id, r.state = 'OPEN' FROM q CROSS JOIN referral r ON r.id = q.id",
);
static AGREEMENTS: Statement = Statement::new(
    "WITH q(id) AS (VALUES ",
    "(?)",
    ") SELECT 11, a.id, a.revision FROM q CROSS JOIN agreement a ON a.id = q.id",
);
static TOLD: Statement = Statement::new(
    "WITH q(once) AS (VALUES ",
    "(?)",
    ") SELECT 12, t.once FROM q CROSS JOIN told t ON t.once = q.once",
);

/// The names that these guards ask about.
#[derive(Default)]
pub(super) struct Asked {
    cases: HashSet<CaseId>,
    rights: HashSet<SubjectId>,
    clocks: HashSet<ClockId>,
    referrals: HashSet<ReferralId>,
    agreements: HashSet<AgreementId>,
    told: HashSet<String>,
}

impl Asked {
    pub(super) fn ask(&mut self, effect: &Effect) {
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

    pub(super) fn look_up(self, script: &mut Script) {
        let cases: Vec<_> = self.cases.into_iter().collect();
        script.look_up(&CASES, &cases, |case, values| {
            values.bind(case.0);
        });
        let rights: Vec<_> = self.rights.into_iter().collect();
        script.look_up(&RIGHTS, &rights, |subject, values| {
            values.bind(&subject.0[..]);
        });
        let clocks: Vec<_> = self.clocks.into_iter().collect();
        script.look_up(&CLOCKS, &clocks, |clock, values| {
            values.bind(clock.0);
        });
        let referrals: Vec<_> = self.referrals.into_iter().collect();
        script.look_up(&REFERRALS, &referrals, |referral, values| {
            values.bind(referral.0);
        });
        let agreements: Vec<_> = self.agreements.into_iter().collect();
        script.look_up(&AGREEMENTS, &agreements, |agreement, values| {
            values.bind(agreement.as_str());
        });
        let told: Vec<_> = self.told.into_iter().collect();
        script.look_up(&TOLD, &told, |once, values| {
            values.bind(once.as_str());
        });
    }
}

/// What the database holds of these, as it will be after the changes looked at so far.
#[derive(Default)]
pub(super) struct Matters {
    cases: Tracked<CaseId, u32>,
    rights: Tracked<SubjectId, u64>,
    clocks: Tracked<ClockId, Clock>,
    referrals: Tracked<ReferralId, Waits>,
    agreements: Tracked<AgreementId, u64>,
    told: Tracked<String, ()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// It runs; its next notice.
    Runs(Option<Date>),
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Yes,
    Decided,
}

impl Matters {
    /// Takes a row of a lookup; `which` is its first column.
    pub(super) fn take(&mut self, which: i64, row: &SqliteRow) -> Result<(), StoreError> {
        match which {
            7 => {
                self.cases.now.insert(CaseId(row.try_get(1)?), row.try_get(2)?);
            }
            8 => {
                self.rights.now.insert(SubjectId(bytes(row, 1)?), count(row, 2)?);
            }
            9 => {
                let clock = if row.try_get(2)? {
                    Clock::Runs(date_if_any(row, 3)?)
                } else {
                    Clock::Ended
                };
                self.clocks.now.insert(ClockId(row.try_get(1)?), clock);
            }
            10 => {
                let waits = if row.try_get(2)? {
                    Waits::Yes
                } else {
                    Waits::Decided
                };
                self.referrals.now.insert(ReferralId(row.try_get(1)?), waits);
            }
            11 => {
                let id = AgreementId::parse(row.try_get(1)?).map_err(|_| StoreError::Corrupt("agreement"))?;
                self.agreements.now.insert(id, count(row, 2)?);
            }
            _ => {
                self.told.now.insert(row.try_get(1)?, ());
            }
        }
        Ok(())
    }

    pub(super) fn keep(&mut self) {
        self.cases.keep();
        self.rights.keep();
        self.clocks.keep();
        self.referrals.keep();
        self.agreements.keep();
        self.told.keep();
    }

    pub(super) fn undo(&mut self) {
        self.cases.undo();
        self.rights.undo();
        self.clocks.undo();
        self.referrals.undo();
        self.agreements.undo();
        self.told.undo();
    }

    /// Whether a notice with this key is still to be written; from here on it is not.
    pub(super) fn tell(&mut self, once: &str) -> bool {
        let new = self.told.get(&once.to_owned()).is_none();
        if new {
            self.told.set(once.to_owned(), ());
        }
        new
    }

    pub(super) fn guard(&mut self, effect: &Effect) -> Result<(), Conflict> {
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
