//! How far a record speaks: for which items, to which recipients, for which purposes, and from when until when.

use jiff::civil::Date;

use crate::agency::AgencyId;
use crate::disclosure::{Item, RecipientRole};

/// The disclosure that is asked about: what, to whom, in what part, for which purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// What would be disclosed.
    pub item: Item,
    /// To which agency.
    pub recipient: &'a AgencyId,
    /// In what part that agency would receive it.
    pub role: RecipientRole,
    /// For which purpose: the purpose code of the exchange.
    pub purpose: &'a str,
}

/// All of a sort, or only those listed. An empty list covers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covers<T> {
    /// All of them.
    Any,
    /// Only these.
    Only(Vec<T>),
}

impl<T: PartialEq> Covers<T> {
    /// Whether this one is covered.
    #[must_use]
    pub fn covers(&self, one: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Only(listed) => listed.contains(one),
        }
    }
}

/// The recipients of which a record speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// Anybody.
    Any,
    /// These agencies, and whoever receives in one of these parts.
    Named {
        /// Agencies by name.
        agencies: Vec<AgencyId>,
        /// Recipients by the part in which they receive ("category of recipient").
        roles: Vec<RecipientRole>,
    },
}

impl Recipients {
    /// Whether this recipient is meant.
    #[must_use]
    pub fn covers(&self, recipient: &AgencyId, role: RecipientRole) -> bool {
        match self {
            Self::Any => true,
            Self::Named { agencies, roles } => agencies.contains(recipient) || roles.contains(&role),
        }
    }

    /// Whether this recipient is meant and was named, by itself or by its part, not only as one of anybody.
    #[must_use]
    pub fn names(&self, recipient: &AgencyId, role: RecipientRole) -> bool {
        !matches!(self, Self::Any) && self.covers(recipient, role)
    }
}

/// For which items, recipients and purposes a record speaks: all three must cover what is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The items.
    pub items: Covers<Item>,
    /// The recipients.
    pub recipients: Recipients,
    /// The purposes, by their codes.
    pub purposes: Covers<String>,
}

impl Reach {
    /// Every item, recipient and purpose.
    pub const ANY: Self = Self {
        items: Covers::Any,
        recipients: Recipients::Any,
        purposes: Covers::Any,
    };

    /// Whether the record speaks of this disclosure.
    #[must_use]
    pub fn covers(&self, scope: &Scope<'_>) -> bool {
        let purpose = match &self.purposes {
            Covers::Any => true,
            Covers::Only(listed) => listed.iter().any(|purpose| purpose == scope.purpose),
        };
        purpose && self.items.covers(&scope.item) && self.recipients.covers(scope.recipient, scope.role)
    }
}

/// The days on which a record has effect, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first day.
    pub from: Date,
    /// The last day; `None` when no end is set.
    pub until: Option<Date>,
}

impl Validity {
    /// From this day on, without an end.
    #[must_use]
    pub const fn from(from: Date) -> Self {
        Self { from, until: None }
    }

    /// Whether the day lies within.
    #[must_use]
    pub fn holds_on(self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_reach_covers_only_what_all_three_cover() {
        let club = AgencyId::parse("youth-club").unwrap();
        let school = AgencyId::parse("mock-primary").unwrap();
        let scope = Scope {
            item: Item::EhcPlan,
            recipient: &club,
            role: RecipientRole::ThirdParty,
            purpose: "leisure",
        };
        assert!(Reach::ANY.covers(&scope));
        let narrow = Reach {
            items: Covers::Only(vec![Item::EhcPlan]),
            recipients: Recipients::Named {
                agencies: vec![club.clone()],
                roles: vec![],
            },
            purposes: Covers::Only(vec!["leisure".into()]),
        };
        assert!(narrow.covers(&scope));
        assert!(narrow.recipients.names(&club, RecipientRole::ThirdParty));
        assert!(!Recipients::Any.names(&club, RecipientRole::ThirdParty));
        for other in [
            Scope {
                item: Item::PupilInformation,
                ..scope
            },
            Scope {
                recipient: &school,
                ..scope
            },
            Scope {
                purpose: "transport",
                ..scope
            },
        ] {
            assert!(!narrow.covers(&other), "{other:?}");
        }
        let nothing = Reach {
            items: Covers::Only(vec![]),
            ..Reach::ANY
        };
        assert!(!nothing.covers(&scope), "an empty list covers nothing");
    }

    #[test]
    fn both_ends_of_a_validity_are_within() {
        let validity = Validity {
            from: date(2026, 6, 27),
            until: Some(date(2026, 7, 1)),
        };
        for (day, holds) in [(26, false), (27, true), (30, true)] {
            assert_eq!(validity.holds_on(date(2026, 6, day)), holds, "June {day}");
        }
        assert!(validity.holds_on(date(2026, 7, 1)));
        assert!(!validity.holds_on(date(2026, 7, 2)));
        assert!(Validity::from(Date::MIN).holds_on(Date::MAX));
    }
}
