//! What each request of the assessment service comes to: recipients, item, ground, and the step of its case.

use std::sync::Arc;

use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::exchange::Exchange;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1::Answer;
use sendhub_domain::agency::{Agency, AgencyId, AgencyKind};
use sendhub_domain::assessment::{AssessmentCase, AssessmentStep, Consequences};
use sendhub_domain::disclosure::{Ground, Item, RecipientRole};
use sendhub_domain::exchange::{CaseId, CaseKind, ExchangeId, ExchangeKind};
use sendhub_policy::{ExistingAdvice, ServingParent};

use super::{enclosed, events, steps};
use crate::exchange::draft::{CaseStep, Draft};
use crate::exchange::header::Outside;
use crate::exchange::intake::{Intake, Place, Within, case_not_found, step_refusal};
use crate::exchange::matters::{self, OpenMatter};
use crate::exchange::parties::{Addressee, Sent, wrong};
use crate::hub::Hub;
use crate::identity::Caller;

/// The methods, as the log names them and as stored exchanges are read by.
pub(crate) mod methods {
    pub(crate) const OPEN: &str = "sendhub.assessment.v1.AssessmentService/OpenCase";
    pub(crate) const REQUEST_ADVICE: &str = "sendhub.assessment.v1.AssessmentService/RequestAdvice";
    pub(crate) const RESPOND: &str = "sendhub.assessment.v1.AssessmentService/RespondToAdviceRequest";
    pub(crate) const RETURN_ADVICE: &str = "sendhub.assessment.v1.AssessmentService/ReturnAdvice";
    pub(crate) const DECIDE_ADVICE: &str = "sendhub.assessment.v1.AssessmentService/DecideAdvice";
    pub(crate) const RECORD_EVENT: &str = "sendhub.assessment.v1.AssessmentService/RecordCaseEvent";
    pub(crate) const SEND_PLAN: &str = "sendhub.assessment.v1.AssessmentService/SendPlan";
    pub(crate) const CONSULT: &str = "sendhub.assessment.v1.AssessmentService/ConsultInstitution";
    pub(crate) const REPLY: &str = "sendhub.assessment.v1.AssessmentService/ReplyToConsultation";
}

/// The envelope's recipients, each with this item, seen to have their part or not.
pub(super) fn addressed(
    sent: &Sent,
    item: Item,
    shown: impl Fn(&Agency, RecipientRole) -> bool,
) -> Vec<Addressee> {
    sent.recipients
        .iter()
        .map(|(agency, role)| Addressee {
            agency: Arc::clone(agency),
            role: *role,
            item,
            shown: shown(agency, *role),
        })
        .collect()
}

/// The one recipient that a request must name, in one of these parts.
pub(super) fn the_one(sent: &Sent, roles: &[RecipientRole], item: Item) -> Result<Addressee, Refusal> {
    match sent.recipients.as_slice() {
        [(agency, role)] if roles.contains(role) => Ok(Addressee {
            agency: Arc::clone(agency),
            role: *role,
            item,
            shown: true,
        }),
        [_] => Err(Refusal::fields(vec![wrong(
            "envelope.recipients[0].role",
            format!("must be {}", codes(roles)),
        )])),
        _ => Err(Refusal::fields(vec![wrong(
            "envelope.recipients",
            format!("must name exactly one, as {}", codes(roles)),
        )])),
    }
}

fn codes(roles: &[RecipientRole]) -> String {
    roles
        .iter()
        .map(|role| role.code())
        .collect::<Vec<_>>()
        .join(" or ")
}

/// The one to whom an answer goes: not named by the sender, but known from what is answered.
pub(super) fn answer_to(
    hub: &Hub,
    sent: &Sent,
    to: &AgencyId,
    role: RecipientRole,
    item: Item,
) -> Result<Addressee, Refusal> {
    if sent.recipients.iter().any(|(agency, _)| agency.id != *to) {
        return Err(Refusal::fields(vec![wrong(
            "envelope.recipients",
            "an answer goes to the one who asked and nobody else",
        )]));
    }
    let agency = hub
        .directory
        .load()
        .agency(to)
        .cloned()
        .ok_or_else(case_not_found)?;
    Ok(Addressee {
        agency,
        role,
        item,
        shown: true,
    })
}

