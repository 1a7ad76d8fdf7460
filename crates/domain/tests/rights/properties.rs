//! What holds for any date of birth, any day, any calendar and any records.

use jiff::civil::{Date, date};
use proptest::collection::vec;
use proptest::prelude::*;
use sendhub_domain::age::{AgeStatus, SchoolYearStart, anniversary};
use sendhub_domain::disclosure::{Ability, ConsentStanding, Item};
use sendhub_domain::rights::*;

use crate::build::*;

fn days_after(day: Date, days: i32) -> Date {
    day.checked_add(jiff::Span::new().days(days)).unwrap()
}

fn any_born() -> impl Strategy<Value = Date> {
    (1990_i16..2031, 0_i32..365).prop_map(|(year, days)| days_after(date(year, 1, 1), days))
}

fn any_start(born: Date) -> impl Strategy<Value = SchoolYearStart> {
    let year = anniversary(born, 16).year();
    prop_oneof![
        Just(SchoolYearStart::Unknown),
        (0_i32..30).prop_map(move |days| SchoolYearStart::Confirmed(days_after(date(year, 8, 20), days))),
        (0_i32..30).prop_map(move |days| SchoolYearStart::Unconfirmed(days_after(date(year, 8, 20), days))),
    ]
}

/// A day near the ages at which something changes, or any other of a lifetime.
fn any_day(born: Date) -> impl Strategy<Value = Date> {
    prop_oneof![
        (-500_i32..500).prop_map(move |days| days_after(anniversary(born, 16), days)),
        (-100_i32..11_000).prop_map(move |days| days_after(born, days)),
    ]
}

fn any_person() -> impl Strategy<Value = Person> {
    prop_oneof![
        3 => Just(Person::Subject),
        1 => Just(Person::Parent(PartyRef::new("mother"))),
        1 => Just(Person::Parent(PartyRef::new("father"))),
    ]
}

fn any_giver() -> impl Strategy<Value = Giver> {
    prop_oneof![
        Just(Giver::Subject),
        Just(mother()),
        Just(Giver::Parent(PartyRef::new("father"))),
        Just(deputy()),
    ]
}

fn any_finding(born: Date) -> impl Strategy<Value = CapacityFinding> {
    let outcome =
        prop_oneof![3 => Just(CapacityOutcome::LacksCapacity), 1 => Just(CapacityOutcome::HasCapacity)];
    (any_person(), outcome, any_day(born), 0_i32..4000, any::<bool>()).prop_map(
        |(of, outcome, on, lasts, this)| CapacityFinding {
            review_by: days_after(on, lasts),
            decision: if this {
                DecisionKind::ConsentToDisclosure
            } else {
                DecisionKind::Appeal
            },
            ..finding(1, of, outcome, on)
        },
    )
}

fn any_consent(born: Date) -> impl Strategy<Value = Consent> {
    let decision = prop_oneof![4 => Just(ConsentDecision::Granted), 1 => Just(ConsentDecision::Refused)];
    let withdrawn = proptest::option::weighted(0.2, any_day(born));
    let items = prop_oneof![3 => Just(Covers::Any), 1 => Just(Covers::Only(vec![Item::EhcPlan])), 1 => Just(Covers::Only(vec![Item::Advice]))];
    (
        any::<u32>(),
        any_giver(),
        decision,
        any_day(born),
        withdrawn,
        items,
        proptest::option::weighted(0.2, any_day(born)),
    )
        .prop_map(|(id, giver, decision, on, withdrawn_on, items, until)| Consent {
            withdrawn_on,
            reach: Reach { items, ..Reach::ANY },
            valid: Validity { from: on, until },
            ..said(u128::from(id), giver, decision, on)
        })
}

