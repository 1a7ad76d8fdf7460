//! What each request of the review service comes to: recipients, item, and the step of its review.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::review::v1 as wire;
use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::assessment::Consequences;
use sendhub_domain::disclosure::{Ground, Item, RecipientRole};
use sendhub_domain::exchange::{CaseId, CaseKind, ExchangeKind};
use sendhub_domain::review::{InviteeRole, ReviewCase, ReviewStep, clocks};
use sendhub_domain::rights::{Decision, DecisionKind, Holder, RightsFacts};
use sendhub_store::change::ClockState;
use sendhub_store::{Directory, Effect};

use super::{methods, steps};
use crate::assessment::steps::day;
use crate::exchange::draft::{CaseStep, Draft};
use crate::exchange::header::Outside;
use crate::exchange::intake::{Intake, Place, Within, case_not_found, step_refusal};
use crate::exchange::matters;
use crate::exchange::parties::{Addressee, Sent, wrong};
use crate::hub::Hub;
use crate::identity::Caller;
use crate::judge::find;

/// The invitees that are agencies on the hub, once each, without the caller itself.
fn invited(hub: &Hub, caller: &Caller, case: &ReviewCase, item: Item) -> Vec<Addressee> {
    let directory = hub.directory.load();
    let mut found: Vec<Addressee> = Vec::new();
    for one in &case.facts().invitees {
        let Some(agency) = one.who.agency.as_ref().and_then(|id| directory.agency(id)) else {
            continue;
        };
        if agency.id == caller.agency.id || found.iter().any(|known| known.agency.id == agency.id) {
            continue;
        }
        let role = if case.facts().is_required(one.who.role) {
            RecipientRole::Reg20Invitee
        } else {
            RecipientRole::OtherInvitee
        };
        found.push(Addressee {
            agency: Arc::clone(agency),
            role,
            item,
            shown: true,
        });
    }
    found
}

/// Those of the envelope, each of whom must have been invited.
fn named_invitees(
    hub: &Hub,
    caller: &Caller,
    sent: &Sent,
    case: &ReviewCase,
    item: Item,
) -> Result<Vec<Addressee>, Refusal> {
    let all = invited(hub, caller, case, item);
    if sent.recipients.is_empty() {
        return Ok(all);
    }
    let mut out = Vec::new();
    let mut found = Vec::new();
    for (index, (agency, _)) in sent.recipients.iter().enumerate() {
        match all.iter().find(|one| one.agency.id == agency.id) {
            Some(one) => found.push(one.clone()),
            None => out.push(wrong(
                format!("envelope.recipients[{index}].agency"),
                "was not invited to this review",
            )),
        }
    }
    if out.is_empty() {
        Ok(found)
    } else {
        Err(Refusal::fields(out))
    }
}

fn ids(addressees: &[Addressee]) -> Vec<AgencyId> {
    addressees.iter().map(|one| one.agency.id.clone()).collect()
}

/// The one agency to whom a part of the review goes.
fn to_agency(hub: &Hub, id: &AgencyId, role: RecipientRole, item: Item) -> Result<Addressee, Refusal> {
    let agency = hub
        .directory
        .load()
        .agency(id)
        .cloned()
        .ok_or_else(case_not_found)?;
    Ok(Addressee {
        agency,
        role,
        item,
        shown: true,
    })
}

/// Takes steps on a copy of the review, and turns what follows into a draft.
fn step(
    hub: &Hub,
    caller: &Caller,
    sent: &Sent,
    place: &Place<'_>,
    taken: Vec<ReviewStep>,
    addressees: Vec<Addressee>,
) -> Result<Draft, Refusal> {
    let open = place.matter.ok_or_else(case_not_found)?;
    let mut case = open.review()?.clone();
    let mut all = Consequences::default();
    for one in taken {
        let out = case
            .apply(one, &caller.agency.id, place.exchange, place.today)
            .map_err(|refused| step_refusal(&refused))?;
        // A clock that an earlier step of this request starts and a later one ends never runs.
        all.start.retain(|start| {
            !out.end
                .iter()
                .any(|end| end.rule == start.rule && end.for_exchange == start.for_exchange)
        });
        all.start.extend(out.start);
        all.end.extend(out.end);
        all.lift.extend(out.lift);
        all.warnings.extend(out.warnings);
    }
    let mut draft = Draft::to(addressees);
    draft.case = open.next();
    draft.warnings = matters::warnings(&all);
    draft.facts.push(("state", case.state().code().into()));
    draft.clocks = hub.start_clocks(&all.start, case.authority(), caller, sent)?;
    draft.ended = hub.end_clocks(&all, &open.clocks, place.today);
    if all.end.iter().any(|end| end.rule == clocks::ANNUAL_REVIEW) {
        draft
            .ended
            .extend(open.yearly.iter().map(|clock| Effect::EndClock {
                clock: clock.clock,
                state: ClockState::Met,
                on: place.today,
            }));
    }
    draft.ground = Some(Ground::Reg20);
    draft.due_on = draft.clocks.first().map(|clock| clock.due.due_on);
    Ok(draft)
}

