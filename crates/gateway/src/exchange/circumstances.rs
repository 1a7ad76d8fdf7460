//! What only some kinds of exchange are decided on: earlier advice, the steps before a health notice, how a pupil
//! was placed. Established at sending and kept beside the exchange as codes.

use std::collections::HashMap;

use sendhub_policy::{AuthorityConsent, ExistingAdvice, S23Steps, SchoolPlacement, ServingParent};

use super::header::Kept;

/// Facts of one kind of exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Circumstances {
    pub(crate) existing_advice: ExistingAdvice,
    pub(crate) s23_steps: S23Steps,
    pub(crate) school_placement: SchoolPlacement,
    pub(crate) authority_consent: AuthorityConsent,
    pub(crate) serving_parent: ServingParent,
}

impl Default for Circumstances {
    fn default() -> Self {
        Self {
            existing_advice: ExistingAdvice::NotClaimed,
            s23_steps: S23Steps::NotNeeded,
            school_placement: SchoolPlacement::Ordinary,
            authority_consent: AuthorityConsent::NotRecorded,
            serving_parent: ServingParent::NotKnown,
        }
    }
}

impl Circumstances {
    /// As codes by name; what is as usual is left out.
    pub(crate) fn keep(self) -> Option<Kept> {
        let usual = Self::default();
        let mut codes = HashMap::new();
        let mut put = |name: &str, unusual: bool, code: &str| {
            if unusual {
                codes.insert(name.to_owned(), code.to_owned());
            }
        };
        put(
            "existing_advice",
            self.existing_advice != usual.existing_advice,
            self.existing_advice.code(),
        );
        put(
            "s23_steps",
            self.s23_steps != usual.s23_steps,
            self.s23_steps.code(),
        );
        put(
            "placement",
            self.school_placement != usual.school_placement,
            self.school_placement.code(),
        );
        put(
            "authority_consent",
            self.authority_consent != usual.authority_consent,
            self.authority_consent.code(),
        );
        put(
            "serving_parent",
            self.serving_parent != usual.serving_parent,
            self.serving_parent.code(),
        );
        (!codes.is_empty()).then_some(Kept { codes })
    }

    /// Read back.
    pub(crate) fn read(kept: Option<&Kept>) -> Self {
        let mut all = Self::default();
        let code = |name: &str| kept.and_then(|kept| kept.codes.get(name)).map(String::as_str);
        for one in [ExistingAdvice::AllAgree, ExistingAdvice::NotAllAgree] {
            if code("existing_advice") == Some(one.code()) {
                all.existing_advice = one;
            }
        }
        for one in [S23Steps::Done, S23Steps::Missing] {
            if code("s23_steps") == Some(one.code()) {
                all.s23_steps = one;
            }
        }
        if code("placement") == Some(SchoolPlacement::SpecialPlacedByAuthority.code()) {
            all.school_placement = SchoolPlacement::SpecialPlacedByAuthority;
        }
        for one in [AuthorityConsent::Given, AuthorityConsent::Refused] {
            if code("authority_consent") == Some(one.code()) {
                all.authority_consent = one;
            }
        }
        if code("serving_parent") == Some(ServingParent::Serves.code()) {
            all.serving_parent = ServingParent::Serves;
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back() {
        let all = Circumstances {
            existing_advice: ExistingAdvice::NotAllAgree,
            s23_steps: S23Steps::Done,
            school_placement: SchoolPlacement::SpecialPlacedByAuthority,
            authority_consent: AuthorityConsent::Refused,
            serving_parent: ServingParent::Serves,
        };
        assert_eq!(Circumstances::read(all.keep().as_ref()), all);
        assert_eq!(Circumstances::default().keep(), None);
        assert_eq!(Circumstances::read(None), Circumstances::default());
    }
}
