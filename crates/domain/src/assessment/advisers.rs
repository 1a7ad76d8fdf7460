//! Whose advice SEND Regulations 2014 reg 6(1) requires, and what to look at in a case as it stands.

use super::consequences::Warning;
use super::opening::FamilyAsk;
use super::request::AdviceStage;
use super::{AdviserKind, AssessmentCase, AssessmentState};
use crate::agency::coded;

coded! {
    /// How far a required adviser's advice has come.
    AdviserStanding {
        /// Nobody was asked.
        NotAsked = "NOT_ASKED",
        /// Asked, and not returned.
        Asked = "ASKED",
        /// Returned, and not yet taken.
        Returned = "RETURNED",
        /// Taken by the authority, or earlier advice taken instead.
        Taken = "TAKEN",
    }
}

/// One whose advice the authority must seek.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviserRequirement {
    /// In which capacity.
    pub kind: AdviserKind,
    /// Whom the family asked for, for reg 6(1)(h).
    pub family_ask: Option<FamilyAsk>,
    /// Why it is required.
    pub why: &'static str,
    /// The provision.
    pub provision: &'static str,
    /// How far it has come.
    pub standing: AdviserStanding,
}

impl AssessmentCase {
    /// Everybody whose advice reg 6(1) requires here, with how far it has come. Reg 6(1)(f), whom the authority
    /// thinks fit, requires nobody.
    #[must_use]
    pub fn required_advisers(&self) -> Vec<AdviserRequirement> {
        use AdviserKind as K;
        let facts = &self.opening;
        let education = if facts.attends.is_some() {
            (
                "the head or principal of the institution attended",
                "SEND Regulations 2014 reg 6(1)(b)(i)",
            )
        } else {
            (
                "no institution attended is known: one with experience of teaching those with special educational \
                 needs, or who is responsible for the education",
                "SEND Regulations 2014 reg 6(1)(b)(ii), (iii)",
            )
        };
        let mut required = vec![
            (
                K::FamilyViews,
                "always: the child's parent or the young person",
                "SEND Regulations 2014 reg 6(1)(a)",
            ),
            (K::Education, education.0, education.1),
            (
                K::Health,
                "always: a health care professional named by the commissioning body",
                "SEND Regulations 2014 reg 6(1)(c)",
            ),
            (
                K::EducationalPsychologist,
                "always",
                "SEND Regulations 2014 reg 6(1)(d)",
            ),
            (K::SocialCare, "always", "SEND Regulations 2014 reg 6(1)(e)"),
        ];
        if facts.serving_parent == Some(true) {
            required.push((
                K::SecretaryOfStateForDefence,
                "a parent serves in the armed forces",
                "SEND Regulations 2014 reg 6(1)(b)(iv)",
            ));
        }
        if facts.year_9_or_beyond == Some(true) {
            required.push((
                K::Adulthood,
                "in or beyond Year 9",
                "SEND Regulations 2014 reg 6(1)(g)",
            ));
        }
        if facts.hearing_impaired || facts.vision_impaired {
            required.push((
                K::SensoryTeacher,
                "hearing or vision is impaired: a qualified teacher is consulted for the education advice",
                "SEND Regulations 2014 reg 6(2)",
            ));
        }
        let mut all: Vec<_> = required
            .into_iter()
            .map(|(kind, why, provision)| AdviserRequirement {
                kind,
                family_ask: None,
                why,
                provision,
                standing: self.standing(kind, None),
            })
            .collect();
        all.extend(facts.family_asks.iter().map(|ask| AdviserRequirement {
            kind: K::FamilyAsked,
            family_ask: Some(ask.clone()),
            why: "the parent or young person asks for it",
            provision: "SEND Regulations 2014 reg 6(1)(h)",
            standing: self.standing(K::FamilyAsked, Some(ask)),
        }));
        all
    }

    /// How far the advice of this kind has come; the furthest of several.
    fn standing(&self, kind: AdviserKind, ask: Option<&FamilyAsk>) -> AdviserStanding {
        // One whom the family asks for may have been asked in another capacity. One who is no agency of the
        // directory is matched by capacity only: nothing closer is known.
        let fits = |asked: AdviserKind, adviser| match ask {
            Some(FamilyAsk::Agency(agency)) => adviser == agency,
            _ => asked == kind,
        };
        let existing = self.existing.iter().any(|(taken, author)| match author {
            Some(author) => fits(*taken, author),
            None => ask.is_none() && *taken == kind,
        });
        self.requests
            .iter()
            .skip(self.round_from)
            .filter(|request| request.statutory && fits(request.kind, &request.adviser))
            .map(|request| match request.stage {
                AdviceStage::Accepted => AdviserStanding::Taken,
                AdviceStage::Returned | AdviceStage::NotKnown => AdviserStanding::Returned,
                AdviceStage::Withdrawn | AdviceStage::Closed => AdviserStanding::NotAsked,
                AdviceStage::Requested
                | AdviceStage::Acknowledged
                | AdviceStage::ClarificationAsked
                | AdviceStage::SentBack => AdviserStanding::Asked,
            })
            .chain(existing.then_some(AdviserStanding::Taken))
            .max()
            .unwrap_or(AdviserStanding::NotAsked)
    }

    /// What to look at in the case as it stands: facts nobody asked for, advisers left out, and what was noted of
    /// earlier steps.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        use AssessmentState as S;
        let mut found = Vec::new();
        if matches!(
            self.state,
            S::Requested | S::Assessing | S::PlanOrdered | S::Reassessing | S::DraftServed
        ) {
            if self.opening.serving_parent.is_none() {
                found.push(Warning::new(
                    "SERVING_PARENT_NOT_ASKED",
                    "nobody has asked whether a parent serves in the armed forces: if so, the Secretary of State \
                     for Defence must be asked for advice",
                    "SEND Regulations 2014 reg 6(1)(b)(iv)",
                ));
            }
            if self.opening.year_9_or_beyond.is_none() {
                found.push(Warning::new(
                    "YEAR_GROUP_NOT_KNOWN",
                    "it is not known whether the child or young person is in or beyond Year 9: if so, advice on \
                     preparation for adulthood is required",
                    "SEND Regulations 2014 reg 6(1)(g)",
                ));
            }
        }
        if matches!(
            self.state,
            S::Assessing | S::PlanOrdered | S::Reassessing | S::DraftServed
        ) {
            found.extend(self.required_advisers().into_iter().filter_map(|required| {
                (required.standing == AdviserStanding::NotAsked).then(|| {
                    Warning::new(
                        "REQUIRED_ADVISER_NOT_ASKED",
                        format!("{} was not asked: {}", required.kind, required.why),
                        required.provision,
                    )
                })
            }));
        }
        found.extend(self.noted.iter().cloned());
        found
    }
}
