//! What each sending of a plan and each consultation comes to: recipients, ground, and the step of its case.

use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::agency::{Agency, AgencyKind};
use sendhub_domain::disclosure::{Ground, Item, RecipientRole};
use sendhub_domain::exchange::ExchangeKind;

use super::intake::{addressed, answer_to, methods, step, the_one};
use super::steps;
use crate::exchange::draft::Draft;
use crate::exchange::intake::{Intake, Place, Within, case_not_found};
use crate::exchange::matters;
use crate::exchange::parties::{Sent, wrong};
use crate::hub::Hub;
use crate::identity::Caller;
use crate::judge::find;

impl Intake for wire::SendPlanRequest {
    const METHOD: &'static str = methods::SEND_PLAN;
    const KIND: ExchangeKind = ExchangeKind::Plan;

    fn within(&self) -> Within<'_> {
        let case = self.content.as_ref().map_or("", |content| content.case.as_str());
        Within::Case("content.case", case)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        use wire::PlanStage as Stage;
        let content = self.content.clone().unwrap_or_default();
        let stage = content.stage();
        let directory = hub.directory.load();
        let named = content
            .named_institution
            .as_ref()
            .or_else(|| {
                content
                    .section_i
                    .as_ref()
                    .and_then(|section| section.institution.as_ref())
            })
            .and_then(|reference| find(reference, &directory).ok().flatten());
        // What the Act and Regulations require at each stage needs no consent, but only for those whom they name.
        let shown = |agency: &Agency, role: RecipientRole| match (stage, role) {
            (Stage::Shared | Stage::Extract, _) => !is_a_duty(sent.ground),
            (_, RecipientRole::NamedInstitution) => named.as_ref().is_some_and(|named| named.id == agency.id),
            (_, RecipientRole::CommissioningBody) => agency.kind == AgencyKind::HealthBody,
            (Stage::Transferred, RecipientRole::NewLocalAuthority) => {
                agency.kind == AgencyKind::LocalAuthority
            }
            _ => false,
        };
        let to = addressed(sent, Item::EhcPlan, shown);
        let ground = match (stage, sent.ground) {
            (Stage::Shared | Stage::Extract, claimed) => claimed,
            (Stage::Draft | Stage::AmendmentNotice, Ground::None) => Ground::StatutoryDraft,
            (Stage::Transferred, Ground::None) => Ground::StatutoryTransfer,
            (_, Ground::None) => Ground::StatutorySendFinal,
            (_, claimed) => claimed,
        };
        if is_a_duty(ground) && to.iter().any(|one| !one.shown) {
            return Err(not_required(ground));
        }
        let new_authority = sent
            .recipients
            .iter()
            .find(|(_, role)| *role == RecipientRole::NewLocalAuthority)
            .map(|(agency, _)| agency.id.clone());
        if stage == Stage::Transferred && new_authority.is_none() {
            return Err(Refusal::fields(vec![wrong(
                "envelope.recipients",
                "must name the new authority, as NEW_LOCAL_AUTHORITY",
            )]));
        }
        let taken = steps::plan(&content, new_authority.as_ref(), &directory, place.today);
        let mut unsent = Vec::new();
        if matches!(stage, Stage::Final | Stage::AmendedFinal) {
            let has = |part: RecipientRole| sent.recipients.iter().any(|(_, role)| *role == part);
            if named.is_some() && !has(RecipientRole::NamedInstitution) {
                unsent.push(
                    "INSTITUTION_NOT_SENT: the institution named is not among the recipients (reg 13(2))",
                );
            }
            if !has(RecipientRole::CommissioningBody) {
                unsent
                    .push("COMMISSIONER_NOT_SENT: no commissioning body is among the recipients (reg 13(2))");
            }
        }
        let mut draft = match place.matter {
            None => Draft::to(to),
            Some(open) => match &open.matter {
                matters::Matter::Review(_) if stage == Stage::AmendedFinal => {
                    crate::review::amended_plan(hub, caller, sent, place, to)?
                }
                matters::Matter::Assessment(_) => step(hub, caller, sent, place, taken, to)?,
                matters::Matter::Review(_) => {
                    let mut draft = Draft::to(to);
                    draft.case = open.next();
                    draft
                }
            },
        };
        if place.matter.is_none()
            && matches!(stage, Stage::Shared | Stage::Extract)
            && sent.recipients.is_empty()
        {
            return Err(Refusal::fields(vec![wrong(
                "envelope.recipients",
                "must name at least one",
            )]));
        }
        draft.warnings.extend(unsent.into_iter().map(str::to_owned));
        draft.ground = Some(ground);
        draft.facts.push(("stage", stage_code(stage).into()));
        Ok(draft)
    }
}

