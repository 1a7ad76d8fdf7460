//! Requests of the review service as steps of the review, at sending and when a stored one is made anew.

use jiff::civil::Date;
use prost::Message as _;
use sendhub_contracts::assessment::v1::{PlanStage, SendPlanRequest};
use sendhub_contracts::review::v1 as wire;
use sendhub_contracts::types::v1::Answer;
use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::review::{
    InvitationAnswer, Invitee, InviteeRef, InviteeRole, PhaseTransfer, Recommendation, ReportContents,
    ReviewCall, ReviewCase, ReviewOutcome, ReviewState, ReviewStep,
};
use sendhub_store::Directory;

use super::methods;
use crate::assessment::intake::methods as assessments;
use crate::assessment::steps::{agency, day};
use crate::exchange::matters::Step;
use crate::hub::Hub;

const fn role(kind: wire::InviteeKind) -> InviteeRole {
    match kind {
        wire::InviteeKind::Parent => InviteeRole::Parent,
        wire::InviteeKind::YoungPerson => InviteeRole::YoungPerson,
        wire::InviteeKind::Institution => InviteeRole::Institution,
        wire::InviteeKind::LaSen => InviteeRole::LaSenOfficer,
        wire::InviteeKind::Health => InviteeRole::HealthProfessional,
        wire::InviteeKind::LaSocialCare => InviteeRole::LaSocialCare,
        wire::InviteeKind::YouthOffending
        | wire::InviteeKind::JobCoach
        | wire::InviteeKind::Post16
        | wire::InviteeKind::VirtualSchool
        | wire::InviteeKind::Other
        | wire::InviteeKind::Unspecified => InviteeRole::Other,
    }
}

/// An invitee's part for the wire.
pub(crate) const fn wire_role(role: InviteeRole) -> wire::InviteeKind {
    match role {
        InviteeRole::Parent | InviteeRole::AlternativePerson => wire::InviteeKind::Parent,
        InviteeRole::YoungPerson => wire::InviteeKind::YoungPerson,
        InviteeRole::Institution => wire::InviteeKind::Institution,
        InviteeRole::LaSenOfficer => wire::InviteeKind::LaSen,
        InviteeRole::HealthProfessional => wire::InviteeKind::Health,
        InviteeRole::LaSocialCare => wire::InviteeKind::LaSocialCare,
        InviteeRole::Other => wire::InviteeKind::Other,
    }
}

const fn phase(kind: wire::PhaseTransferKind) -> Option<PhaseTransfer> {
    Some(match kind {
        wire::PhaseTransferKind::EarlyYearsToSchool => PhaseTransfer::EarlyYearsToSchool,
        wire::PhaseTransferKind::InfantToJunior => PhaseTransfer::InfantToJunior,
        wire::PhaseTransferKind::PrimaryToMiddle => PhaseTransfer::PrimaryToMiddle,
        wire::PhaseTransferKind::PrimaryToSecondary => PhaseTransfer::PrimaryToSecondary,
        wire::PhaseTransferKind::MiddleToSecondary => PhaseTransfer::MiddleToSecondary,
        wire::PhaseTransferKind::SecondaryToPost16 => PhaseTransfer::SecondaryToPost16,
        wire::PhaseTransferKind::Post16ToPost16 | wire::PhaseTransferKind::Unspecified => return None,
    })
}

/// Facts of the person on the day of the call, which the call itself does not carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: AgeStatus,
    /// The young person has asked for the parent instead.
    pub(crate) asks_parent: bool,
    /// Somebody else acts for a young person who lacks capacity.
    pub(crate) alternative: bool,
}

