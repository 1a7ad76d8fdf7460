//! The smaller questions: who is excluded, who is copied in, which opinions and requests are on file, and whether
//! a plan runs on after 25.

use jiff::civil::Date;

use super::{CopyPreference, Decision, DecisionKind, RequestKind, RightsFacts, Scope};
use crate::age;
use crate::disclosure::Item;
use crate::exchange::RightsRecordId;
use crate::plan_limit::{PlanLimit, plan_limit};

impl RightsFacts {
    /// The record by which the young person does not want this recipient to have this. It bars nothing that the
    /// Act or Regulations require: it ends consents, and speaks where somebody may choose.
    #[must_use]
    pub fn excluded(&self, scope: &Scope<'_>, day: Date) -> Option<RightsRecordId> {
        self.exclusions
            .iter()
            .filter(|one| one.head.stands_on(day) && one.valid.holds_on(day) && one.reach.covers(scope))
            .map(|one| one.head.id)
            .max()
    }

    /// The choices about copies of an item that stand on a day, one for each parent: the latest. A parent of whom
    /// nothing is said is not here, and is not copied in: that is no default (Code 8.14).
    #[must_use]
    pub fn copies_to(&self, item: Item, day: Date) -> Vec<&CopyPreference> {
        let standing = || {
            self.copies
                .iter()
                .filter(|one| one.head.stands_on(day) && one.valid.holds_on(day) && one.items.covers(&item))
        };
        standing()
            .filter(|one| {
                !standing().any(|other| {
                    other.party == one.party
                        && (other.valid.from, other.head.id) > (one.valid.from, one.head.id)
                })
            })
            .collect()
    }

    /// The local authority's opinion that covers this disclosure (SEND Regulations 2014 reg 17(1)(a)): it names
    /// an officer and a reason, and the recipient by name or part; an opinion about anybody covers nobody. That
    /// `recorded_by` is the authority is for the caller to see.
    #[must_use]
    pub fn opinion_covers(&self, scope: &Scope<'_>, day: Date) -> Option<RightsRecordId> {
        self.opinions
            .iter()
            .filter(|one| one.head.stands_on(day) && one.valid.holds_on(day) && one.reach.covers(scope))
            .filter(|one| one.reach.recipients.names(scope.recipient, scope.role))
            .filter(|one| !one.officer.trim().is_empty() && !one.reason.trim().is_empty())
            .map(|one| one.head.id)
            .max()
    }

    /// The young person's request that covers this recipient (SEND Regulations 2014 regs 17(1)(j), (k), 47). It
    /// counts while whoever made it may make it: a child's parent cannot.
    #[must_use]
    pub fn request_on_file(&self, kind: RequestKind, scope: &Scope<'_>, day: Date) -> Option<RightsRecordId> {
        let decision = Decision::Of(DecisionKind::RequestPlanSent);
        self.requests
            .iter()
            .filter(|one| one.kind == kind && one.head.stands_on(day) && one.made_on <= day)
            .filter(|one| one.until.is_none_or(|until| day <= until))
            .filter(|one| one.withdrawn_on.is_none_or(|withdrawn| day < withdrawn))
            .filter(|one| one.recipients.covers(scope.recipient, scope.role))
            .filter(|one| self.speaks_for_young_person(&one.by, one.made_on, &decision, day))
            .map(|one| one.head.id)
            .max()
    }

    /// The record by which the local authority keeps a plan running on a day after the 25th birthday, within what
    /// the law lets it (CFA 2014 s.46; SEND Regulations 2014 reg 46).
    #[must_use]
    pub fn plan_continues_on(&self, day: Date) -> Option<RightsRecordId> {
        let continuation = self.continuation.as_ref()?;
        let until = self.plan_limit()?.maintained_until?.min(continuation.ends_on);
        let runs = continuation.head.stands_on(day) && age::anniversary(self.born, 25) <= day && day <= until;
        runs.then_some(continuation.head.id)
    }

    /// The limits of the recorded continuation; `None` when none is recorded.
    #[must_use]
    pub fn plan_limit(&self) -> Option<PlanLimit> {
        self.continuation
            .as_ref()
            .map(|one| plan_limit(self.born, one.provision, one.training_finishes))
    }
}