fn review(place: &Place<'_>) -> Result<ReviewCase, Refusal> {
    Ok(place.matter.ok_or_else(case_not_found)?.review()?.clone())
}

/// Who decides for the person on the day of the meeting, by what is recorded today: rights may pass in between.
fn standing(rights: &RightsFacts, today: Date, meeting_on: Date) -> steps::Standing {
    let decision = Decision::Of(DecisionKind::TakePartInReview);
    let holder = rights.holder_on(&decision, meeting_on).holder;
    steps::Standing {
        status: rights.status_on(meeting_on),
        asks_parent: rights.authorities.iter().any(|one| {
            one.head.stands_on(today)
                && one.valid.holds_on(meeting_on)
                && one.decisions.covers(&DecisionKind::TakePartInReview)
        }),
        alternative: matches!(
            holder,
            Holder::Representative | Holder::AlternativeParent | Holder::AlternativeParentsRepresentative
        ),
    }
}

fn keep(standing: steps::Standing) -> HashMap<String, String> {
    let yes = |value: bool| if value { "YES" } else { "NO" }.to_owned();
    HashMap::from([
        ("review_status".to_owned(), standing.status.code().to_owned()),
        ("review_asks_parent".to_owned(), yes(standing.asks_parent)),
        ("review_alternative".to_owned(), yes(standing.alternative)),
    ])
}

/// The standing with which a stored review was called.
pub(crate) fn kept_standing(outside: &Outside) -> Option<steps::Standing> {
    let codes = &outside.circumstances.as_ref()?.codes;
    let yes = |name: &str| codes.get(name).is_some_and(|code| code == "YES");
    Some(steps::Standing {
        status: AgeStatus::from_code(codes.get("review_status")?)?,
        asks_parent: yes("review_asks_parent"),
        alternative: yes("review_alternative"),
    })
}

/// Whether an agency can take an invitee's part (regs 20(2), 21(2)): otherwise anybody would be a required invitee by
/// being called one.
const fn fits(part: wire::InviteeKind, agency: AgencyKind) -> bool {
    match part {
        wire::InviteeKind::Institution => {
            agency.is_school() || matches!(agency, AgencyKind::Post16 | AgencyKind::EarlyYears)
        }
        wire::InviteeKind::LaSen | wire::InviteeKind::LaSocialCare => {
            matches!(agency, AgencyKind::LocalAuthority)
        }
        wire::InviteeKind::Health => matches!(agency, AgencyKind::HealthBody),
        _ => true,
    }
}

/// Whether the call says what it must, and names agencies that the directory has.
fn can_be_read(content: &wire::ReviewContent, directory: &Directory) -> Result<(), Refusal> {
    let mut out = Vec::new();
    let authority = content
        .authority
        .as_ref()
        .and_then(|reference| find(reference, directory).ok().flatten());
    if authority.is_none_or(|agency| agency.kind != AgencyKind::LocalAuthority) {
        out.push(wrong(
            "content.authority",
            "must be an authority of the directory",
        ));
    }
    if day(content.meeting_on.as_ref()).is_none() {
        out.push(wrong("content.meeting_on", "must be a day of the calendar"));
    }
    if day(content.plan_made_on.as_ref()).is_none() {
        out.push(wrong(
            "content.plan_made_on",
            "is required: the twelve months run from it",
        ));
    }
    for (index, one) in content.invitees.iter().enumerate() {
        let Some(reference) = &one.agency else { continue };
        let fault = match find(reference, directory).ok().flatten() {
            None => "is not in the directory: leave it out and invite another way",
            Some(agency) if !fits(one.kind(), agency.kind) => {
                "is not of the kind that takes this part: authorities send officers, health bodies professionals"
            }
            Some(_) => continue,
        };
        out.push(wrong(format!("content.invitees[{index}].agency"), fault));
    }
    if out.is_empty() {
        Ok(())
    } else {
        Err(Refusal::fields(out))
    }
}

impl Intake for wire::CallReviewRequest {
    const METHOD: &'static str = methods::CALL;
    const KIND: ExchangeKind = ExchangeKind::ReviewInvitation;
    const WEIGHS_RIGHTS: bool = true;

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let directory = hub.directory.load();
        can_be_read(&content, &directory)?;
        let meeting_on = day(content.meeting_on.as_ref()).unwrap_or(place.today);
        let standing = standing(place.rights, place.today, meeting_on);
        let call = steps::call(&content, &caller.agency.id, standing, &directory, place.today)
            .ok_or_else(|| Refusal::fields(vec![wrong("content", "cannot be read")]))?;
        let (case, out) =
            ReviewCase::call(call, &caller.agency.id).map_err(|refused| step_refusal(&refused))?;
        let mut draft = Draft::to(named_invitees(hub, caller, sent, &case, Item::ReviewInvite)?);
        draft.case = CaseStep::Opens(CaseId(hub.clock.new_id()), CaseKind::Review);
        draft.warnings = matters::warnings(&out);
        draft.facts.push(("state", case.state().code().into()));
        draft.clocks = hub.start_clocks(&out.start, case.authority(), caller, sent)?;
        draft.ground = Some(Ground::Reg20);
        draft.due_on = Some(case.facts().meeting_on);
        draft.kept = keep(standing);
        draft.kept.insert(
            "review_type".to_owned(),
            content.review_type().as_str_name().to_owned(),
        );
        Ok(draft)
    }
}

