//! Disclosures: the table of vectors, what no facts may ever permit, what safeguarding and courts always may.

use jiff::civil::{Date, date};
use proptest::prelude::*;
use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{
    Ability, AgreementStanding, BreakGlass, ConsentStanding, Ground, GroundProof, Item, RecipientRole,
    ReferralStanding,
};
use sendhub_domain::exchange::DeliveryState;
use sendhub_policy::{
    Confidence, Continuation, DisclosureFacts, DisclosureTable, Effect, Exclusion, FamilyView, PolicySet,
    Question, RecipientParty, Stage,
};

const TODAY: Date = date(2026, 11, 23);
const VECTORS: &str = include_str!("vectors/disclosure_policy.csv");

fn on(facts: DisclosureFacts) -> Question {
    Question {
        on: TODAY,
        facts: facts.into(),
    }
}

#[test]
fn every_vector_holds_effect_and_reason() {
    let table = DisclosureTable::parse(VECTORS).unwrap();
    assert_eq!(table.rows.len(), 25);
    let report = PolicySet::built_in().unwrap().run_disclosure_table(&table, TODAY);
    assert!(
        report.differing.is_empty() && report.unnamed.is_empty(),
        "{report:#?}"
    );
    let sure = table
        .rows
        .iter()
        .filter(|row| row.confidence == Confidence::A)
        .count();
    assert_eq!((report.held_a, report.held_b), (sure, 25 - sure));
}