/// Takes steps on a copy of the case, and turns what follows into a draft.
pub(super) fn step(
    hub: &Hub,
    caller: &Caller,
    sent: &Sent,
    place: &Place<'_>,
    taken: Vec<AssessmentStep>,
    addressees: Vec<Addressee>,
) -> Result<Draft, Refusal> {
    let open = place.matter.ok_or_else(case_not_found)?;
    let mut case = open.assessment()?.clone();
    let mut all = Consequences::default();
    for one in taken {
        let out = case
            .apply(one, &caller.agency.id, place.exchange, place.today)
            .map_err(|refused| step_refusal(&refused))?;
        // What an earlier step of the same request started and this one ends was never anybody's to wait for.
        for end in out.end {
            let began = all
                .start
                .iter()
                .position(|clock| clock.rule == end.rule && clock.for_exchange == end.for_exchange);
            match began {
                Some(at) => drop(all.start.remove(at)),
                None => all.end.push(end),
            }
        }
        all.start.extend(out.start);
        all.lift.extend(out.lift);
        all.warnings.extend(out.warnings);
    }
    drafted(hub, caller, sent, place, open, &case, &all, addressees)
}

#[expect(
    clippy::too_many_arguments,
    reason = "what a draft of a step is made of; used once"
)]
fn drafted(
    hub: &Hub,
    caller: &Caller,
    sent: &Sent,
    place: &Place<'_>,
    open: &OpenMatter,
    case: &AssessmentCase,
    out: &Consequences,
    addressees: Vec<Addressee>,
) -> Result<Draft, Refusal> {
    let mut draft = Draft::to(addressees);
    draft.case = open.next();
    draft.warnings = matters::warnings(out);
    draft.facts.push(("state", case.state().code().into()));
    draft.clocks = hub.start_clocks(&out.start, case.authority(), caller, sent)?;
    draft.ended = hub.end_clocks(out, &open.clocks, place.today);
    draft.ground = Some(Ground::Reg6);
    // Of the clocks only a recipient's own is its to keep to.
    draft.due_on = draft
        .clocks
        .iter()
        .find(|clock| draft.addressees.iter().any(|to| to.agency.id == clock.owed_by))
        .map(|clock| clock.due.due_on);
    Ok(draft)
}

impl Intake for wire::OpenCaseRequest {
    const METHOD: &'static str = methods::OPEN;
    const KIND: ExchangeKind = ExchangeKind::AssessmentCase;

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let directory = hub.directory.load();
        let opening = steps::opening(&content, &caller.agency.id, &directory).ok_or_else(|| {
            Refusal::fields(vec![wrong("content.received_on", "is not a day of the calendar")])
        })?;
        let (mut case, mut out) = AssessmentCase::open(opening, caller.agency.id.clone());
        // Reg 4(2): whom the authority tells that it considers a request.
        if !sent.recipients.is_empty()
            && let Ok(told) = case.apply(
                AssessmentStep::TellOfConsidering,
                &caller.agency.id,
                place.exchange,
                place.today,
            )
        {
            out.start
                .retain(|clock| !told.end.iter().any(|end| end.rule == clock.rule));
        }
        let mut draft = Draft::to(addressed(sent, Item::AssessmentNotice, |_, _| true));
        draft.case = CaseStep::Opens(CaseId(hub.clock.new_id()), CaseKind::Assessment);
        draft.warnings = matters::warnings(&out);
        draft.facts.push(("state", case.state().code().into()));
        draft.clocks = hub.start_clocks(&out.start, case.authority(), caller, sent)?;
        draft.ground = Some(Ground::Reg6);
        Ok(draft)
    }
}

impl Intake for wire::RequestAdviceRequest {
    const METHOD: &'static str = methods::REQUEST_ADVICE;
    const KIND: ExchangeKind = ExchangeKind::AdviceRequest;

