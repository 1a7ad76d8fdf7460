//! Requests of the assessment service as steps of the case, at sending and when a stored case is made anew.

use jiff::civil::Date;
use prost::Message as _;
use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::types::v1::{Answer, Date as WireDate};
use sendhub_contracts::validate::At;
use sendhub_contracts::{convert, types};
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::assessment::{
    AdviserKind, AssessmentCase, AssessmentStep, CaseOpening, ConsultationAnswer, ExceptionGround, FamilyAsk,
    SectionI,
};
use sendhub_domain::disclosure::RecipientRole;
use sendhub_domain::exchange::ExchangeId;
use sendhub_store::Directory;

use super::intake::methods;
use crate::exchange::handing::any_exchange;
use crate::exchange::matters::Step;
use crate::hub::Hub;
use crate::judge::find;

/// A wire date that the contract's validation has let through; none when it is no day of the calendar.
pub(crate) fn day(wire: Option<&WireDate>) -> Option<Date> {
    convert::date(wire, &At::Root, &mut Vec::new())
}

/// An agency that a request names, if the directory has it.
pub(crate) fn agency(
    reference: Option<&types::v1::AgencyReference>,
    directory: &Directory,
) -> Option<AgencyId> {
    find(reference?, directory)
        .ok()
        .flatten()
        .map(|agency| agency.id.clone())
}

/// Yes, no, or not known.
pub(crate) const fn known(answer: Answer) -> Option<bool> {
    match answer {
        Answer::Yes => Some(true),
        Answer::No => Some(false),
        Answer::Unspecified | Answer::Unknown | Answer::Refused => None,
    }
}

pub(crate) const fn adviser_kind(kind: wire::AdviserKind) -> Option<AdviserKind> {
    use wire::AdviserKind as Wire;
    Some(match kind {
        Wire::Education => AdviserKind::Education,
        Wire::ModEducation => AdviserKind::SecretaryOfStateForDefence,
        Wire::Medical => AdviserKind::Health,
        Wire::Psychological => AdviserKind::EducationalPsychologist,
        Wire::SocialCare => AdviserKind::SocialCare,
        Wire::PreparationForAdulthood => AdviserKind::Adulthood,
        Wire::SensorySpecialist => AdviserKind::SensoryTeacher,
        Wire::RequestedByFamily => AdviserKind::FamilyAsked,
        Wire::Other => AdviserKind::Other,
        Wire::Unspecified => return None,
    })
}

/// An adviser's kind for the wire. The family's own views are not asked of an agency.
pub(crate) const fn wire_adviser_kind(kind: AdviserKind) -> wire::AdviserKind {
    use wire::AdviserKind as Wire;
    match kind {
        AdviserKind::Education => Wire::Education,
        AdviserKind::SecretaryOfStateForDefence => Wire::ModEducation,
        AdviserKind::Health => Wire::Medical,
        AdviserKind::EducationalPsychologist => Wire::Psychological,
        AdviserKind::SocialCare => Wire::SocialCare,
        AdviserKind::Adulthood => Wire::PreparationForAdulthood,
        AdviserKind::SensoryTeacher => Wire::SensorySpecialist,
        AdviserKind::FamilyAsked => Wire::RequestedByFamily,
        AdviserKind::Other => Wire::Other,
        AdviserKind::FamilyViews => Wire::Unspecified,
    }
}

const fn ground(ground: wire::ExceptionGround) -> ExceptionGround {
    match ground {
        wire::ExceptionGround::SchoolClosed => ExceptionGround::SchoolClosed,
        wire::ExceptionGround::EarlyYearsClosed => ExceptionGround::EarlyYearsClosed,
        wire::ExceptionGround::AbsentFromArea => ExceptionGround::AbsentFromArea,
        wire::ExceptionGround::MissedAppointment => ExceptionGround::MissedAppointment,
        wire::ExceptionGround::PersonalCircumstances | wire::ExceptionGround::Unspecified => {
            ExceptionGround::PersonalCircumstances
        }
    }
}

/// The opening of a case.
pub(crate) fn opening(
    content: &wire::CaseOpening,
    authority: &AgencyId,
    directory: &Directory,
) -> Option<CaseOpening> {
    Some(CaseOpening {
        reassessment: content.trigger() == wire::CaseTrigger::Reassessment,
        authority: authority.clone(),
        received_on: day(content.received_on.as_ref())?,
        serving_parent: known(content.serving_parent()),
        hearing_impaired: known(content.hearing_impairment()) == Some(true),
        vision_impaired: known(content.vision_impairment()) == Some(true),
        year_9_or_beyond: known(content.in_or_beyond_year_9()),
        attends: agency(content.attends_institution.as_ref(), directory),
        family_asks: content
            .consult_requested
            .iter()
            .map(|asked| match agency(asked.agency.as_ref(), directory) {
                Some(agency) => FamilyAsk::Agency(agency),
                None => FamilyAsk::Role(asked.profession.clone()),
            })
            .collect(),
    })
}