/// The call of a review.
pub(crate) fn call(
    content: &wire::ReviewContent,
    run_by: &AgencyId,
    standing: Standing,
    directory: &Directory,
    today: Date,
) -> Option<ReviewCall> {
    let year_9 = content
        .year_group
        .trim()
        .trim_start_matches(['Y', 'y'])
        .parse::<u8>()
        .ok()
        .map(|year| year >= 9);
    Some(ReviewCall {
        authority: agency(content.authority.as_ref(), directory)?,
        run_by: run_by.clone(),
        meeting_on: day(content.meeting_on.as_ref())?,
        at_school: content.is_at_school() != Answer::No,
        run_for_authority: content.acting_for_authority.unwrap_or(false),
        year_9_or_beyond: match content.review_type() {
            wire::ReviewType::Year9 => Some(true),
            _ => year_9,
        },
        status: standing.status,
        holder_asks_parent: standing.asks_parent,
        alternative_person_acts: standing.alternative,
        invitees: content
            .invitees
            .iter()
            .map(|one| Invitee {
                who: InviteeRef {
                    role: role(one.kind()),
                    // An officer of the authority is the authority's, and who runs it for the authority is the
                    // institution, whether or not the call says so again.
                    agency: agency(one.agency.as_ref(), directory).or_else(|| match one.kind() {
                        wire::InviteeKind::LaSen => agency(content.authority.as_ref(), directory),
                        wire::InviteeKind::Institution if content.acting_for_authority() => {
                            Some(run_by.clone())
                        }
                        _ => None,
                    }),
                },
                sent_on: day(one.notice_sent_on.as_ref()).unwrap_or(today),
            })
            .collect(),
        plan_made_on: day(content.plan_made_on.as_ref())?,
        last_review_on: day(content.last_review_on.as_ref()),
        phase_transfer: phase(content.phase_transfer()).zip(
            i16::try_from(content.phase_transfer_year)
                .ok()
                .filter(|year| *year > 0),
        ),
        post16_move_on: day(content.next_institution_from.as_ref())
            .filter(|_| content.phase_transfer() == wire::PhaseTransferKind::Post16ToPost16),
        service_child: content.service_child() == Answer::Yes,
        last_year: content.review_type() == wire::ReviewType::Final,
    })
}

/// The invitee that an agency is.
pub(crate) fn invitee_of(case: &ReviewCase, agency: &AgencyId) -> Option<InviteeRef> {
    case.facts()
        .invitees
        .iter()
        .map(|one| &one.who)
        .find(|who| who.agency.as_ref() == Some(agency))
        .cloned()
}

/// An invitee's answer.
pub(crate) fn respond(
    case: &ReviewCase,
    content: &wire::ReviewResponseContent,
    by: &AgencyId,
) -> Option<ReviewStep> {
    Some(ReviewStep::Respond {
        invitee: invitee_of(case, by)?,
        answer: match content.answer() {
            wire::AttendanceAnswer::Decline => InvitationAnswer::Decline,
            wire::AttendanceAnswer::Substitute => InvitationAnswer::Substitute,
            wire::AttendanceAnswer::WrittenAdviceOnly => InvitationAnswer::WrittenAdviceOnly,
            wire::AttendanceAnswer::Accept | wire::AttendanceAnswer::Unspecified => InvitationAnswer::Accept,
        },
    })
}

/// Advice handed in, or what was handed in circulated to all.
pub(crate) fn advice(
    case: &ReviewCase,
    content: &wire::ReviewAdviceContent,
    by: &AgencyId,
    to: &[AgencyId],
) -> Option<ReviewStep> {
    if content.circulated {
        return Some(ReviewStep::CirculateAdvice {
            sent_to: everybody(case, to),
        });
    }
    Some(ReviewStep::SubmitAdvice {
        invitee: invitee_of(case, by)?,
    })
}

/// The invitees that have something in their hands: those whose agencies are among the recipients, and the family, to
/// whom the runner sends it beside the hub.
fn everybody(case: &ReviewCase, to: &[AgencyId]) -> Vec<InviteeRef> {
    case.facts()
        .invitees
        .iter()
        .map(|one| one.who.clone())
        .filter(|who| match &who.agency {
            Some(agency) => to.contains(agency) || *agency == case.facts().run_by,
            None => true,
        })
        .collect()
}

/// The report, which says that the meeting was held.
pub(crate) fn report(
    case: &ReviewCase,
    content: &wire::ReviewReportContent,
    to: &[AgencyId],
) -> Option<Vec<ReviewStep>> {
    let attended = content
        .attendance
        .iter()
        .filter(|one| one.attended() == Answer::Yes)
        .map(|one| InviteeRef {
            role: role(one.kind()),
            agency: case
                .facts()
                .invitees
                .iter()
                .find(|invitee| invitee.who.role == role(one.kind()))
                .and_then(|invitee| invitee.who.agency.clone()),
        })
        .collect();
    Some(vec![
        ReviewStep::HoldMeeting {
            held_on: day(content.held_on.as_ref())?,
            attended,
        },
        ReviewStep::SendReport {
            sent_to: everybody(case, to),
            contents: ReportContents {
                recommendation: match content.recommendation() {
                    wire::ReviewRecommendation::Amend => Recommendation::Amend,
                    wire::ReviewRecommendation::Cease => Recommendation::Cease,
                    wire::ReviewRecommendation::Continue | wire::ReviewRecommendation::Unspecified => {
                        Recommendation::Keep
                    }
                },
                progress: !content.progress.is_empty(),
                adulthood: !content.adulthood.is_empty(),
                service_issues: !content.service_issues.trim().is_empty(),
                exit_plan: !content.transition.trim().is_empty(),
                differences_of_view: content.differences.len(),
            },
        },
    ])
}

