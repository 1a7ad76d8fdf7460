//! The child or young person an exchange is about: a reference by typed identifiers, never a merged record.

use std::fmt;

use jiff::civil::Date;

use crate::agency::coded;

coded! {
    /// Whose numbering an identifier belongs to.
    IdentifierSystem {
        /// Unique Pupil Number. Education use only.
        Upn = "UPN",
        /// Unique Learner Number.
        Uln = "ULN",
        /// NHS number.
        NhsNumber = "NHS_NUMBER",
        /// A local authority's case number; meaningful with that authority only.
        LaCase = "LA_CASE",
        /// The number in one school's MIS; meaningful with that school only.
        MisLocal = "MIS_LOCAL",
        /// A Service reference given by the Ministry of Defence's children services.
        ServiceReference = "SERVICE_REFERENCE",
    }
}

impl IdentifierSystem {
    /// Whether the number means something only together with the agency that gave it.
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::LaCase | Self::MisLocal)
    }
}

/// One identifier of a person. `Debug` never shows the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonIdentifier {
    /// Whose numbering it is.
    pub system: IdentifierSystem,
    /// The canonical value.
    pub value: String,
}

impl fmt::Debug for PersonIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonIdentifier({}, ..)", self.system)
    }
}

/// Who an exchange is about. `Debug` shows nothing personal.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonReference {
    /// Current identifiers only: a former UPN is never used to find or link a person.
    pub identifiers: Vec<PersonIdentifier>,
    /// Legal surname.
    pub surname: String,
    /// Legal forename.
    pub forename: String,
    /// Surnames held before, as the sender states them.
    pub former_surnames: Vec<String>,
    /// Forenames held before, as the sender states them.
    pub former_forenames: Vec<String>,
    /// Date of birth.
    pub date_of_birth: Date,
}

impl fmt::Debug for PersonReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonReference({} identifiers, ..)", self.identifiers.len())
    }
}

/// What stands in the place of a word that says who somebody is.
const BLOT: &str = "[...]";

impl PersonReference {
    /// A text that others wrote about this person, fit for the log: every word of the person's names, every identifier
    /// and the date of birth are blotted out. Names of others are not known here, so whoever writes is still told to
    /// name nobody.
    #[must_use]
    pub fn blotted(&self, text: &str) -> String {
        let names = [&self.surname, &self.forename]
            .into_iter()
            .chain(&self.former_surnames)
            .chain(&self.former_forenames);
        let mut telling: Vec<String> = names
            .flat_map(|name| words(name))
            .map(str::to_lowercase)
            .collect();
        // An initial alone tells little, and would blot out every "a".
        telling.retain(|word| word.chars().count() > 1);
        telling.extend(self.identifiers.iter().map(|one| one.value.to_lowercase()));
        let day = self.date_of_birth;
        let written = [
            day.to_string(),
            day.strftime("%d/%m/%Y").to_string(),
            day.strftime("%d.%m.%Y").to_string(),
            day.strftime("%-d/%-m/%Y").to_string(),
        ];
        let mut clean = text.to_owned();
        for date in written {
            clean = clean.replace(&date, BLOT);
        }
        let mut out = String::with_capacity(clean.len());
        let mut rest = clean.as_str();
        while let Some(word) = words(rest).next() {
            // `word` is a part of `rest`, so both ends are found in it.
            let Some(at) = rest.find(word) else { break };
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            out.push_str(if telling.contains(&word.to_lowercase()) {
                BLOT
            } else {
                word
            });
            rest = from.get(word.len()..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }
}

/// The words of a text: runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The keyed pseudonym under which a person stands in rows, logs and metrics.
/// Without the hub's secret it leads nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectId(pub [u8; 16]);

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectId({self})")
    }
}

coded! {
    /// How the person named in a request fits the register.
    IdentityMatch {
        /// Nobody in the register has any of these identifiers.
        New = "NEW",
        /// One person has them, and date of birth and name agree.
        Same = "SAME",
        /// The identifiers lead to different people, or date of birth or name disagree.
        /// A person must resolve it: the hub never merges.
        Conflict = "CONFLICT",
    }
}

/// A name as it is compared: case, surrounding and doubled spaces do not distinguish people
/// (the Multiplication Tables Check exports names in capitals).
#[must_use]
pub fn comparable_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().flat_map(char::to_uppercase));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_written_in_full() {
        let mut tag = [0; 16];
        assert_eq!(SubjectId(tag).to_string(), "0".repeat(32));
        (tag[0], tag[1], tag[15]) = (0x0a, 0xff, 0x01);
        assert_eq!(SubjectId(tag).to_string(), format!("0aff{}01", "0".repeat(26)));
    }

    #[test]
    fn names_compare_without_case_and_spacing() {
        assert_eq!(
            comparable_name("  van  der Berg"),
            comparable_name("VAN DER BERG ")
        );
        assert_ne!(comparable_name("Price"), comparable_name("Pryce"));
        assert_eq!(comparable_name("siân"), "SIÂN");
    }

    #[test]
    fn what_is_written_about_a_person_loses_who_it_is() {
        let person = PersonReference {
            identifiers: vec![PersonIdentifier {
                system: IdentifierSystem::Upn,
                value: "A999100100001".into(),
            }],
            surname: "O'Neill-Price".into(),
            forename: "Siân A".into(),
            former_surnames: vec!["May".into()],
            former_forenames: vec![],
            date_of_birth: jiff::civil::date(2012, 3, 4),
        };
        for (written, kept) in [
            ("a risk tonight, call made", "a risk tonight, call made"),
            ("SIÂN Price is at risk", "[...] [...] is at risk"),
            (
                "Miss O’Neill (a999100100001), born 2012-03-04 or 4/3/2012",
                "Miss O’[...] ([...]), born [...] or [...]",
            ),
            ("they may run; maybe tonight", "they [...] run; maybe tonight"),
            ("", ""),
        ] {
            assert_eq!(person.blotted(written), kept);
        }
    }

    #[test]
    fn debug_shows_nothing_personal() {
        let person = PersonReference {
            identifiers: vec![PersonIdentifier {
                system: IdentifierSystem::Upn,
                value: "secret".into(),
            }],
            surname: "secret".into(),
            forename: "secret".into(),
            former_surnames: vec![],
            former_forenames: vec![],
            date_of_birth: jiff::civil::date(2012, 3, 4),
        };
        let shown = format!("{person:?} {:?}", person.identifiers);
        assert!(!shown.contains("secret") && !shown.contains("2012"), "{shown}");
    }
}
