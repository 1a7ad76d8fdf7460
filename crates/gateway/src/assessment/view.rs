//! A case as its participants see it: the authority all of it, another only its own part. Nothing personal.

use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::convert;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::assessment::{AdviceStage, AdviserStanding, AssessmentCase, AssessmentState, FamilyAsk};
use sendhub_store::change::ClockState;

use super::steps::wire_adviser_kind;
use crate::exchange::draft::name;
use crate::exchange::header::Outside;
use crate::exchange::matters::OpenMatter;
use crate::exchange::running::wire_started;
use crate::hub::day_in_england;

/// Whom the Regulations require the authority to ask.
pub(crate) fn required(case: &AssessmentCase) -> Vec<wire::AdviserRequirement> {
    case.required_advisers()
        .into_iter()
        .map(|one| wire::AdviserRequirement {
            kind: wire_adviser_kind(one.kind).into(),
            agency_id: match &one.family_ask {
                Some(FamilyAsk::Agency(agency)) => agency.to_string(),
                _ => String::new(),
            },
            reason: one.why.to_owned(),
            provision: one.provision.to_owned(),
            confidence: String::new(),
        })
        .collect()
}

/// The case for one of its participants.
pub(crate) fn case(open: &OpenMatter, viewer: &AgencyId) -> Result<wire::AssessmentCase, Refusal> {
    let case = open.assessment()?;
    // After a transfer the new authority has the whole, and the former one its own part.
    let owner = case.authority() == viewer;
    let mut advisers: Vec<wire::CaseAdviser> = case
        .requests()
        .iter()
        .filter(|asked| owner || asked.adviser == *viewer)
        .map(|asked| wire::CaseAdviser {
            kind: wire_adviser_kind(asked.kind).into(),
            agency_id: asked.adviser.to_string(),
            state: stage(asked.stage, asked.exception.is_some()).into(),
            due_on: asked.due_on.map(convert::wire_date),
            advice_request: name(asked.request),
            provision: String::new(),
        })
        .collect();
    let existing = case
        .existing_advice()
        .iter()
        .filter(|(_, author)| owner || author.as_ref() == Some(viewer));
    advisers.extend(existing.map(|(kind, author)| wire::CaseAdviser {
        kind: wire_adviser_kind(*kind).into(),
        agency_id: author.as_ref().map(ToString::to_string).unwrap_or_default(),
        state: wire::AdviserState::ExistingAdvice.into(),
        provision: "SEND Regulations 2014 reg 6(4)".to_owned(),
        ..wire::CaseAdviser::default()
    }));
    if owner {
        let missing = case
            .required_advisers()
            .into_iter()
            .filter(|one| one.standing == AdviserStanding::NotAsked)
            .filter(|one| wire_adviser_kind(one.kind) != wire::AdviserKind::Unspecified);
        advisers.extend(missing.map(|one| wire::CaseAdviser {
            kind: wire_adviser_kind(one.kind).into(),
            state: wire::AdviserState::Required.into(),
            provision: one.provision.to_owned(),
            ..wire::CaseAdviser::default()
        }));
    }
    let mine = |owed_by: &AgencyId| owner || owed_by == viewer;
    let running = open
        .clocks
        .iter()
        .filter(|clock| clock.state == ClockState::Running && mine(&clock.owed_by));
    let exchanges = open.exchanges.iter().filter(|one| {
        owner || one.sender == *viewer || Outside::read(&one.header).standing(viewer).is_some()
    });
    Ok(wire::AssessmentCase {
        case: format!("cases/{}", open.record.case),
        kind: open.record.kind.code().to_owned(),
        state: case.state().code().to_owned(),
        authority_agency_id: case.authority().to_string(),
        opened_on: Some(convert::wire_date(day_in_england(open.record.opened_at))),
        ended_on: open
            .exchanges
            .last()
            .filter(|_| ended(case.state()))
            .map(|last| convert::wire_date(day_in_england(last.accepted_at))),
        advisers,
        warnings: if owner {
            case.warnings()
                .into_iter()
                .map(|warning| format!("{}: {} ({})", warning.code, warning.message, warning.provision))
                .collect()
        } else {
            Vec::new()
        },
        clocks: running.map(wire_started).collect(),
        exchanges: exchanges
            .map(|one| wire::CaseExchange {
                exchange: name(one.exchange),
                kind: one.kind.code().to_owned(),
                sender_agency_id: one.sender.to_string(),
                accept_time: Some(convert::wire_time(one.accepted_at)),
            })
            .collect(),
        case_reference: open.record.case_reference.clone().unwrap_or_default(),
    })
}

const fn ended(state: AssessmentState) -> bool {
    matches!(
        state,
        AssessmentState::NotAssessing
            | AssessmentState::NoPlan
            | AssessmentState::PlanFinal
            | AssessmentState::Ceased
    )
}

const fn stage(stage: AdviceStage, exception: bool) -> wire::AdviserState {
    match stage {
        AdviceStage::Requested if exception => wire::AdviserState::ExceptionClaimed,
        AdviceStage::Acknowledged if exception => wire::AdviserState::ExceptionClaimed,
        AdviceStage::Requested => wire::AdviserState::Requested,
        AdviceStage::Acknowledged => wire::AdviserState::Acknowledged,
        AdviceStage::ClarificationAsked => wire::AdviserState::ClarificationNeeded,
        AdviceStage::NotKnown => wire::AdviserState::NotKnown,
        AdviceStage::Returned => wire::AdviserState::Returned,
        AdviceStage::SentBack => wire::AdviserState::SentBack,
        AdviceStage::Accepted => wire::AdviserState::Accepted,
        AdviceStage::Withdrawn | AdviceStage::Closed => wire::AdviserState::Superseded,
    }
}