/// The authority's decision.
pub(crate) fn decide(case: &ReviewCase, content: &wire::ReviewDecisionContent) -> Vec<ReviewStep> {
    let outcome = match content.outcome() {
        wire::ReviewOutcome::Amend => ReviewOutcome::Amend {
            proposed_changes: content
                .amendment_notice
                .as_ref()
                .is_some_and(|plan| !plan.amendments.is_empty() || plan.document.is_some()),
            evidence: content.amendment_notice.as_ref().is_some_and(|plan| {
                plan.document.is_some() || plan.amendments.iter().any(|one| !one.evidence.is_empty())
            }),
        },
        wire::ReviewOutcome::Cease => ReviewOutcome::Cease,
        wire::ReviewOutcome::Maintain | wire::ReviewOutcome::Unspecified => ReviewOutcome::Keep,
    };
    if outcome == ReviewOutcome::Keep && case.state() == ReviewState::Amending {
        // Reg 22(4): after the notice the authority may still decide not to amend.
        return vec![ReviewStep::DecideNotToAmend];
    }
    let mut steps = Vec::new();
    if outcome == ReviewOutcome::Cease && case.state() == ReviewState::ReportSent {
        // Reg 31: the family and the institution are consulted before; the report shows that they were heard, and
        // without one nothing does.
        steps.push(ReviewStep::ConsultOnCeasing {
            family: true,
            institution: true,
        });
    }
    steps.push(ReviewStep::Decide { outcome });
    steps
}

/// Makes a review anew from its stored steps.
pub(crate) fn replay(hub: &Hub, steps: &[Step<'_>]) -> Option<ReviewCase> {
    let directory = hub.directory.load();
    let (first, rest) = steps.split_first()?;
    let request = wire::CallReviewRequest::decode(first.request.as_slice()).ok()?;
    let standing = super::intake::kept_standing(&first.outside)?;
    let call = call(
        request.content.as_ref()?,
        first.by,
        standing,
        &directory,
        first.on,
    )?;
    let (mut case, _) = ReviewCase::call(call, first.by).ok()?;
    for step in rest {
        for taken in stored(step, &case)? {
            // It was lawful when it was taken; what follows from it stands in the clocks already.
            let _ = case.apply(taken, step.by, step.exchange, step.on);
        }
    }
    Some(case)
}

fn stored(step: &Step<'_>, case: &ReviewCase) -> Option<Vec<ReviewStep>> {
    let to: Vec<AgencyId> = step
        .outside
        .copies
        .iter()
        .filter_map(|copy| AgencyId::parse(&copy.recipient).ok())
        .collect();
    let bytes = step.request.as_slice();
    Some(match step.outside.method.as_str() {
        methods::RESPOND => {
            let content = wire::RespondToInvitationRequest::decode(bytes).ok()?.content?;
            respond(case, &content, step.by).into_iter().collect()
        }
        methods::ADVICE => {
            let content = wire::SubmitReviewAdviceRequest::decode(bytes).ok()?.content?;
            advice(case, &content, step.by, &to).into_iter().collect()
        }
        methods::REPORT => {
            let content = wire::SendReviewReportRequest::decode(bytes).ok()?.content?;
            report(case, &content, &to)?
        }
        methods::DECIDE => decide(case, &wire::DecideReviewRequest::decode(bytes).ok()?.content?),
        // A plan shared with others within the review is no step of it.
        assessments::SEND_PLAN => SendPlanRequest::decode(bytes)
            .ok()?
            .content
            .filter(|plan| plan.stage() == PlanStage::AmendedFinal)
            .map(|_| ReviewStep::SendAmendedPlan)
            .into_iter()
            .collect(),
        assessments::CONSULT => to
            .first()
            .map(|institution| ReviewStep::Consult {
                institution: institution.clone(),
            })
            .into_iter()
            .collect(),
        _ => Vec::new(),
    })
}
