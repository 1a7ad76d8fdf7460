//! The demo's later chapters: advice asked for and answered with a document, a review, a Service child's move, and a
//! birthday on both sides of the last Friday in June.

mod parts;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::civil::{Date, date};
use sendhub_client::courier;
use sendhub_client::profile::Profile;
use sendhub_client::session::Session;
use sendhub_contracts::assessment::v1 as assessment;
use sendhub_contracts::convert::wire_date;
use sendhub_contracts::directory::v1 as directory;
use sendhub_contracts::mailbox::v1::collected_delivery;
use sendhub_contracts::review::v1 as review;
use sendhub_contracts::rights::v1 as rights;
use sendhub_contracts::servicechild::v1 as servicechild;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::{AgencyIdentifiers, AgencyKind};
use sendhub_domain::identifiers::{LaCode, LaEstab, OdsCode};
use serde_json::{Value, json};

use self::parts::{
    advice, collect_one, collect_with_id, consent, document, download, envelope, invitees, named, permitted,
    refusal, tell_refusal, understands, upload,
};
use super::Story;
use crate::commands::agency::usual_role;
use crate::commands::inbox::told;
use crate::site::{self, Site};

const AUTHORITY: &str = "demo-authority";
const SCHOOL: &str = "demo-school";
const HOSPITAL: &str = "demo-hospital";
const COLLEGE: &str = "demo-college";
const SERVICE_SCHOOL: &str = "demo-service-school";
const OPERATOR: &str = "demo-operator";

/// The child of the advice and the review; invented.
const CHILD: Pupil = Pupil {
    upn: "V999900126001",
    surname: "Example",
    forename: "Robin",
    born: date(2012, 3, 4),
};
/// The one whose rights pass on 27 June 2026; invented.
const LEAVER: Pupil = Pupil {
    upn: "H999900126999",
    surname: "Example",
    forename: "Sam",
    born: date(2010, 7, 24),
};
/// The Service child; invented.
const MOVER: Pupil = Pupil {
    upn: "N999123415417",
    surname: "Example",
    forename: "Kim",
    born: date(2015, 5, 6),
};

struct Pupil {
    upn: &'static str,
    surname: &'static str,
    forename: &'static str,
    born: Date,
}

/// The stage: where the folder is, and the hub's day, which the demo moves.
pub(super) struct Stage<'a> {
    pub(super) folder: &'a Path,
    pub(super) config: &'a Path,
    pub(super) hub: String,
    pub(super) today: PathBuf,
}