fn any_facts() -> impl Strategy<Value = RightsFacts> {
    any_born().prop_flat_map(|born| {
        let kind = prop_oneof![
            Just(RepresentativeKind::Deputy),
            Just(RepresentativeKind::LastingPower),
        ];
        let parents = prop_oneof![Just(vec![]), Just(vec!["mother"]), Just(vec!["mother", "father"]),];
        (
            any_start(born),
            parents,
            vec(any_consent(born), 0..6),
            vec(any_finding(born), 0..4),
            vec(
                (any_person(), kind).prop_map(|(of, kind)| appointed(2, of, kind)),
                0..3,
            ),
            vec(
                (any::<bool>(), any_day(born)).prop_map(|(yes, on)| understanding(3, yes, on)),
                0..3,
            ),
            vec(any_day(born).prop_map(|from| authority(4, from)), 0..2),
        )
            .prop_map(
                move |(start, parents, consents, capacity, representatives, understandings, authorities)| {
                    let mut facts = RightsFacts::new(born, start);
                    facts.parents = parents
                        .into_iter()
                        .map(|party| parent(5, party, ParentStanding::ParentalResponsibility))
                        .collect();
                    facts.consents = consents;
                    facts.capacity = capacity;
                    facts.representatives = representatives;
                    facts.understandings = understandings;
                    facts.authorities = authorities;
                    facts
                },
            )
    })
}

fn facts_and_day() -> impl Strategy<Value = (RightsFacts, Date)> {
    any_facts().prop_flat_map(|facts| {
        let day = any_day(facts.born);
        (Just(facts), day)
    })
}

/// Standings that rest on a grant by somebody whose word counts, or might.
fn rests_on_a_grant(standing: ConsentStanding) -> bool {
    use ConsentStanding as S;
    matches!(
        standing,
        S::Child
            | S::Parent
            | S::YoungPerson
            | S::Representative
            | S::AlternativePerson
            | S::AuthorisedParent
            | S::Both
            | S::UnderstandingNotRecorded
            | S::NeedsDetermination
    )
}

fn consent_of(facts: &RightsFacts, id: Option<sendhub_domain::exchange::RightsRecordId>) -> Vec<&Consent> {
    facts
        .consents
        .iter()
        .filter(|one| Some(one.head.id) == id)
        .collect()
}

