//! Sharing agreements: what agencies have agreed in writing to share, from when until when.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

use crate::agency::AgencyId;
use crate::disclosure::Item;

/// Names one sharing agreement: 3 to 64 of `a–z`, `0–9` and `-`, starting with a letter. Public and never reused.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgreementId(Arc<str>);

/// Why a text is not an [`AgreementId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an agreement id is 3 to 64 of a-z, 0-9 and '-', and starts with a letter")]
pub struct AgreementIdError;

impl AgreementId {
    /// Reads an agreement id. It has the form of an [`AgencyId`].
    ///
    /// # Errors
    /// [`AgreementIdError`] when the text has another form.
    pub fn parse(text: &str) -> Result<Self, AgreementIdError> {
        let id = AgencyId::parse(text).map_err(|_| AgreementIdError)?;
        Ok(Self(Arc::from(id.as_str())))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgreementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AgreementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgreementId({})", self.0)
    }
}

/// One sharing agreement. It makes nothing lawful by itself: rules read whether one is in force where a task
/// rests on agreement and not on a duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Its name.
    pub id: AgreementId,
    /// Counts the changes made to this entry, from 1.
    pub revision: u64,
    /// Who has agreed; each may share with each of the others.
    pub parties: Vec<AgencyId>,
    /// What may be shared.
    pub items: Vec<Item>,
    /// For what, in the words of the agreement.
    pub purposes: Vec<String>,
    /// The first day on which it is in force.
    pub from: Date,
    /// The last day as agreed; `None` when it has no end.
    pub until: Option<Date>,
    /// The day on which it was ended early: from this day on it is not in force.
    pub ended_on: Option<Date>,
    /// The offices that signed it. Offices, never named people.
    pub signed_by: Vec<String>,
}

impl Agreement {
    /// Whether it is in force on a day.
    #[must_use]
    pub fn in_force(&self, on: Date) -> bool {
        self.from <= on
            && self.until.is_none_or(|until| on <= until)
            && self.ended_on.is_none_or(|ended| on < ended)
    }

    /// Whether it lets these two share the item with each other on a day. The order of the two does not matter;
    /// an agency has no agreement with itself.
    #[must_use]
    pub fn covers(&self, item: Item, a: &AgencyId, b: &AgencyId, on: Date) -> bool {
        a != b
            && self.items.contains(&item)
            && self.parties.contains(a)
            && self.parties.contains(b)
            && self.in_force(on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn agency(name: &str) -> AgencyId {
        AgencyId::parse(name).unwrap()
    }

    fn agreement(until: Option<Date>, ended_on: Option<Date>) -> Agreement {
        Agreement {
            id: AgreementId::parse("east-1").unwrap(),
            revision: 1,
            parties: vec![agency("school"), agency("college"), agency("health")],
            items: vec![Item::PupilInformation, Item::CpFile],
            purposes: vec!["transition".into()],
            from: date(2026, 9, 1),
            until,
            ended_on,
            signed_by: vec!["head-of-service".into()],
        }
    }

    #[test]
    fn it_covers_its_items_between_its_parties() {
        let one = agreement(None, None);
        let cases = [
            (Item::PupilInformation, "school", "college", true),
            (Item::PupilInformation, "college", "school", true),
            (Item::CpFile, "college", "health", true),
            (Item::EhcPlan, "school", "college", false),
            (Item::PupilInformation, "school", "club", false),
            (Item::PupilInformation, "club", "school", false),
            (Item::PupilInformation, "club", "shop", false),
            (Item::PupilInformation, "school", "school", false),
        ];
        for (item, a, b, covered) in cases {
            let found = one.covers(item, &agency(a), &agency(b), date(2026, 11, 24));
            assert_eq!(found, covered, "{item} {a} {b}");
        }
    }

    #[test]
    fn it_covers_only_the_days_on_which_it_is_in_force() {
        let (until, ended) = (Some(date(2027, 8, 31)), Some(date(2026, 12, 1)));
        let cases = [
            (None, None, date(2026, 8, 31), false),
            (None, None, date(2026, 9, 1), true),
            (None, None, date(2099, 1, 1), true),
            (until, None, date(2027, 8, 31), true),
            (until, None, date(2027, 9, 1), false),
            (until, ended, date(2026, 11, 30), true),
            (until, ended, date(2026, 12, 1), false),
            (None, ended, date(2026, 12, 2), false),
            // Ended before it began: never in force.
            (None, Some(date(2026, 8, 1)), date(2026, 9, 1), false),
        ];
        for (until, ended_on, on, covered) in cases {
            let one = agreement(until, ended_on);
            let found = one.covers(Item::CpFile, &agency("school"), &agency("health"), on);
            assert_eq!(found, covered, "{until:?} {ended_on:?} {on}");
        }
    }

    #[test]
    fn ids_have_one_form() {
        assert_eq!(AgreementId::parse("east-1").unwrap().to_string(), "east-1");
        for bad in ["", "ab", "1abc", "East", "a_b"] {
            assert_eq!(AgreementId::parse(bad), Err(AgreementIdError), "{bad}");
        }
    }
}