    fn within(&self) -> Within<'_> {
        let case = self.content.as_ref().map_or("", |content| content.case.as_str());
        Within::Case("content.case", case)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let adviser = the_one(
            sent,
            &[RecipientRole::Adviser, RecipientRole::MinistryOfDefence],
            Item::AdviceRequest,
        )?;
        enclosed::request(sent, &content)?;
        let defence = content.adviser_kind() == wire::AdviserKind::ModEducation;
        if defence
            && (adviser.role != RecipientRole::MinistryOfDefence
                || adviser.agency.kind != AgencyKind::MinistryOfDefence)
        {
            return Err(Refusal::fields(vec![wrong(
                "envelope.recipients[0]",
                "the Secretary of State for Defence is asked as MINISTRY_OF_DEFENCE (reg 6(1)(b)(iv))",
            )]));
        }
        if steps::day(content.received_by_adviser_on.as_ref()).is_some_and(|day| day > place.today) {
            return Err(Refusal::fields(vec![wrong(
                "content.received_by_adviser_on",
                "lies in the future",
            )]));
        }
        let asked = steps::request_advice(&content, &adviser.agency.id, adviser.agency.kind)
            .ok_or_else(|| Refusal::fields(vec![wrong("content.adviser_kind", "is required")]))?;
        let serves = place
            .matter
            .and_then(|open| open.assessment().ok())
            .and_then(|case| case.facts().serving_parent)
            == Some(true);
        let mut draft = step(hub, caller, sent, place, vec![asked], vec![adviser])?;
        let claimed = content
            .existing_advice
            .iter()
            .filter(|one| one.kind() == content.adviser_kind())
            .map(|one| {
                [one.author_agrees(), one.authority_agrees(), one.family_agrees()]
                    .iter()
                    .all(|answer| *answer == Answer::Yes)
            })
            .max();
        draft.circumstances.existing_advice = match claimed {
            None => ExistingAdvice::NotClaimed,
            Some(true) => ExistingAdvice::AllAgree,
            Some(false) => ExistingAdvice::NotAllAgree,
        };
        if serves {
            draft.circumstances.serving_parent = ServingParent::Serves;
        }
        Ok(draft)
    }
}

/// The request that an answer answers, with who asked and who was asked.
struct AdviceAsked {
    request: ExchangeId,
    authority: AgencyId,
    adviser: AgencyId,
}

fn advice_asked(place: &Place<'_>) -> Result<AdviceAsked, Refusal> {
    let record = place
        .answered
        .filter(|record| record.kind == ExchangeKind::AdviceRequest)
        .ok_or_else(|| {
            Refusal::fields(vec![wrong(
                "content.advice_request",
                "is not a request for advice",
            )])
        })?;
    let adviser = Outside::read(&record.header)
        .copies
        .first()
        .and_then(|copy| AgencyId::parse(&copy.recipient).ok())
        .ok_or_else(case_not_found)?;
    Ok(AdviceAsked {
        request: record.exchange,
        authority: record.sender.clone(),
        adviser,
    })
}

impl Intake for wire::RespondToAdviceRequestRequest {
    const METHOD: &'static str = methods::RESPOND;
    const KIND: ExchangeKind = ExchangeKind::AdviceResponse;

    fn within(&self) -> Within<'_> {
        let request = self
            .content
            .as_ref()
            .map_or("", |content| content.advice_request.as_str());
        Within::Answer("content.advice_request", request)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let asked = advice_asked(place)?;
        let content = self.content.clone().unwrap_or_default();
        let taken = steps::response(&content, asked.request)
            .ok_or_else(|| Refusal::fields(vec![wrong("content.answer", "is required")]))?;
        let (to, role) = if caller.agency.id == asked.adviser {
            (&asked.authority, RecipientRole::ResponsibleAuthority)
        } else {
            (&asked.adviser, RecipientRole::Adviser)
        };
        let to = answer_to(hub, sent, to, role, Item::AdviceResponse)?;
        step(hub, caller, sent, place, vec![taken], vec![to])
    }
}

impl Intake for wire::ReturnAdviceRequest {
    const METHOD: &'static str = methods::RETURN_ADVICE;
    const KIND: ExchangeKind = ExchangeKind::AdviceReturn;