impl Stage<'_> {
    fn move_to(&self, day: Date) -> Result<()> {
        std::fs::write(&self.today, day.to_string()).context("cannot move the demo's day")
    }

    async fn session(&self, agency: &str) -> Result<Session> {
        let profile = Profile::load(&self.folder.join("access").join(agency).join("client.toml"))?;
        Ok(Session::open(&profile).await?)
    }

    /// Enters the further agencies.
    pub(super) async fn enter(&self, story: &Story) -> Result<()> {
        let site = Site::open(self.config).await?;
        let none = AgencyIdentifiers::default;
        let cast = [
            (
                OPERATOR,
                AgencyKind::HubOperator,
                "Who runs the demo's hub",
                none(),
            ),
            (
                AUTHORITY,
                AgencyKind::LocalAuthority,
                "Local authority 990",
                AgencyIdentifiers {
                    la_code: Some(LaCode::parse("990")?),
                    ..none()
                },
            ),
            (
                SCHOOL,
                AgencyKind::MaintainedSchool,
                "Demo School",
                AgencyIdentifiers {
                    laestab: Some(LaEstab::parse("9904001")?),
                    ..none()
                },
            ),
            (
                HOSPITAL,
                AgencyKind::HealthBody,
                "Demo Hospital",
                AgencyIdentifiers {
                    ods_code: Some(OdsCode::parse("RXX99")?),
                    ..none()
                },
            ),
            (COLLEGE, AgencyKind::Post16, "Demo College", none()),
            (
                SERVICE_SCHOOL,
                AgencyKind::ModSchool,
                "Demo MOD School, overseas",
                none(),
            ),
        ];
        for (id, kind, name, identifiers) in cast {
            let mut agency = site::new_agency(id, kind, name, identifiers)?;
            let access = self.folder.join("access").join(id);
            site.issue(&mut agency, &access, &self.hub, usual_role(kind), None)?;
            site.put(agency, 0, "sendhub demo").await?;
            if kind != AgencyKind::HubOperator {
                story.tell(&format!("{name} ({id}, {})", kind.code()));
            }
        }
        site.close().await
    }

    /// Plays the chapters and says what was seen, for scripts.
    pub(super) async fn play(&self, story: &mut Story) -> Result<Value> {
        let advice = self.advice(story).await?;
        let review = self.review(story).await?;
        let service = self.service_child(story).await?;
        let birthday = self.birthday(story).await?;
        Ok(json!({ "advice": advice, "review": review, "service_child": service, "birthday": birthday }))
    }

    /// An authority asks a hospital for advice, and a document comes back.
    async fn advice(&self, story: &mut Story) -> Result<Value> {
        story.chapter("A local authority asks a hospital for advice, and a document comes back.");
        self.move_to(date(2026, 9, 7))?;
        let authority = self.session(AUTHORITY).await?;
        let hospital = self.session(HOSPITAL).await?;
        let opened = authority
            .assessments()
            .open_case(assessment::OpenCaseRequest {
                envelope: Some(envelope(&CHILD, "DEMO-1", &[])),
                content: Some(assessment::CaseOpening {
                    trigger: assessment::CaseTrigger::ParentRequest.into(),
                    received_on: Some(wire_date(date(2026, 9, 7))),
                    serving_parent: types::Answer::No.into(),
                    in_or_beyond_year_9: types::Answer::Yes.into(),
                    attends_institution: Some(named(SCHOOL)),
                    ..assessment::CaseOpening::default()
                }),
            })
            .await
            .map_err(told)?
            .into_inner();
        let receipt = opened.receipt.context("a case without a receipt")?;
        let case = receipt.case.clone();
        for clock in &receipt.clocks_started {
            let due = clock.due_on.unwrap_or_default();
            story.tell(&format!(
                "Clock {}: {}-{:02}-{:02} ({}).",
                clock.rule, due.year, due.month, due.day, clock.provision
            ));
        }
        story.tell(&format!(
            "The Regulations ask for {} kinds of advice; the hub warns of each that is left out.",
            opened.advisers.len()
        ));
        let asked = authority
            .assessments()
            .request_advice(assessment::RequestAdviceRequest {
                envelope: Some(envelope(
                    &CHILD,
                    "DEMO-1",
                    &[(HOSPITAL, types::RecipientRole::Adviser)],
                )),
                content: Some(assessment::AdviceRequestContent {
                    case: case.clone(),
                    adviser_kind: assessment::AdviserKind::Medical.into(),
                    request_kind: assessment::AdviceRequestKind::StatutoryAdvice.into(),
                    questions: vec!["What does Robin need to hear in class?".into()],
                    decision_maker: assessment::DecisionMaker::Parent.into(),
                    family_views: Some(assessment::FamilyViews {
                        text: "We would like Robin to follow lessons without having to sit at the front."
                            .into(),
                        ..assessment::FamilyViews::default()
                    }),
                    ..assessment::AdviceRequestContent::default()
                }),
            })
            .await
            .map_err(told)?
            .into_inner()
            .receipt
            .context("a request without a receipt")?;
        let request = collect_one(&hospital).await?;
        let Some(collected_delivery::Content::AdviceRequest(content)) = &request.content else {
            bail!("the hospital collected something else");
        };
        ensure!(
            content.family_views.is_some(),
            "the family's views did not come with it"
        );
        story
            .tell("The hospital collects the request: the family's views are in it, the pupil's UPN is not.");

        let document = document();
        let uploaded = upload(&hospital, &document).await?;
        hospital
            .assessments()
            .return_advice(assessment::ReturnAdviceRequest {
                envelope: Some(types::Envelope {
                    attachments: vec![uploaded.clone()],
                    ..envelope(&CHILD, "DEMO-1", &[])
                }),
                content: Some(advice(&asked.exchange, &uploaded)),
            })
            .await
            .map_err(told)?;
        let (delivery, _) = collect_with_id(&authority).await?;
        let fetched = download(&authority, &uploaded.attachment, &delivery).await?;
        ensure!(fetched == document, "the document that came back is another");
        // What is acknowledged is handed over no more, its documents included.
        courier::acknowledge(&authority, &[delivery])
            .await
            .map_err(told)?;
        story.tell(&format!(
            "Needs, outcomes and provision come back linked by their ids, with a PDF of {} bytes: the same, byte for byte.",
            fetched.len()
        ));
        Ok(json!({ "case": case, "document_bytes": fetched.len() }))
    }

    /// A review is called: too late, and in time.
    async fn review(&self, story: &mut Story) -> Result<Value> {
        story.chapter("A review of the plan is called: too late first, then in time.");
        self.move_to(date(2026, 11, 2))?;
        let school = self.session(SCHOOL).await?;
        let call = |meeting: Date| review::CallReviewRequest {
            envelope: Some(envelope(&CHILD, "DEMO-2", &[])),
            content: Some(review::ReviewContent {
                plan_reference: "DEMO-PLAN".into(),
                authority: Some(named(AUTHORITY)),
                review_type: review::ReviewType::Annual.into(),
                meeting_on: Some(wire_date(meeting)),
                meeting_time: "10:00".into(),
                place: "school".into(),
                chair_role: "SENCO".into(),
                plan_made_on: Some(wire_date(date(2026, 1, 12))),
                is_at_school: types::Answer::Yes.into(),
                acting_for_authority: Some(true),
                year_group: "10".into(),
                invitees: invitees(),
                ..review::ReviewContent::default()
            }),
        };
        let refused = refusal(school.reviews().call_review(call(date(2026, 11, 15))).await)?;
        story.tell("Thirteen days' notice:");
        tell_refusal(story, &refused);
        let receipt = school
            .reviews()
            .call_review(call(date(2026, 11, 24)))
            .await
            .map_err(told)?
            .into_inner()
            .receipt
            .context("a review without a receipt")?;
        story.tell(&format!(
            "Twenty-two days' notice: accepted; {} agencies are invited, and {} clocks run.",
            receipt.recipient_decisions.len(),
            receipt.clocks_started.len()
        ));
        Ok(json!({ "refused": refused.reason, "review": receipt.case }))
    }

    /// A Service child moves, and the profile is there first.
    async fn service_child(&self, story: &mut Story) -> Result<Value> {
        story.chapter("A Service child moves: the profile is there before the child.");
        let operator = self.session(OPERATOR).await?;
        let agreement = directory::Agreement {
            agreement_id: "demo-service-children".into(),
            parties: vec![SCHOOL.into(), SERVICE_SCHOOL.into()],
            items: vec![types::Item::ServiceChildProfile.into()],
            purposes: vec!["SERVICE_CHILD_TRANSITION".into()],
            valid_from: Some(wire_date(date(2026, 1, 1))),
            ..directory::Agreement::default()
        };
        operator
            .directory()
            .put_agreement(directory::PutAgreementRequest {
                agreement: Some(agreement),
            })
            .await
            .map_err(told)?;
        story.tell(
            "School and MOD school have a sharing agreement; without one, nothing that rests on policy runs.",
        );
        let school = self.session(SCHOOL).await?;
        let giver = rights::GiverKind::Parent;
        consent(
            &school,
            &MOVER,
            giver,
            types::Item::ServiceChildProfile,
            SERVICE_SCHOOL,
        )
        .await?;
        understands(&school, &MOVER, "SERVICE_CHILD_PROFILE", types::Answer::No).await?;
        let profile = |impact: &str| servicechild::SendProfileRequest {
            envelope: Some(types::Envelope {
                purpose: "SERVICE_CHILD_TRANSITION".into(),
                ..envelope(
                    &MOVER,
                    "",
                    &[(SERVICE_SCHOOL, types::RecipientRole::NextSchoolAbroad)],
                )
            }),
            content: Some(servicechild::ServiceChildProfileContent {
                service_child: types::Answer::Yes.into(),
                concerns: vec![servicechild::ServiceConcern {
                    assessed_on: Some(wire_date(date(2026, 10, 5))),
                    affected_by_move: types::Answer::Yes.into(),
                    affected_by_deployment: types::Answer::Unknown.into(),
                    affected_by_separation: types::Answer::No.into(),
                    impact: impact.into(),
                    ..servicechild::ServiceConcern::default()
                }],
                ..servicechild::ServiceChildProfileContent::default()
            }),
        };
        let posting = "Anxious since the battalion was posted to BFPO 57";
        let refused = refusal(school.service_children().send_profile(profile(posting)).await)?;
        story.tell("A profile that tells where the family is posted:");
        tell_refusal(story, &refused);
        school
            .service_children()
            .send_profile(profile(
                "Anxious before moves; settles with a buddy in the first week",
            ))
            .await
            .map_err(told)?;
        let service_school = self.session(SERVICE_SCHOOL).await?;
        collect_one(&service_school).await?;
        story.tell("What it means for the child is carried: the new school has it before the first day.");
        Ok(json!({ "refused": refused.reason }))
    }

    /// The same request on both sides of the last Friday in June.
    async fn birthday(&self, story: &mut Story) -> Result<Value> {
        story.chapter("A birthday: the same request on both sides of the last Friday in June.");
        self.move_to(date(2026, 6, 26))?;
        let authority = self.session(AUTHORITY).await?;
        understands(&authority, &LEAVER, "EHC_PLAN", types::Answer::No).await?;
        let giver = rights::GiverKind::Parent;
        consent(&authority, &LEAVER, giver, types::Item::EhcPlan, COLLEGE).await?;
        let share = || assessment::SendPlanRequest {
            envelope: Some(types::Envelope {
                purpose: "COLLEGE_APPLICATION".into(),
                ..envelope(&LEAVER, "DEMO-3", &[(COLLEGE, types::RecipientRole::ThirdParty)])
            }),
            content: Some(assessment::PlanContent {
                stage: assessment::PlanStage::Shared.into(),
                plan_reference: "DEMO-PLAN-3".into(),
                section_a: Some(assessment::SectionA {
                    aspirations: "To become a gardener".into(),
                    ..assessment::SectionA::default()
                }),
                for_purpose: "COLLEGE_APPLICATION".into(),
                ..assessment::PlanContent::default()
            }),
        };
        let before = authority.assessments().send_plan(share()).await.map_err(told)?;
        let decision = permitted(before.into_inner().receipt)?;
        story.tell(&format!(
            "Friday 26 June 2026, on the parent's consent: allowed ({}).",
            decision.reason_code
        ));
        self.move_to(date(2026, 6, 27))?;
        let refused = refusal(authority.assessments().send_plan(share()).await)?;
        story.tell("Saturday 27 June, the same request, at fifteen years of age:");
        tell_refusal(story, &refused);
        let college = self.session(COLLEGE).await?;
        let waiting: Vec<String> = courier::list(&college)
            .await
            .map_err(told)?
            .into_iter()
            .map(|notice| notice.delivery_id)
            .collect();
        let late = courier::collect(&college, &waiting).await.map_err(told)?;
        ensure!(
            late.iter().all(|(_, one)| one.is_err()),
            "a lapsed consent disclosed a plan"
        );
        story.tell("What was sent on Friday and not collected stays where it is: the rules are asked again on collection.");
        let giver = rights::GiverKind::YoungPerson;
        consent(&authority, &LEAVER, giver, types::Item::EhcPlan, COLLEGE).await?;
        let after = authority.assessments().send_plan(share()).await.map_err(told)?;
        let allowed = permitted(after.into_inner().receipt)?;
        story.tell(&format!(
            "With the young person's own consent: allowed ({}).",
            allowed.reason_code
        ));
        Ok(json!({
            "before": decision.reason_code,
            "refused": refused.reason,
            "after": allowed.reason_code,
        }))
    }
}