fn is_young(status: AgeStatus) -> bool {
    matches!(
        status,
        AgeStatus::YoungPersonUnder16 | AgeStatus::YoungPerson16To17 | AgeStatus::YoungPerson18To24
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Exactly one right-holder, or a determination is needed; it is the young person or a stand-in exactly when
    /// the status is a young person's, a stand-in only from 16 and only with a finding, and the holder, ability
    /// and status never contradict each other.
    #[test]
    fn exactly_one_right_holder((facts, day) in facts_and_day()) {
        let answer = with_scope(|scope| facts.holder_on(&Decision::Disclosure(*scope), day));
        let ability = with_scope(|scope| facts.ability_for(scope, day));
        let status = facts.status_on(day);
        prop_assert_eq!(answer.status, status);
        let groups = [
            matches!(answer.holder, Holder::ChildsParent | Holder::ChildsParentsRepresentative),
            answer.holder.is_young_persons(),
            answer.holder == Holder::Nobody,
            answer.holder == Holder::NeedsDetermination,
        ];
        let expected = [
            matches!(status, AgeStatus::ChildBelowCsa | AgeStatus::ChildOfCsa),
            is_young(status),
            matches!(status, AgeStatus::Over25 | AgeStatus::NotYetBorn),
            status == AgeStatus::NeedsDetermination,
        ];
        prop_assert_eq!(groups, expected);
        if answer.holder.is_young_persons() {
            let stands_in = answer.holder != Holder::YoungPerson;
            prop_assert_eq!(stands_in, ability == Ability::LacksCapacity);
            prop_assert!(!stands_in || day >= anniversary(facts.born, 16));
        }
        prop_assert_eq!(answer.holder == Holder::Representative, answer.appointment.is_some());
    }

    /// A parent's consent never stands as a parent's, nor waits for understanding, on or after the day on which
    /// rights passed; and nothing given before that day by a parent stands at all.
    #[test]
    fn a_parents_consent_ends_when_rights_pass((facts, day) in facts_and_day()) {
        let answer = with_scope(|scope| facts.consent_standing(scope, day));
        if let RightsPass::On(passed) = facts.rights_pass(day) && day >= passed {
            prop_assert!(!matches!(answer.standing, ConsentStanding::Parent | ConsentStanding::Both | ConsentStanding::NeedsDetermination));
            for consent in consent_of(&facts, answer.by) {
                if rests_on_a_grant(answer.standing) && consent.giver != Giver::Subject {
                    prop_assert!(answer.standing != ConsentStanding::UnderstandingNotRecorded);
                    if matches!(consent.giver, Giver::Parent(_)) {
                        prop_assert!(consent.given_on >= passed);
                    }
                }
            }
        }
    }

    /// What rests on a grant rests on one that was given, speaks of the disclosure, has effect, and was not
    /// withdrawn.
    #[test]
    fn what_stands_was_given_and_not_withdrawn((facts, day) in facts_and_day()) {
        let answer = with_scope(|scope| facts.consent_standing(scope, day));
        if rests_on_a_grant(answer.standing) {
            for by in [answer.by, answer.also.or(answer.by)] {
                let good = consent_of(&facts, by).into_iter().any(|one| {
                    one.decision == ConsentDecision::Granted
                        && one.given_on <= day
                        && one.valid.holds_on(day)
                        && one.withdrawn_on.is_none_or(|withdrawn| day < withdrawn)
                        && with_scope(|scope| one.reach.covers(scope))
                });
                prop_assert!(good, "{:?}", answer);
            }
        }
        prop_assert_eq!(answer.by.is_none(), answer.standing == ConsentStanding::None);
    }

    /// Withdrawing every grant leaves nothing that stands, whatever else is recorded.
    #[test]
    fn withdrawn_consents_never_stand((mut facts, day) in facts_and_day()) {
        for consent in &mut facts.consents {
            consent.withdrawn_on = Some(consent.withdrawn_on.map_or(day, |on| on.min(day)));
        }
        let answer = with_scope(|scope| facts.consent_standing(scope, day));
        prop_assert!(!rests_on_a_grant(answer.standing), "{:?}", answer);
    }

    /// Scopes are monotone: where nothing stands, narrowing what was granted never makes something stand, and
    /// where something stands, widening what was granted never ends it. (Withdrawn grants are left out: widening
    /// one widens its withdrawal.)
    #[test]
    fn scopes_are_monotone((mut facts, day) in facts_and_day()) {
        facts.consents.retain(|one| one.withdrawn_on.is_none());
        let before = with_scope(|scope| facts.consent_standing(scope, day)).standing;
        let mut wider = facts.clone();
        let mut narrower = facts;
        for consent in wider.consents.iter_mut().filter(|one| one.decision == ConsentDecision::Granted) {
            consent.reach = Reach::ANY;
        }
        for consent in narrower.consents.iter_mut().filter(|one| one.decision == ConsentDecision::Granted) {
            consent.reach.items = Covers::Only(vec![]);
        }
        let widened = with_scope(|scope| wider.consent_standing(scope, day)).standing;
        let narrowed = with_scope(|scope| narrower.consent_standing(scope, day)).standing;
        prop_assert!(!rests_on_a_grant(before) || rests_on_a_grant(widened), "{} {}", before, widened);
        prop_assert!(!rests_on_a_grant(narrowed), "{}", narrowed);
    }

    /// The day on which rights pass is the first day of a young person's status.
    #[test]
    fn rights_pass_on_the_first_day_as_a_young_person(facts in any_facts()) {
        match facts.rights_pass(Date::MIN) {
            RightsPass::On(passed) => {
                prop_assert!(is_young(facts.status_on(passed)));
                prop_assert!(!is_young(facts.status_on(passed.yesterday().unwrap())));
            }
            RightsPass::Undetermined { earliest, latest } => {
                prop_assert_eq!(facts.status_on(earliest), AgeStatus::NeedsDetermination);
                prop_assert_eq!(facts.status_on(latest.yesterday().unwrap()), AgeStatus::NeedsDetermination);
                prop_assert!(is_young(facts.status_on(latest)));
                prop_assert_eq!(facts.status_on(earliest.yesterday().unwrap()), AgeStatus::ChildOfCsa);
            }
        }
    }
}