/// Rows in the style of the vectors, with the effect that law.md's order gives.
const MORE: &str = "\
id,item,sender,recipient,subject_status,understanding_or_capacity,consent_from,ground_claimed,expected,reason_code,authority,confidence
M01,EHC_PLAN,LA,ICB,CHILD_OF_CSA,n/a,none,STATUTORY_SEND_FINAL,ALLOW,DUTY_SEND_FINAL_PLAN,reg 13(2),A
M02,EHC_PLAN,LA,parent,CHILD_OF_CSA,n/a,none,STATUTORY_SEND_FINAL,ALLOW,DUTY_SEND_FINAL_PLAN,reg 13(2),A
M03,EHC_PLAN,LA,youth club,CHILD_OF_CSA,insufficient understanding,parent,none,ALLOW,CONSENT_PARENT,reg 17(3),B
M04,EHC_PLAN,LA,youth club,CHILD_OF_CSA,sufficient understanding,parent,none,DENY,CONSENT_WRONG_GIVER,reg 17(2),B
M05,EHC_PLAN,LA,employer,YOUNG_PERSON_18_24,has capacity,parent,none,DENY,CONSENT_WRONG_GIVER,reg 17(1),B
M06,EHC_PLAN,LA,employer,YOUNG_PERSON_18_24,lacks capacity (recorded for this decision),parent (a deputy exists),none,DENY,CONSENT_WRONG_GIVER,reg 64,B
M07,EHC_PLAN,school,next school,CHILD_OF_CSA,n/a,none,INTERESTS_OF_CHILD without LA opinion,DENY,REG17_1A_OPINION_MISSING,reg 17(1)(a),B
M08,EHC_PLAN,LA,First-tier Tribunal,CHILD_OF_CSA,n/a,none,APPEAL,ALLOW,REG17_1B_APPEAL,reg 17(1)(b),B
M09,EHC_PLAN,LA,police,CHILD_OF_CSA,n/a,none,COURT_ORDER (bare police enquiry),DENY,REG17_1D_ORDER_MISSING,reg 17(1)(d),B
M10,EHC_PLAN,LA,police,CHILD_OF_CSA,n/a,none,COURT_ORDER with criminal proceedings reference,ALLOW,REG17_1D_COURT,reg 17(1)(d),B
M11,EHC_PLAN,LA,Secretary of State,CHILD_OF_CSA,n/a,none,SECRETARY_OF_STATE,ALLOW,REG17_1F_SECRETARY_OF_STATE,reg 17(1)(f),B
M12,EHC_PLAN,LA,Ofsted inspector,CHILD_OF_CSA,n/a,none,INSPECTION,ALLOW,REG17_1I_INSPECTION,reg 17(1)(i),B
M13,EHC_PLAN,LA,DSA assessor,YOUNG_PERSON_18_24,has capacity,none,DSA with young person request on file,ALLOW,REG17_1J_DSA,reg 17(1)(j),B
M14,EHC_PLAN,LA,university principal,YOUNG_PERSON_18_24,has capacity,young person's request,HIGHER_EDUCATION,ALLOW,REG17_1K_HIGHER_EDUCATION,reg 17(1)(k),B
M15,PUPIL_RECORD,academy,next school in UK,CHILD_OF_CSA,n/a,refused by parent,STATUTORY_TRANSFER,ALLOW,POWER_ACADEMY_TRANSFER,own powers,A
M16,PUPIL_RECORD,independent school,next school in UK,CHILD_OF_CSA,n/a,none,STATUTORY_TRANSFER,ALLOW,TASK_PUPIL_INTERESTS,none found,B
M17,PUPIL_RECORD,maintained school,MOD school overseas,CHILD_OF_CSA with a serving parent,n/a,none,STATUTORY_TRANSFER,ALLOW,SERVICE_CHILD_TRANSFER,Code 10.53,B
M18,CP_FILE,school DSL,next school SENCO,CHILD_OF_CSA,n/a,none,SAFEGUARDING,DENY,RECIPIENT_NOT_PERMITTED,KCSIE,A
M19,ADVICE_REQUEST,LA,educational psychologist,CHILD_OF_CSA,n/a,none,\"REG6 existing EP advice; author, LA and family all agree it is sufficient\",DENY,EXISTING_ADVICE_SUFFICES,reg 6(4),A
M20,S23_NOTICE,NHS trust,LA,CHILD_BELOW_CSA,n/a,none; parent not informed,S23,DENY,S23_STEPS_MISSING,CFA s.23,A
M21,REVIEW_INVITE,school,young person,YOUNG_PERSON_16_17,has capacity,none,REG20,ALLOW,DUTY_INVITE,reg 20(2)(a),A
M22,REVIEW_INVITE,school,parent,YOUNG_PERSON_16_17,has capacity,young person agrees,REG20,ALLOW,REVIEW_PARENT_AGREED,Code 8.14,B
M23,REVIEW_INVITE,school,health professional named by ICB,CHILD_OF_CSA,n/a,none,REG20,ALLOW,DUTY_INVITE,reg 20(2)(d),A
M24,DEREGISTRATION,special school (pupil placed by LA),LA,CHILD_OF_CSA,n/a,parent's written notice,HOME_EDUCATION,HOLD,DEREGISTRATION_CONSENT_NEEDED,SI 2024/208 reg 9,B
M25,WELFARE_CONTACT,college,parent,YOUNG_PERSON_18_24,has capacity,none,WELFARE_CONCERN,DENY,WELFARE_NOT_UNDER_18,Code 8.17,A
M26,EHC_APPENDIX_ADVICE,LA,named school,CHILD_OF_CSA,n/a,none,STATUTORY_SEND_FINAL,ALLOW,DUTY_SEND_FINAL_PLAN,reg 17(5),A
M27,EHC_PLAN,LA,school being consulted,CHILD_OF_CSA,n/a,none,STATUTORY_CONSULTATION,ALLOW,DUTY_CONSULT_INSTITUTION,CFA s.39,A
M29,EHC_PLAN,school,next school,CHILD_OF_CSA,n/a,none,INTERESTS_OF_CHILD (school's own opinion),DENY,REG17_1A_OPINION_MISSING,reg 17(1)(a),B
M30,EHC_PLAN,LA,intended HE institution,YOUNG_PERSON_18_24,has capacity,none,HE with young person request,ALLOW,REG17_1K_HIGHER_EDUCATION,reg 17(1)(k),B
M31,EHC_PLAN,LA,police,CHILD_OF_CSA,n/a,none,POLICE_ENQUIRY,DENY,REG17_1D_ORDER_MISSING,reg 17(1)(d),B
M32,CP_FILE,school DSL,next school office (not DSL),CHILD_OF_CSA,n/a,none,SAFEGUARDING,DENY,RECIPIENT_NOT_PERMITTED,KCSIE,A
M33,REVIEW_INVITE,school,parent,YOUNG_PERSON_16_17,has capacity,young person (asks that the parent comes),REG20,ALLOW,REVIEW_PARENT_AGREED,Code 8.14,B
M34,S23_NOTICE,NHS trust,LA,CHILD_BELOW_CSA,n/a,refused by parent; parent informed and offered discussion,S23,ALLOW,DUTY_S23,CFA s.23,A
M35,DEREGISTRATION,special school (placed by LA),LA,CHILD_OF_CSA,n/a,parent's written notice; LA consents,HOME_EDUCATION,ALLOW,DEREGISTRATION_CONSENT_GIVEN,SI 2024/208,B
M36,EHC_PLAN,LA,youth club,NEEDS_DETERMINATION,n/a,both parent and pupil,none,ALLOW,CONSENT_BOTH,EA 1996 s.8,B
M37,EHC_PLAN,LA,youth club,NEEDS_DETERMINATION,n/a,parent,none,REFER,STATUS_NEEDS_DETERMINATION,EA 1996 s.8,B
M38,EHC_PLAN,LA,college named in the plan,OVER_25 with s.46 continuation,n/a,none,STATUTORY_SEND_FINAL,ALLOW,DUTY_SEND_FINAL_PLAN,CFA s.46,B
M39,EHC_PLAN,LA,college named in the plan,OVER_25 (no continuation),n/a,none,STATUTORY_SEND_FINAL,DENY,OVER_25_NO_CONTINUATION,CFA s.46,B
M40,EHC_PLAN,LA,researcher without an undertaking,CHILD_OF_CSA,n/a,none,RESEARCH,DENY,REG17_1C_UNDERTAKING_MISSING,reg 17(1)(c),B
M41,ADVICE_REQUEST,LA,Secretary of State for Defence,CHILD_OF_CSA (no serving parent),n/a,none,REG6,DENY,RECIPIENT_NOT_PERMITTED,reg 6(1)(b)(iv),B
M28,EHC_PLAN,LA,employer,YOUNG_PERSON_16_17,lacks capacity (recorded for another decision),parent,none,DENY,CONSENT_WRONG_GIVER,MCA 2005,B
";

#[test]
fn rows_in_the_same_style_are_read_and_hold() {
    let table = DisclosureTable::parse(MORE).unwrap();
    let report = PolicySet::built_in().unwrap().run_disclosure_table(&table, TODAY);
    assert!(
        report.differing.is_empty() && report.unnamed.is_empty(),
        "{report:#?}"
    );
    assert_eq!(report.held_a + report.held_b, 41);
}

/// Rows that say the same in other words; a reason `EFFECT_ONLY` leaves the reason open.
#[test]
fn other_words_for_the_same_are_read() {
    let table = DisclosureTable::parse(include_str!("vectors/disclosure_prose.csv")).unwrap();
    let report = PolicySet::built_in().unwrap().run_disclosure_table(&table, TODAY);
    assert!(report.differing.is_empty(), "{:#?}", report.differing);
    let open = report
        .unnamed
        .iter()
        .all(|row| row.expected.ends_with("EFFECT_ONLY"));
    assert!(open && table.rows.len() == 60, "{:#?}", report.unnamed);
}

#[test]
fn a_word_that_is_not_known_makes_the_row_differ() {
    let rules = PolicySet::built_in().unwrap();
    let mut lines = VECTORS.lines();
    let head = lines.next().unwrap();
    let first = lines.next().unwrap();
    for (from, to) in [
        ("named school", "somebody"),
        ("EHC_PLAN", "EHC_PLN"),
        (",LA,", ",Martians,"),
        ("CHILD_OF_CSA", "CHILD"),
        ("n/a", "purple"),
        (",none,", ",the cat,"),
        ("STATUTORY_SEND_FINAL", "STATUTORY"),
    ] {
        assert!(first.contains(from), "{from}");
        let text = format!("{head}\n{}\n", first.replacen(from, to, 1));
        let report = rules.run_disclosure_table(&DisclosureTable::parse(&text).unwrap(), TODAY);
        assert_eq!(report.differing.len(), 1, "{to}");
        assert!(
            report.differing[0].found.starts_with("cannot be read:"),
            "{report:?}"
        );
    }
}

#[test]
fn a_reason_that_no_rule_has_is_told_apart_and_a_broken_table_is_refused() {
    let rules = PolicySet::built_in().unwrap();
    let unnamed = VECTORS.replace("DUTY_TRANSFER_PLAN", "DUTY_OF_ANOTHER_NAME");
    let report = rules.run_disclosure_table(&DisclosureTable::parse(&unnamed).unwrap(), TODAY);
    assert_eq!((report.unnamed.len(), report.differing.len()), (1, 0));
    let other = VECTORS.replace("DUTY_TRANSFER_PLAN", "REG17_NO_CONSENT");
    let report = rules.run_disclosure_table(&DisclosureTable::parse(&other).unwrap(), TODAY);
    assert_eq!((report.unnamed.len(), report.differing.len()), (0, 1));
    for (from, to) in [
        ("ground_claimed", "ground"),
        ("ALLOW", "PERHAPS"),
        ("POL001,", "POL001,,"),
        ("LA,named school", "\"LA,named school"),
    ] {
        assert!(
            DisclosureTable::parse(&VECTORS.replacen(from, to, 1)).is_err(),
            "{from}"
        );
    }
}

fn recipients() -> Vec<RecipientParty> {
    let agencies = AgencyKind::ALL.iter().flat_map(|kind| {
        [AgencyStatus::Active, AgencyStatus::Suspended].map(|status| RecipientParty::Agency(*kind, status))
    });
    agencies
        .chain([
            RecipientParty::Outside,
            RecipientParty::Outside,
            RecipientParty::Sender,
        ])
        .collect()
}

fn any_facts() -> impl Strategy<Value = DisclosureFacts> {
    (
        (
            proptest::sample::select(Item::ALL),
            proptest::sample::select(AgencyKind::ALL),
            proptest::sample::select(recipients()),
            proptest::sample::select(RecipientRole::ALL),
            proptest::sample::select(AgeStatus::ALL),
            proptest::sample::select(Ground::ALL),
            proptest::sample::select(GroundProof::ALL),
            proptest::sample::select(Ability::ALL),
            proptest::sample::select(ConsentStanding::ALL),
        ),
        (
            proptest::sample::select(vec![
                FamilyView::NotRecorded,
                FamilyView::Agrees,
                FamilyView::Refuses,
            ]),
            proptest::sample::select(AgreementStanding::ALL),
            proptest::sample::select(ReferralStanding::ALL),
            proptest::sample::select(BreakGlass::ALL),
            any::<bool>(),
            any::<bool>(),
            proptest::option::of(proptest::sample::select(DeliveryState::ALL)),
        ),
    )
        .prop_map(
            |((item, from, to, role, status, ground, proof, ability, consent), rest)| {
                let (family_view, agreement, referral, break_glass, excluded, continued, collect) = rest;
                DisclosureFacts {
                    stage: collect.map_or(Stage::Submit, Stage::Collect),
                    ground,
                    proof,
                    ability,
                    consent,
                    family_view,
                    agreement,
                    referral,
                    break_glass,
                    excluded: if excluded {
                        Exclusion::Excluded
                    } else {
                        Exclusion::No
                    },
                    plan_continuation: if continued {
                        Continuation::Recorded
                    } else {
                        Continuation::None
                    },
                    ..DisclosureFacts::new(item, from, to, role, status)
                }
            },
        )
}

/// A claim that can carry a plan without consent: a duty, a ground of reg 17(1), or the broken glass.
fn claims(facts: &DisclosureFacts) -> bool {
    let duty = matches!(
        facts.ground,
        Ground::StatutorySendFinal
            | Ground::StatutoryTransfer
            | Ground::StatutoryConsultation
            | Ground::StatutoryDraft
            | Ground::Reg6
    ) && facts.sender_kind == AgencyKind::LocalAuthority;
    let lettered = matches!(
        facts.ground,
        Ground::InterestsOfChild
            | Ground::Appeal
            | Ground::Research
            | Ground::CourtOrder
            | Ground::Maladministration
            | Ground::SecretaryOfState
            | Ground::DisabledPersonsAct
            | Ground::ChildrenAct
            | Ground::Inspection
            | Ground::Dsa
            | Ground::HigherEducation
    ) && facts.proof == GroundProof::Proven;
    let broken = facts.break_glass == BreakGlass::WithReason
        && matches!(facts.ground, Ground::Safeguarding | Ground::CourtOrder);
    duty || lettered || broken
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_never_goes_on_a_consent_that_does_not_stand(
        mut facts in any_facts(),
        appendix in any::<bool>(),
        standing in proptest::sample::select(vec![
            ConsentStanding::None, ConsentStanding::Withdrawn, ConsentStanding::Lapsed, ConsentStanding::Refused,
            ConsentStanding::WrongGiver, ConsentStanding::OutOfScope, ConsentStanding::Expired,
        ]),
    ) {
        thread_local! { static RULES: PolicySet = PolicySet::built_in().unwrap(); }
        facts.item = if appendix { Item::EhcAppendixAdvice } else { Item::EhcPlan };
        facts.consent = standing;
        // What a named person signed after a referral is not a consent.
        facts.referral = ReferralStanding::NotDecided;
        let decision = RULES.with(|rules| rules.decide(&on(facts)));
        prop_assert!(decision.effect != Effect::Permit || claims(&facts), "{:?} {:?}", facts, decision);
    }

    #[test]
    fn whatever_is_asked_the_parties_take_part_and_an_answer_is_whole(facts in any_facts()) {
        thread_local! { static RULES: PolicySet = PolicySet::built_in().unwrap(); }
        let decision = RULES.with(|rules| rules.decide_afresh(&on(facts)));
        prop_assert!(!decision.rule_id.is_empty() && !decision.provision.is_empty());
        prop_assert_eq!(decision.remedy.is_none(), decision.effect == Effect::Permit, "{:?}", decision);
        if decision.effect == Effect::Permit {
            let takes_part = match facts.recipient {
                RecipientParty::Agency(kind, status) => {
                    status == AgencyStatus::Active && kind != AgencyKind::HubOperator
                }
                RecipientParty::Outside => true,
                RecipientParty::Sender => false,
            };
            let open = !matches!(facts.stage, Stage::Collect(state) if !state.is_open());
            prop_assert!(takes_part && open && facts.sender_kind != AgencyKind::HubOperator, "{:?}", facts);
        }
    }

    #[test]
    fn safeguarding_and_courts_stay_open(facts in any_facts(), court in any::<bool>()) {
        thread_local! { static RULES: PolicySet = PolicySet::built_in().unwrap(); }
        let facts = DisclosureFacts {
            stage: Stage::Submit,
            sender_kind: AgencyKind::MaintainedSchool,
            recipient: RecipientParty::Outside,
            ground: if court { Ground::CourtOrder } else { Ground::Safeguarding },
            break_glass: BreakGlass::WithReason,
            ..facts
        };
        let decision = RULES.with(|rules| rules.decide(&on(facts)));
        prop_assert!(matches!(decision.effect, Effect::Permit | Effect::Hold), "{:?} {:?}", facts, decision);
    }
}
