//! The smaller exchanges: which item each notice is, on which ground it usually rests, what it must say before the
//! rules are asked, and the clocks it starts.

use jiff::civil::Date;
use sendhub_contracts::assessment::v1::TribunalOrder;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::notice::v1 as wire;
use sendhub_contracts::notice::v1::notice_content::Notice;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1::Answer;
use sendhub_domain::agency::AgencyKind;
use sendhub_domain::clock::{self, ClockParams, ClockRule};
use sendhub_domain::disclosure::{Ground, Item};
use sendhub_domain::exchange::ExchangeKind;
use sendhub_policy::{AuthorityConsent, S23Steps, SchoolPlacement};

use super::methods;
use crate::assessment::steps::day;
use crate::exchange::draft::Draft;
use crate::exchange::intake::{Intake, Place, Within};
use crate::exchange::parties::{Sent, everyone, wrong};
use crate::exchange::running::NewClock;
use crate::hub::Hub;
use crate::identity::Caller;

/// Words that only what was said in mediation would hold. The event is carried, never the content.
const MEDIATION_WORDS: [&str; 5] = ["offered", "proposed", "admitted", "without prejudice", "settle"];

/// On what it rests that mediation is confidential.
const MEDIATION: &str = "CFA 2014 ss.52 to 56; SEND Regulations 2014 (SI 2014/1530) regs 32 to 42: what is said in mediation is confidential (reading)";

/// A notice's item and the ground on which it usually rests.
const fn item(notice: &Notice) -> (Item, Ground) {
    match notice {
        Notice::LookedAfterAlignment(_) => (Item::LookedAfterAlignment, Ground::ChildrenAct),
        Notice::Deregistration(_) => (Item::Deregistration, Ground::HomeEducation),
        Notice::DeregistrationDecision(_) => (Item::DeregistrationDecision, Ground::HomeEducation),
        Notice::AlternativeProvision(_) => (Item::ApPlacement, Ground::None),
        Notice::DirectPaymentNotice(_) => (Item::DirectPaymentNotice, Ground::None),
        Notice::DirectPaymentReply(_) => (Item::DirectPaymentReply, Ground::None),
        Notice::MediationEvent(_) => (Item::MediationEvent, Ground::None),
        Notice::TribunalEvent(_) => (Item::TribunalEvent, Ground::Appeal),
        Notice::Post16File(_) => (Item::Post16File, Ground::Agreement),
        Notice::EarlyHealthNotice(_) => (Item::S23Notice, Ground::S23),
        Notice::PlanTransferNotice(_) => (Item::AssessmentNotice, Ground::StatutoryTransfer),
        Notice::WelfareContact(_) => (Item::WelfareContact, Ground::WelfareConcern),
        Notice::SafeguardingConcern(_) => (Item::SafeguardingConcern, Ground::Safeguarding),
        Notice::ChildProtectionFile(_) => (Item::CpFile, Ground::Safeguarding),
    }
}

impl Intake for wire::SendNoticeRequest {
    const METHOD: &'static str = methods::NOTICE;
    const KIND: ExchangeKind = ExchangeKind::Notice;

    fn within(&self) -> Within<'_> {
        let case = self.content.as_ref().map_or("", |content| content.case.as_str());
        Within::Case("content.case", case)
    }

    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let content = self.content.clone().unwrap_or_default();
        let Some(notice) = &content.notice else {
            return Err(Refusal::fields(vec![wrong("content.notice", "is required")]));
        };
        let (item, usual) = item(notice);
        let mut draft = Draft::to(everyone(sent, item)?);
        draft.ground = Some(if sent.ground == Ground::None {
            usual
        } else {
            sent.ground
        });
        draft.facts.push(("item", item.code().into()));
        if let Some(open) = place.matter {
            draft.case = open.next();
        }
        // What is shown by what the notice itself says needs no reference of its own.
        for one in &mut draft.addressees {
            one.shown = true;
        }
        special(notice, caller.agency.kind, &mut draft)?;
        // A case keeps the clocks of its own orders.
        if place.matter.is_none() || !matches!(notice, Notice::TribunalEvent(_)) {
            draft.clocks = clocks(hub, caller, sent, notice, place.today);
        }
        draft.due_on = draft.clocks.first().map(|clock| clock.due.due_on);
        Ok(draft)
    }
}