/// Whether a ground is a duty that a step of the case brings with it. A plan that is merely shared cannot claim one: the
/// draft, the consultation, the request for advice, the final plan and the transfer each have their own message.
const fn is_a_duty(ground: Ground) -> bool {
    matches!(
        ground,
        Ground::StatutoryDraft
            | Ground::StatutoryConsultation
            | Ground::StatutorySendFinal
            | Ground::StatutoryTransfer
            | Ground::Reg6
    )
}

const fn stage_code(stage: wire::PlanStage) -> &'static str {
    match stage {
        wire::PlanStage::Draft => "DRAFT",
        wire::PlanStage::Final => "FINAL",
        wire::PlanStage::AmendmentNotice => "AMENDMENT_NOTICE",
        wire::PlanStage::AmendedFinal => "AMENDED_FINAL",
        wire::PlanStage::Shared => "SHARED",
        wire::PlanStage::Transferred => "TRANSFERRED",
        wire::PlanStage::Extract => "EXTRACT",
        wire::PlanStage::Unspecified => "UNSPECIFIED",
    }
}

impl Intake for wire::ConsultInstitutionRequest {
    const METHOD: &'static str = methods::CONSULT;
    const KIND: ExchangeKind = ExchangeKind::Consultation;

    fn within(&self) -> Within<'_> {
        let case = self.content.as_ref().map_or("", |content| content.case.as_str());
        Within::Case("content.case", case)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let to = the_one(sent, &[RecipientRole::ConsultedInstitution], Item::EhcPlan)?;
        let taken = vec![steps::consult(&to.agency.id)];
        let open = place.matter.ok_or_else(case_not_found)?;
        let mut draft = if matches!(open.matter, matters::Matter::Review(_)) {
            crate::review::consult(hub, caller, sent, place, to)?
        } else {
            step(hub, caller, sent, place, taken, vec![to])?
        };
        draft.ground = Some(Ground::StatutoryConsultation);
        Ok(draft)
    }
}

impl Intake for wire::ReplyToConsultationRequest {
    const METHOD: &'static str = methods::REPLY;
    const KIND: ExchangeKind = ExchangeKind::ConsultationReply;

    fn within(&self) -> Within<'_> {
        let consultation = self
            .content
            .as_ref()
            .map_or("", |content| content.consultation.as_str());
        Within::Answer("content.consultation", consultation)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let record = place
            .answered
            .filter(|record| record.kind == ExchangeKind::Consultation)
            .ok_or_else(|| Refusal::fields(vec![wrong("content.consultation", "is not a consultation")]))?;
        let to = answer_to(
            hub,
            sent,
            &record.sender,
            RecipientRole::ResponsibleAuthority,
            Item::ConsultationReply,
        )?;
        let content = self.content.clone().unwrap_or_default();
        let open = place.matter.ok_or_else(case_not_found)?;
        if matches!(open.matter, matters::Matter::Review(_)) {
            let mut draft = Draft::to(vec![to]);
            draft.case = open.next();
            draft.ground = Some(Ground::Reg20);
            return Ok(draft);
        }
        let taken = vec![steps::reply(&content, record.exchange)];
        step(hub, caller, sent, place, taken, vec![to])
    }
}

/// A plan in one of its stages goes only to those to whom the Act and Regulations send it.
fn not_required(ground: Ground) -> Refusal {
    let mut refusal = Refusal::new(
        Reason::RecipientNotPermitted,
        "envelope.recipients: names one to whom neither Act nor Regulations send the plan at this stage; a school or \
         institution has it when the plan names it",
    )
    .remedy("Name those whom the provision names; for another share the plan, with consent or on a ground of reg 17(1).");
    let provision = match ground {
        Ground::StatutoryDraft => "SEND Regulations 2014 regs 13(1), 22(2); CFA 2014 s.38",
        Ground::StatutoryConsultation => "CFA 2014 ss.39(2), 40(3)",
        Ground::StatutoryTransfer => "SEND Regulations 2014 reg 15(2)",
        Ground::Reg6 => "SEND Regulations 2014 reg 6(1), (3)",
        _ => "SEND Regulations 2014 reg 13(2), 22(3), 27(2); CFA 2014 ss.39(8), 40(5)",
    };
    refusal.provision = Some(provision.to_owned());
    refusal
}
