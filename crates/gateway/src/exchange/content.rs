//! Sealed requests read again: by the method that brought them, minimised for the kind of agency that collects.

use prost::Message as _;
use sendhub_contracts::mailbox::v1::collected_delivery::Content;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::{assessment, notice, pupil, review, servicechild};
use sendhub_domain::agency::AgencyKind;

use crate::assessment::intake::methods as assessments;
use crate::minimisation::{GROUPS, Minimisation};
use crate::review::methods as reviews;
use crate::sharing::methods as sharing;

/// A request as it goes into a recipient's hands.
pub(crate) struct Opened {
    pub(crate) envelope: types::Envelope,
    pub(crate) content: Content,
}

/// Reads a sealed request; `None` when the method or the bytes are not known.
pub(crate) fn read(method: &str, bytes: &[u8]) -> Option<Opened> {
    macro_rules! of {
        ($request:ty, $content:ident) => {{
            let request = <$request>::decode(bytes).ok()?;
            Some(Opened {
                envelope: request.envelope?,
                content: Content::$content(request.content?),
            })
        }};
    }
    match method {
        sharing::PUPIL => of!(pupil::v1::SharePupilInformationRequest, PupilInformation),
        sharing::PROFILE => of!(servicechild::v1::SendProfileRequest, ServiceChildProfile),
        sharing::NOTICE => of!(notice::v1::SendNoticeRequest, Notice),
        assessments::OPEN => of!(assessment::v1::OpenCaseRequest, CaseOpening),
        assessments::REQUEST_ADVICE => of!(assessment::v1::RequestAdviceRequest, AdviceRequest),
        assessments::RESPOND => of!(assessment::v1::RespondToAdviceRequestRequest, AdviceResponse),
        assessments::RETURN_ADVICE => of!(assessment::v1::ReturnAdviceRequest, Advice),
        assessments::DECIDE_ADVICE => of!(assessment::v1::DecideAdviceRequest, AdviceDecision),
        assessments::RECORD_EVENT => of!(assessment::v1::RecordCaseEventRequest, CaseEvent),
        assessments::SEND_PLAN => of!(assessment::v1::SendPlanRequest, Plan),
        assessments::CONSULT => of!(assessment::v1::ConsultInstitutionRequest, Consultation),
        assessments::REPLY => of!(assessment::v1::ReplyToConsultationRequest, ConsultationReply),
        reviews::CALL => of!(review::v1::CallReviewRequest, Review),
        reviews::RESPOND => of!(review::v1::RespondToInvitationRequest, ReviewResponse),
        reviews::ADVICE => of!(review::v1::SubmitReviewAdviceRequest, ReviewAdvice),
        reviews::REPORT => of!(review::v1::SendReviewReportRequest, ReviewReport),
        reviews::DECIDE => of!(review::v1::DecideReviewRequest, ReviewDecision),
        _ => None,
    }
}

impl Opened {
    /// Takes out what this kind of recipient may not have and what the consent that is relied on leaves out, and names
    /// the groups that were there and are not handed over.
    pub(crate) fn minimise(
        &mut self,
        kind: AgencyKind,
        profile: &Minimisation,
        left_out: &[String],
    ) -> Vec<String> {
        if let Some(person) = &mut self.envelope.subject {
            profile.reduce(kind, person);
        }
        let Content::PupilInformation(content) = &mut self.content else {
            return Vec::new();
        };
        let mut withheld = Vec::new();
        macro_rules! cut {
            ($($group:ident),+) => {$(
                let group = stringify!($group);
                let may_have = profile.may_have(kind, group) && !left_out.iter().any(|one| one == group);
                if !may_have && content.$group.take().is_some() {
                    withheld.push(group.to_owned());
                }
            )+};
        }
        cut!(
            enrolment,
            ethnicity_and_language,
            sen,
            support_cycles,
            contacts,
            looked_after,
            medical,
            service_child,
            attendance,
            free_school_meals,
            assessments,
            school_history
        );
        withheld
    }
}

/// The groups that a kind of recipient never gets of such an exchange: for the log, before anything is opened.
pub(crate) fn withheld(method: &str, kind: AgencyKind, profile: &Minimisation) -> Vec<&'static str> {
    if method != sharing::PUPIL {
        return Vec::new();
    }
    GROUPS
        .into_iter()
        .filter(|group| !profile.may_have(kind, group))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hospital_does_not_get_meals_and_marks() {
        let request = pupil::v1::SharePupilInformationRequest {
            envelope: Some(types::Envelope::default()),
            content: Some(pupil::v1::PupilInformationContent {
                sen: Some(pupil::v1::Sen::default()),
                free_school_meals: Some(pupil::v1::FreeSchoolMeals::default()),
                assessments: Some(pupil::v1::Assessments::default()),
                ..pupil::v1::PupilInformationContent::default()
            }),
        };
        let mut opened = read(sharing::PUPIL, &request.encode_to_vec()).unwrap();
        let profile = Minimisation::built_in().unwrap();
        let withheld = opened.minimise(AgencyKind::HealthBody, &profile, &[]);
        assert_eq!(withheld, ["free_school_meals", "assessments"]);
        let Content::PupilInformation(content) = opened.content else {
            panic!("another content");
        };
        assert!(content.sen.is_some() && content.free_school_meals.is_none());
        assert!(read("unknown", b"").is_none());
        let mut opened = read(sharing::PUPIL, &request.encode_to_vec()).unwrap();
        let withheld = opened.minimise(AgencyKind::HealthBody, &profile, &["sen".to_owned()]);
        assert_eq!(
            withheld,
            ["sen", "free_school_meals", "assessments"],
            "what the family leaves out is left out too"
        );
    }
}