/// What only one kind of notice must say, and what the rules weigh of it.
fn special(notice: &Notice, sender: AgencyKind, draft: &mut Draft) -> Result<(), Refusal> {
    match notice {
        Notice::EarlyHealthNotice(early) => {
            // CFA 2014 s.23(2): inform the parent, offer a discussion, and only then tell the authority.
            let done = early.parent_informed_on.is_some() && early.discussion_offered_on.is_some();
            draft.circumstances.s23_steps = if done { S23Steps::Done } else { S23Steps::Missing };
        }
        // Not known who placed the child: as if the authority had, until it says otherwise. A school that the directory
        // knows as a special school is one, whatever it says.
        Notice::Deregistration(asked)
            if (asked.special_school() != Answer::No || sender == AgencyKind::SpecialSchool)
                && asked.placed_by_authority() != Answer::No =>
        {
            draft.circumstances.school_placement = SchoolPlacement::SpecialPlacedByAuthority;
            draft.circumstances.authority_consent = AuthorityConsent::NotRecorded;
        }
        // Reg 16 alone gives a health body something to tell; a plan's own move is the authorities' (reg 15).
        Notice::PlanTransferNotice(told)
            if sender == AgencyKind::HealthBody
                && told.step() != wire::PlanTransferStep::ResponsibleBodyChanged =>
        {
            return Err(Refusal::fields(vec![wrong(
                "content.plan_transfer_notice.step",
                "must be RESPONSIBLE_BODY_CHANGED from a health body",
            )]));
        }
        Notice::MediationEvent(event) => {
            let text = event.reference.to_lowercase();
            if MEDIATION_WORDS.iter().any(|word| text.contains(word)) {
                let mut refusal = Refusal {
                    reason: Reason::MediationContentRefused,
                    ..Refusal::fields(vec![wrong(
                        "content.mediation_event.reference",
                        "holds more than a reference: what was said in mediation is confidential",
                    )])
                }
                .remedy("Send the event with a bare reference; never what was said.");
                refusal.provision = Some(MEDIATION.to_owned());
                return Err(refusal);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The clocks that a notice starts, and whose duty each is.
fn clocks(hub: &Hub, caller: &Caller, sent: &Sent, notice: &Notice, today: Date) -> Vec<NewClock> {
    let recipient = sent.recipients.first().map(|(agency, _)| agency.id.clone());
    let own = Some(caller.agency.id.clone());
    let started = |code: &str, event: Option<Date>, owed_by: Option<sendhub_domain::agency::AgencyId>| {
        let rule = ClockRule::find(code)?;
        let owed_by = owed_by?;
        let event = event?;
        let due = clock::start(rule, event, &ClockParams::default(), hub.calendars_of(&owed_by))?;
        let told = recipient.iter().filter(|one| **one != owed_by).cloned().collect();
        Some(NewClock {
            due,
            started_on: event,
            owed_by,
            told,
            for_exchange: None,
        })
    };
    let found = match notice {
        Notice::MediationEvent(event) => {
            let on = day(event.occurred_on.as_ref());
            match event.step() {
                wire::MediationStep::Requested => vec![
                    started("MEDIATION_ARRANGE_30D", on, own.clone()),
                    (event.health_in_issue() == Answer::Yes)
                        .then(|| started("MEDIATION_HEALTH_TELL_3WD", on, own.clone()))
                        .flatten(),
                ],
                wire::MediationStep::Held | wire::MediationStep::Declined => {
                    vec![started("MEDIATION_CERT_3WD", on, own)]
                }
                _ => Vec::new(),
            }
        }
        Notice::TribunalEvent(event) => {
            let on = day(event.occurred_on.as_ref());
            ordered(event)
                .iter()
                .map(|code| started(code, on, own.clone()))
                .collect()
        }
        Notice::ChildProtectionFile(file) => {
            vec![started(
                "CP_FILE_5SD",
                day(file.left_on.as_ref()).or(Some(today)),
                own,
            )]
        }
        Notice::PlanTransferNotice(told) => {
            let on = day(told.occurred_on.as_ref());
            match told.step() {
                wire::PlanTransferStep::Transferred => {
                    vec![started("LA_TRANSFER_INFORM_6W", on, recipient.clone())]
                }
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    found.into_iter().flatten().collect()
}

/// The clocks that an order starts (reg 44(2)), or that start when the authority does not oppose (reg 45).
fn ordered(event: &wire::TribunalEvent) -> &'static [&'static str] {
    use TribunalOrder as O;
    use wire::TribunalStep as S;
    match (event.kind(), event.order()) {
        (S::Order, O::Assess) => &[
            "TRIB_ASSESS_NOTIFY_2W",
            "TRIB_ASSESS_NO_PLAN_10W",
            "TRIB_ASSESS_FINAL_14W",
        ],
        (S::Order, O::MakePlan) => &["TRIB_MAKE_PLAN_DRAFT_5W", "TRIB_MAKE_PLAN_FINAL_11W"],
        (S::Order, O::Amend) => &["TRIB_AMEND_5W"],
        (S::Order, O::NameInstitution) => &["TRIB_NAME_SCHOOL_2W"],
        (S::Order, O::CeaseDismissed) => &["TRIB_CEASE_DISMISSED"],
        (S::Conceded, O::Assess) => &[
            "UNOPPOSED_ASSESS_NOTIFY_2W",
            "UNOPPOSED_NO_PLAN_10W",
            "UNOPPOSED_FINAL_14W",
        ],
        (S::Conceded, O::MakePlan) => &["UNOPPOSED_MAKE_PLAN_DRAFT_5W", "UNOPPOSED_MAKE_PLAN_FINAL_11W"],
        (S::Conceded, O::Amend) => &["UNOPPOSED_AMEND_5W"],
        (S::Conceded, O::NameInstitution) => &["UNOPPOSED_NAME_SCHOOL_2W"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clock_of_an_order_is_known() {
        for kind in [wire::TribunalStep::Order, wire::TribunalStep::Conceded] {
            for order in 0..=5 {
                let event = wire::TribunalEvent {
                    kind: kind.into(),
                    order,
                    ..wire::TribunalEvent::default()
                };
                for code in ordered(&event) {
                    assert!(ClockRule::from_code(code).is_some(), "{code}");
                }
            }
        }
    }
}