impl Intake for wire::RespondToInvitationRequest {
    const METHOD: &'static str = methods::RESPOND;
    const KIND: ExchangeKind = ExchangeKind::ReviewResponse;

    fn within(&self) -> Within<'_> {
        let invitation = self
            .content
            .as_ref()
            .map_or("", |content| content.invitation.as_str());
        Within::Answer("content.invitation", invitation)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let case = review(place)?;
        let content = self.content.clone().unwrap_or_default();
        let taken = steps::respond(&case, &content, &caller.agency.id).ok_or_else(|| {
            Refusal::fields(vec![wrong("content.invitation", "does not invite this agency")])
        })?;
        let to = to_agency(
            hub,
            &case.facts().run_by,
            RecipientRole::Reg20Invitee,
            Item::ReviewResponse,
        )?;
        step(hub, caller, sent, place, vec![taken], vec![to])
    }
}

impl Intake for wire::SubmitReviewAdviceRequest {
    const METHOD: &'static str = methods::ADVICE;
    const KIND: ExchangeKind = ExchangeKind::ReviewAdvice;

    fn within(&self) -> Within<'_> {
        let review = self
            .content
            .as_ref()
            .map_or("", |content| content.review.as_str());
        Within::Case("content.review", review)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let case = review(place)?;
        let content = self.content.clone().unwrap_or_default();
        let to = if content.circulated {
            named_invitees(hub, caller, sent, &case, Item::ReviewAdvice)?
        } else {
            vec![to_agency(
                hub,
                &case.facts().run_by,
                RecipientRole::Reg20Invitee,
                Item::ReviewAdvice,
            )?]
        };
        let taken = steps::advice(&case, &content, &caller.agency.id, &ids(&to))
            .ok_or_else(|| Refusal::fields(vec![wrong("content.review", "does not invite this agency")]))?;
        // The one who runs the review hands in its own advice by circulating it.
        let to = to
            .into_iter()
            .filter(|one| one.agency.id != caller.agency.id)
            .collect();
        step(hub, caller, sent, place, vec![taken], to)
    }
}

impl Intake for wire::SendReviewReportRequest {
    const METHOD: &'static str = methods::REPORT;
    const KIND: ExchangeKind = ExchangeKind::ReviewReport;

    fn within(&self) -> Within<'_> {
        let review = self
            .content
            .as_ref()
            .map_or("", |content| content.review.as_str());
        Within::Case("content.review", review)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let case = review(place)?;
        let content = self.content.clone().unwrap_or_default();
        let to = named_invitees(hub, caller, sent, &case, Item::ReviewReport)?;
        let taken = steps::report(&case, &content, &ids(&to)).ok_or_else(|| {
            Refusal::fields(vec![wrong("content.held_on", "must be a day of the calendar")])
        })?;
        step(hub, caller, sent, place, taken, to)
    }
}

impl Intake for wire::DecideReviewRequest {
    const METHOD: &'static str = methods::DECIDE;
    const KIND: ExchangeKind = ExchangeKind::ReviewDecision;

    fn within(&self) -> Within<'_> {
        let review = self
            .content
            .as_ref()
            .map_or("", |content| content.review.as_str());
        Within::Case("content.review", review)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let case = review(place)?;
        let content = self.content.clone().unwrap_or_default();
        let mut to = named_invitees(hub, caller, sent, &case, Item::ReviewDecision)?;
        if sent.recipients.is_empty() {
            // Reg 20(10): the parent or young person, beside the hub, and the institution attended. Others when named.
            to.retain(|one| {
                one.agency.id == case.facts().run_by
                    || steps::invitee_of(&case, &one.agency.id)
                        .is_some_and(|who| who.role == InviteeRole::Institution)
            });
        }
        step(hub, caller, sent, place, steps::decide(&case, &content), to)
    }
}

/// The amended plan after a review that decided to amend.
pub(crate) fn amended_plan(
    hub: &Hub,
    caller: &Caller,
    sent: &Sent,
    place: &Place<'_>,
    to: Vec<Addressee>,
) -> Result<Draft, Refusal> {
    step(hub, caller, sent, place, vec![ReviewStep::SendAmendedPlan], to)
}

/// A school consulted within a review that amends.
pub(crate) fn consult(
    hub: &Hub,
    caller: &Caller,
    sent: &Sent,
    place: &Place<'_>,
    to: Addressee,
) -> Result<Draft, Refusal> {
    let taken = ReviewStep::Consult {
        institution: to.agency.id.clone(),
    };
    step(hub, caller, sent, place, vec![taken], vec![to])
}
