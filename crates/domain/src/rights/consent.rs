//! What the recorded consents come to for one disclosure on one day.

use jiff::civil::Date;

use super::{RightsFacts, Scope};
use crate::disclosure::ConsentStanding;
use crate::exchange::RightsRecordId;

/// What the consents come to, and on which records that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentAnswer {
    /// What they come to.
    pub standing: ConsentStanding,
    /// The record that decides; `None` when there is none.
    pub by: Option<RightsRecordId>,
    /// For [`ConsentStanding::Both`] the parent's record, beside the pupil's in `by`.
    pub also: Option<RightsRecordId>,
}

impl RightsFacts {
    /// What the recorded consents come to for this disclosure on a day.
    #[must_use]
    pub fn consent_standing(&self, scope: &Scope<'_>, day: Date) -> ConsentAnswer {
        let _ = (scope, day);
        ConsentAnswer {
            standing: ConsentStanding::None,
            by: None,
            also: None,
        }
    }
}

impl RightsFacts {
    pub(super) fn speaks_for_young_person(
        &self,
        by: &super::Giver,
        made_on: Date,
        decision: &super::Decision<'_>,
        day: Date,
    ) -> bool {
        let _ = (by, made_on, decision, day);
        false
    }
}