    fn within(&self) -> Within<'_> {
        let request = self
            .content
            .as_ref()
            .map_or("", |content| content.advice_request.as_str());
        Within::Answer("content.advice_request", request)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let asked = advice_asked(place)?;
        let content = self.content.clone().unwrap_or_default();
        super::thread::check(&content)?;
        enclosed::advice(sent, &content)?;
        let taken = steps::advice(&content, asked.request);
        let to = answer_to(
            hub,
            sent,
            &asked.authority,
            RecipientRole::ResponsibleAuthority,
            Item::Advice,
        )?;
        let mut draft = step(hub, caller, sent, place, vec![taken], vec![to])?;
        draft
            .warnings
            .extend(super::thread::warnings(&content, place.today));
        Ok(draft)
    }
}

impl Intake for wire::DecideAdviceRequest {
    const METHOD: &'static str = methods::DECIDE_ADVICE;
    const KIND: ExchangeKind = ExchangeKind::AdviceDecision;

    fn within(&self) -> Within<'_> {
        use wire::advice_decision_content::Decision;
        match self.content.as_ref() {
            Some(wire::AdviceDecisionContent {
                decision: Some(Decision::UseExisting(existing)),
                ..
            }) => Within::Case("content.use_existing.case", &existing.case),
            Some(content) => Within::Answer("content.advice_request", &content.advice_request),
            None => Within::Nothing,
        }
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let missing = || Refusal::fields(vec![wrong("content.decision", "is required")]);
        if place.answered.is_some() {
            let asked = advice_asked(place)?;
            let taken = steps::advice_decision(&content, Some(asked.request), None).ok_or_else(missing)?;
            let to = answer_to(
                hub,
                sent,
                &asked.adviser,
                RecipientRole::Adviser,
                Item::AdviceDecision,
            )?;
            return step(hub, caller, sent, place, vec![taken], vec![to]);
        }
        // Existing advice: the envelope names its author, who is told that it is used again.
        let author = the_one(sent, &[RecipientRole::Adviser], Item::AdviceDecision)?;
        let taken = steps::advice_decision(&content, None, Some(&author.agency.id)).ok_or_else(missing)?;
        step(hub, caller, sent, place, vec![taken], vec![author])
    }
}

impl Intake for wire::RecordCaseEventRequest {
    const METHOD: &'static str = methods::RECORD_EVENT;
    const KIND: ExchangeKind = ExchangeKind::AssessmentCase;

    fn within(&self) -> Within<'_> {
        let case = self.content.as_ref().map_or("", |content| content.case.as_str());
        Within::Case("content.case", case)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let open = place.matter.ok_or_else(case_not_found)?;
        let case = open.assessment()?;
        // Also what is only kept is the authority's to record.
        if *case.authority() != caller.agency.id {
            return Err(not_the_authority());
        }
        let told = sent
            .recipients
            .iter()
            .any(|(_, role)| *role == RecipientRole::CommissioningBody);
        let taken = events::steps(case, told, &content)
            .ok_or_else(|| Refusal::fields(vec![wrong("content.event", "is required")]))?;
        let to = addressed(sent, Item::AssessmentNotice, |_, _| true);
        step(hub, caller, sent, place, taken, to)
    }
}

/// The case is another authority's.
fn not_the_authority() -> Refusal {
    let mut refusal = Refusal::new(
        Reason::CaseStepRefused,
        "only the authority responsible for the child or young person may take this step (NOT_THE_AUTHORITY)",
    )
    .remedy("ask the responsible authority to take it");
    refusal.provision = Some("Children and Families Act 2014 s.24".to_owned());
    refusal
}

/// Only the authority that keeps the case opens what is its to open; said here once for the service.
pub(crate) fn authority_only(caller: &Caller) -> Result<(), Refusal> {
    if caller.agency.kind == AgencyKind::LocalAuthority {
        return Ok(());
    }
    let mut refusal = Refusal::new(
        Reason::SenderNotPermitted,
        "only a local authority opens and decides a case",
    );
    refusal.provision = Some("Children and Families Act 2014 ss.24, 36".to_owned());
    Err(refusal)
}

/// Every request here is an exchange with an envelope.
const _: fn() = || {
    fn exchange<T: Exchange>() {}
    exchange::<wire::OpenCaseRequest>();
};