/// A request for advice, to this adviser.
pub(crate) fn request_advice(
    content: &wire::AdviceRequestContent,
    adviser: &AgencyId,
    adviser_agency: AgencyKind,
) -> Option<AssessmentStep> {
    let views = content.family_views.as_ref();
    Some(AssessmentStep::RequestAdvice {
        kind: adviser_kind(content.adviser_kind())?,
        adviser: adviser.clone(),
        adviser_agency,
        // The directory has no kind for youth offending teams: they come under their authority.
        youth_justice: false,
        statutory: content.request_kind() != wire::AdviceRequestKind::ExistingInformation,
        representations_enclosed: views
            .is_some_and(|views| !views.text.is_empty() || !views.documents.is_empty()),
        received_on: day(content.received_by_adviser_on.as_ref()),
    })
}

/// An adviser's answer, or the authority's clarification.
pub(crate) fn response(content: &wire::AdviceResponseContent, request: ExchangeId) -> Option<AssessmentStep> {
    use wire::advice_response_content::Answer as Said;
    Some(match content.answer.as_ref()? {
        Said::Acknowledgement(_) => AssessmentStep::AcknowledgeRequest { request },
        Said::NotKnownToService(_) => AssessmentStep::SayNotKnown { request },
        Said::Exception(claim) => AssessmentStep::ClaimException {
            request,
            ground: ground(claim.ground()),
            evidence: !claim.evidence.trim().is_empty() || !claim.documents.is_empty(),
            period: day(claim.from.as_ref()).map(|from| (from, day(claim.until.as_ref()))),
        },
        Said::ClarificationNeeded(_) => AssessmentStep::AskClarification { request },
        Said::Clarification(_) => AssessmentStep::Clarify { request },
    })
}

/// Advice returned.
pub(crate) fn advice(content: &wire::AdviceContent, request: ExchangeId) -> AssessmentStep {
    let structured = !content.needs.is_empty()
        && ((!content.outcomes.is_empty() && !content.provisions.is_empty())
            || content.no_provision_needed.is_some());
    AssessmentStep::ReturnAdvice {
        request,
        covers_needs_provision_outcomes: structured || content.unstructured,
    }
}

/// What the authority made of advice. For existing advice the author is whom the envelope names.
pub(crate) fn advice_decision(
    content: &wire::AdviceDecisionContent,
    request: Option<ExchangeId>,
    author: Option<&AgencyId>,
) -> Option<AssessmentStep> {
    use wire::advice_decision_content::Decision;
    Some(match content.decision.as_ref()? {
        Decision::Accept(_) => AssessmentStep::AcceptAdvice { request: request? },
        Decision::SendBack(back) => AssessmentStep::SendBack {
            request: request?,
            reasons: !back.reasons.trim().is_empty(),
        },
        Decision::UseExisting(existing) => AssessmentStep::TakeExistingAdvice {
            kind: adviser_kind(existing.kind())?,
            author: author.cloned(),
            author_agrees: existing.author_agrees() == Answer::Yes,
            authority_agrees: existing.authority_agrees() == Answer::Yes,
            family_agrees: existing.family_agrees() == Answer::Yes,
        },
    })
}

/// What a plan comes to, by its stage. Sharing it with a further recipient is no step of the case.
pub(crate) fn plan(
    content: &wire::PlanContent,
    new_authority: Option<&AgencyId>,
    directory: &Directory,
    today: Date,
) -> Vec<AssessmentStep> {
    let section_i = content.section_i.as_ref();
    let institution = content
        .named_institution
        .as_ref()
        .or_else(|| section_i.and_then(|section| section.institution.as_ref()));
    match content.stage() {
        wire::PlanStage::Draft => vec![AssessmentStep::ServeDraft {
            served_on: day(content.served_on.as_ref()).unwrap_or(today),
            section_i_blank: institution.is_none()
                && section_i.is_none_or(|section| {
                    section.institution_name.is_empty() && section.institution_type.is_empty()
                }),
        }],
        wire::PlanStage::Final => vec![
            AssessmentStep::NameInstitution(match agency(institution, directory) {
                Some(named) => SectionI::Institution(named),
                None => SectionI::TypeOnly,
            }),
            AssessmentStep::SendFinalPlan,
        ],
        wire::PlanStage::AmendedFinal => vec![AssessmentStep::SendFinalPlan],
        wire::PlanStage::Transferred => match new_authority {
            Some(to) => vec![
                AssessmentStep::ReportMove {
                    to: to.clone(),
                    moves_on: day(content.moved_on.as_ref()).unwrap_or(today),
                    aware_on: day(content.aware_on.as_ref()).unwrap_or(today),
                    commissioner: None,
                },
                AssessmentStep::TransferPlan {
                    last_made_or_reviewed_on: day(content.last_reviewed_on.as_ref())
                        .or_else(|| day(content.made_on.as_ref())),
                },
            ],
            None => Vec::new(),
        },
        wire::PlanStage::AmendmentNotice
        | wire::PlanStage::Shared
        | wire::PlanStage::Extract
        | wire::PlanStage::Unspecified => Vec::new(),
    }
}

