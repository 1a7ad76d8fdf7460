//! Decisions and events of a case as steps.

use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::types::v1::Answer;
use sendhub_domain::assessment::{AssessmentCase, AssessmentState, AssessmentStep, TribunalOrder};

use super::steps::day;

const fn order(order: wire::TribunalOrder) -> TribunalOrder {
    match order {
        wire::TribunalOrder::MakePlan => TribunalOrder::MakePlan,
        wire::TribunalOrder::Amend => TribunalOrder::Amend,
        wire::TribunalOrder::NameInstitution => TribunalOrder::NameInstitution,
        wire::TribunalOrder::CeaseDismissed => TribunalOrder::CeaseAppealDismissed,
        wire::TribunalOrder::Assess | wire::TribunalOrder::Unspecified => TribunalOrder::Assess,
    }
}

/// What an event comes to; some are only kept. Who tells the commissioning body of a mediation by this very event has
/// told it.
pub(crate) fn steps(
    case: &AssessmentCase,
    commissioner_told: bool,
    content: &wire::CaseEventContent,
) -> Option<Vec<AssessmentStep>> {
    use wire::case_event_content::Event;
    let on = day(content.occurred_on.as_ref())?;
    Some(match content.event.as_ref()? {
        // After an order the decision is made: what is told is that the assessment takes place.
        Event::DecidedToAssess(_) if case.state() == AssessmentState::Assessing => {
            vec![AssessmentStep::NotifyOfAssessment]
        }
        Event::DecidedToAssess(_) => vec![AssessmentStep::DecideToAssess { assess: true }],
        Event::DecidedNotToAssess(_) => vec![AssessmentStep::DecideToAssess { assess: false }],
        Event::NoPlanNeeded(_) => vec![AssessmentStep::DecideNoPlan],
        Event::RepresentationsReceived(_) => Vec::new(),
        Event::RepresentationsComplete(_) => vec![AssessmentStep::CompleteRepresentations],
        Event::MediationRequested(asked) => {
            let (health_issues, health_only) = (
                asked.health_in_issue() == Answer::Yes,
                asked.health_only() == Answer::Yes,
            );
            let mut steps = vec![AssessmentStep::RequestMediation {
                told_on: on,
                health_issues,
                health_only,
            }];
            if commissioner_told && (health_issues || health_only) {
                steps.push(AssessmentStep::TellCommissioner);
            }
            steps
        }
        // A certificate is issued when mediation is over, or is not wanted.
        Event::MediationCertificate(certificate) => {
            let issued_on = day(certificate.issued_on.as_ref()).unwrap_or(on);
            vec![
                AssessmentStep::EndMediation { ended_on: issued_on },
                AssessmentStep::RecordCertificate { issued_on },
            ]
        }
        Event::TribunalOrder(made) => appealed(
            case,
            AssessmentStep::RecordOrder {
                order: order(made.order()),
                made_on: day(made.ordered_on.as_ref()).unwrap_or(on),
            },
        ),
        Event::Unopposed(told) => appealed(
            case,
            AssessmentStep::ConcedeAppeal {
                order: order(told.order()),
                told_on: on,
            },
        ),
        Event::ReassessmentAgreed(_) => vec![
            AssessmentStep::RequestReassessment { received_on: on },
            AssessmentStep::DecideToReassess { assess: true },
        ],
        Event::PlanCeased(_) if case.state() == AssessmentState::CeaseNotified => {
            vec![AssessmentStep::EndPlan]
        }
        Event::TransferTold(_) => vec![AssessmentStep::TellOfTransfer],
        Event::PlanCeased(ceased) => {
            let mut steps = Vec::new();
            if ceased.consulted_on.is_some() {
                steps.push(AssessmentStep::ConsultOnCeasing {
                    family: true,
                    institution: true,
                });
            }
            steps.push(AssessmentStep::DecideToCease { cease: true });
            steps
        }
    })
}

/// An order says that there was an appeal, also when nobody told the hub of it before.
fn appealed(case: &AssessmentCase, step: AssessmentStep) -> Vec<AssessmentStep> {
    if case.appeal_is_open() {
        vec![step]
    } else {
        vec![AssessmentStep::RegisterAppeal, step]
    }
}
