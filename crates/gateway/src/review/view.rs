//! A review as its participants see it. Nothing personal.

use sendhub_contracts::assessment::v1::CaseExchange;
use sendhub_contracts::convert;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::review::v1 as wire;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::review::{InvitationAnswer, Invitee, ReviewState};
use sendhub_store::change::ClockState;
use sendhub_store::reads::ExchangeRecord;

use super::steps::wire_role;
use crate::exchange::draft::name;
use crate::exchange::header::Outside;
use crate::exchange::matters::OpenMatter;
use crate::exchange::running::wire_started;
use crate::hub::day_in_england;

/// The review for one of its participants: who runs it and the authority see the whole, one invited its own part and
/// the exchanges that it knows.
pub(crate) fn review(open: &OpenMatter, viewer: &AgencyId) -> Result<wire::ReviewCase, Refusal> {
    let case = open.review()?;
    let call = case.facts();
    let runs = open.record.owner == *viewer || *case.authority() == *viewer;
    let own = |one: &&Invitee| runs || one.who.agency.as_ref() == Some(viewer);
    let invitees = call.invitees.iter().filter(own).map(|one| wire::ReviewInvitee {
        kind: wire_role(one.who.role).into(),
        agency_id: one
            .who
            .agency
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        attendance: case
            .answers()
            .iter()
            .rev()
            .find(|(who, _)| *who == one.who)
            .map_or(wire::AttendanceAnswer::Unspecified, |(_, answer)| {
                wire_answer(*answer)
            })
            .into(),
        advice_received: case.advice_from().contains(&one.who),
    });
    let clocks = open
        .clocks
        .iter()
        .filter(|clock| clock.state == ClockState::Running && (runs || clock.owed_by == *viewer));
    let exchanges = open
        .exchanges
        .iter()
        .filter(|one| runs || one.sender == *viewer || Outside::read(&one.header).standing(viewer).is_some());
    let ended = matches!(
        case.state(),
        ReviewState::Kept | ReviewState::Amended | ReviewState::CeaseNotified
    );
    Ok(wire::ReviewCase {
        review: format!("cases/{}", open.record.case),
        state: case.state().code().to_owned(),
        review_type: open
            .exchanges
            .first()
            .and_then(|first| Outside::read(&first.header).circumstances)
            .and_then(|kept| kept.codes.get("review_type").cloned())
            .and_then(|name| wire::ReviewType::from_str_name(&name))
            .unwrap_or_default()
            .into(),
        authority_agency_id: case.authority().to_string(),
        runner_agency_id: call.run_by.to_string(),
        called_on: Some(convert::wire_date(day_in_england(open.record.opened_at))),
        meeting_on: Some(convert::wire_date(call.meeting_on)),
        ended_on: open
            .exchanges
            .last()
            .filter(|_| ended)
            .map(|last| convert::wire_date(day_in_england(last.accepted_at))),
        invitees: invitees.collect(),
        warnings: open.exchanges.iter().filter(|_| runs).flat_map(warned).collect(),
        clocks: clocks.map(wire_started).collect(),
        exchanges: exchanges
            .map(|one| CaseExchange {
                exchange: name(one.exchange),
                kind: one.kind.code().to_owned(),
                sender_agency_id: one.sender.to_string(),
                accept_time: Some(convert::wire_time(one.accepted_at)),
            })
            .collect(),
        case_reference: open.record.case_reference.clone().unwrap_or_default(),
    })
}

/// The codes of what was warned of when an exchange was accepted, without their words.
fn warned(exchange: &ExchangeRecord) -> Vec<String> {
    Outside::read(&exchange.header)
        .receipt
        .unwrap_or_default()
        .warnings
        .iter()
        .filter_map(|words| words.split(':').next().map(str::to_owned))
        .collect()
}

const fn wire_answer(answer: InvitationAnswer) -> wire::AttendanceAnswer {
    match answer {
        InvitationAnswer::Accept => wire::AttendanceAnswer::Accept,
        InvitationAnswer::Decline => wire::AttendanceAnswer::Decline,
        InvitationAnswer::Substitute => wire::AttendanceAnswer::Substitute,
        InvitationAnswer::WrittenAdviceOnly => wire::AttendanceAnswer::WrittenAdviceOnly,
    }
}