/// A school consulted.
pub(crate) fn consult(institution: &AgencyId) -> AssessmentStep {
    AssessmentStep::Consult {
        institution: institution.clone(),
    }
}

/// Its reply.
pub(crate) fn reply(content: &wire::ConsultationReplyContent, consultation: ExchangeId) -> AssessmentStep {
    AssessmentStep::ReplyToConsultation {
        consultation,
        answer: match content.answer() {
            wire::ConsultationAnswer::Unsuitable => ConsultationAnswer::Unsuitable,
            wire::ConsultationAnswer::Incompatible => ConsultationAnswer::Incompatible,
            wire::ConsultationAnswer::Yes | wire::ConsultationAnswer::Unspecified => ConsultationAnswer::Yes,
        },
        reasons: !content.reasons.trim().is_empty(),
    }
}

/// Makes a case anew from its stored steps. Whom a step was addressed to stands beside it, by the hub's own id.
pub(crate) fn replay(hub: &Hub, steps: &[Step<'_>]) -> Option<AssessmentCase> {
    let directory = hub.directory.load();
    let (first, rest) = steps.split_first()?;
    let request = wire::OpenCaseRequest::decode(first.request.as_slice()).ok()?;
    let (mut case, _) = AssessmentCase::open(
        opening(request.content.as_ref()?, first.by, &directory)?,
        first.by.clone(),
    );
    if !first.outside.copies.is_empty() {
        let _ = case.apply(
            AssessmentStep::TellOfConsidering,
            first.by,
            first.exchange,
            first.on,
        );
    }
    for step in rest {
        for taken in stored(step, &case, &directory)? {
            // It was lawful when it was taken; what follows from it stands in the clocks already.
            let _ = case.apply(taken, step.by, step.exchange, step.on);
        }
    }
    Some(case)
}

fn stored(step: &Step<'_>, case: &AssessmentCase, directory: &Directory) -> Option<Vec<AssessmentStep>> {
    let to = step
        .outside
        .copies
        .first()
        .and_then(|copy| AgencyId::parse(&copy.recipient).ok());
    let bytes = step.request.as_slice();
    Some(match step.outside.method.as_str() {
        methods::REQUEST_ADVICE => {
            let request = wire::RequestAdviceRequest::decode(bytes).ok()?;
            let to = to?;
            let kind = directory.agency(&to)?.kind;
            vec![request_advice(request.content.as_ref()?, &to, kind)?]
        }
        methods::RESPOND => {
            let content = wire::RespondToAdviceRequestRequest::decode(bytes).ok()?.content?;
            vec![response(&content, any_exchange(&content.advice_request)?)?]
        }
        methods::RETURN_ADVICE => {
            let content = wire::ReturnAdviceRequest::decode(bytes).ok()?.content?;
            vec![advice(&content, any_exchange(&content.advice_request)?)]
        }
        methods::DECIDE_ADVICE => {
            let content = wire::DecideAdviceRequest::decode(bytes).ok()?.content?;
            vec![advice_decision(
                &content,
                any_exchange(&content.advice_request),
                to.as_ref(),
            )?]
        }
        methods::RECORD_EVENT => super::events::steps(
            case,
            step.sent_as(RecipientRole::CommissioningBody).is_some(),
            wire::RecordCaseEventRequest::decode(bytes)
                .ok()?
                .content
                .as_ref()?,
        )?,
        methods::SEND_PLAN => plan(
            wire::SendPlanRequest::decode(bytes).ok()?.content.as_ref()?,
            step.sent_as(RecipientRole::NewLocalAuthority).as_ref(),
            directory,
            step.on,
        ),
        methods::CONSULT => vec![consult(&to?)],
        methods::REPLY => {
            let content = wire::ReplyToConsultationRequest::decode(bytes).ok()?.content?;
            vec![reply(&content, any_exchange(&content.consultation)?)]
        }
        _ => Vec::new(),
    })
}
