//! Intake: the walk that every exchange beside transfer takes, from its request to its receipt.

use jiff::civil::Date;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::exchange::Exchange;
use sendhub_contracts::refusal::{self, Refusal};
use sendhub_contracts::types::v1 as types;
use sendhub_domain::age::SchoolYearStart;
use sendhub_domain::assessment::StepRefused;
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::{CaseId, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::rights::RightsFacts;
use sendhub_store::StoreError;
use sendhub_store::reads::ExchangeRecord;
use tonic::Status;
use uuid::Uuid;

use super::draft::{Draft, NotTaken, Offer, TRIES, Text};
use super::handing::any_exchange;
use super::header::Outside;
use super::matters::OpenMatter;
use super::parties::{Sent, named, wrong};
use crate::hub::{Hub, exchange_not_found, is_passing, recorded, store_refusal};
use crate::identity::Caller;

/// Where a request belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within<'a> {
    /// To no case.
    Nothing,
    /// To a case, named in this field.
    Case(&'static str, &'a str),
    /// To the case of the exchange that it answers, named in this field.
    Answer(&'static str, &'a str),
}

/// What is known when a request is turned into a draft.
pub(crate) struct Place<'a> {
    pub(crate) exchange: ExchangeId,
    pub(crate) today: Date,
    pub(crate) matter: Option<&'a OpenMatter>,
    pub(crate) answered: Option<&'a ExchangeRecord>,
    /// What is recorded of the person's rights; nothing but the date of birth for requests that do not weigh them.
    pub(crate) rights: &'a RightsFacts,
}

/// A request that brings an exchange.
pub(crate) trait Intake: Exchange + Send + Sync {
    /// The method that takes it.
    const METHOD: &'static str;
    /// What it becomes.
    const KIND: ExchangeKind;
    /// Whether its draft depends on who holds the rights today.
    const WEIGHS_RIGHTS: bool = false;

    /// Where it belongs.
    fn within(&self) -> Within<'_> {
        Within::Nothing
    }

    /// What it comes to: recipients, facts, the step of its case.
    ///
    /// # Errors
    /// Every wrong field, or the refusal of the step with its provision.
    fn draft(&self, hub: &Hub, caller: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal>;
}

impl Hub {
    /// Takes one request from the wire. A refusal stands in the log when this returns.
    pub(crate) async fn take<R: Intake>(
        &self,
        caller: &Caller,
        request: &R,
    ) -> Result<types::Receipt, Status> {
        match Box::pin(self.try_take(caller, request)).await {
            Ok(receipt) => Ok(receipt),
            Err((refusal, Written::Yes)) => Err(recorded(refusal)),
            Err((refusal, Written::No)) if is_passing(refusal.reason) => Err(refusal.into()),
            Err((refusal, Written::No)) => {
                let mut event = self.event(
                    EventKind::ExchangeRefused,
                    EventOutcome::Refused,
                    caller,
                    R::METHOD,
                );
                event.exchange_kind = Some(R::KIND);
                event.request = request
                    .envelope()
                    .and_then(|envelope| Uuid::try_parse(&envelope.request_id).ok())
                    .map(RequestId);
                Err(recorded(self.refuse(event, refusal).await))
            }
        }
    }

    async fn try_take<R: Intake>(
        &self,
        caller: &Caller,
        request: &R,
    ) -> Result<types::Receipt, (Refusal, Written)> {
        let fresh = |refusal: Refusal| (refusal, Written::No);
        let sent = self.sent(request.envelope()).map_err(fresh)?;
        let text = Text::of(request);
        // A repetition gets its first receipt, whatever has become of the case since.
        let before = self
            .accepted_before(caller, sent.request, &text.digest)
            .await
            .map_err(fresh)?;
        if let Some(receipt) = before {
            return Ok(receipt);
        }
        for _ in 0..TRIES {
            let answered = self.answered(caller, request.within()).await.map_err(fresh)?;
            let matter = self
                .matter_of(caller, request.within(), answered.as_ref())
                .await
                .map_err(fresh)?;
            let rights = self
                .rights_for_draft(caller, &sent, R::WEIGHS_RIGHTS)
                .await
                .map_err(fresh)?;
            let place = Place {
                rights: &rights,
                exchange: ExchangeId(self.clock.new_id()),
                today: self.today(),
                matter: matter.as_ref(),
                answered: answered.as_ref(),
            };
            let draft = match request.draft(self, caller, &sent, &place) {
                Ok(draft) => draft,
                // The same request may have been taken a moment ago, and its step cannot be taken twice.
                Err(refusal) => {
                    let taken = self.accepted_before(caller, sent.request, &text.digest).await;
                    return taken.map_err(fresh)?.ok_or_else(|| fresh(refusal));
                }
            };
            let offer = Offer {
                caller,
                method: R::METHOD,
                kind: R::KIND,
                exchange: place.exchange,
                draft,
                sent: &sent,
                text: &text,
            };
            match self.offer(&offer).await {
                Ok(receipt) => return Ok(receipt),
                Err(NotTaken::CaseMoved) => {}
                Err(NotTaken::Refused(refusal)) => return Err((refusal, Written::Yes)),
            }
        }
        Err(fresh(Refusal::new(
            Reason::CaseMoved,
            "the case was changed again and again at the same moment; send it again",
        )))
    }

    /// What is recorded of the person's rights, when the draft weighs it.
    async fn rights_for_draft(
        &self,
        caller: &Caller,
        sent: &Sent,
        weighs: bool,
    ) -> Result<RightsFacts, Refusal> {
        let born = sent.person.date_of_birth;
        let unknown = RightsFacts::new(born, SchoolYearStart::Unknown);
        if !weighs {
            return Ok(unknown);
        }
        let failed = |failure: StoreError| store_refusal(&failure);
        let tags = self.register.tags(&sent.person, &caller.agency.id);
        match self.register.look_up(&tags).await.map_err(failed)?.as_slice() {
            [one] => {
                let (key, born) = self.register.person(one.subject).await.map_err(failed)?;
                let held = self.rights_of(one.subject, &key, born).await.map_err(failed)?;
                Ok(held.facts)
            }
            // Nobody, or several: the offer admits or refuses them.
            _ => Ok(unknown),
        }
    }

    /// The exchange that a request answers, if the caller was party to it.
    async fn answered(&self, caller: &Caller, within: Within<'_>) -> Result<Option<ExchangeRecord>, Refusal> {
        let Within::Answer(field, name) = within else {
            return Ok(None);
        };
        let id = any_exchange(name)
            .ok_or_else(|| Refusal::fields(vec![wrong(field, "is not of the form exchanges/<uuid>")]))?;
        let record = self
            .store
            .exchange(id)
            .await
            .map_err(|failure| store_refusal(&failure))?
            .ok_or_else(exchange_not_found)?;
        let own = &caller.agency.id;
        let party = record.sender == *own || Outside::read(&record.header).standing(own).is_some();
        party.then_some(record).map(Some).ok_or_else(exchange_not_found)
    }

    /// The case that a request belongs to, as its steps have made it.
    async fn matter_of(
        &self,
        caller: &Caller,
        within: Within<'_>,
        answered: Option<&ExchangeRecord>,
    ) -> Result<Option<OpenMatter>, Refusal> {
        let case =
            match within {
                Within::Nothing => return Ok(None),
                Within::Answer(..) => answered.and_then(|record| record.case),
                Within::Case(_, "") => None,
                Within::Case(field, name) => Some(CaseId(named("cases", name).ok_or_else(|| {
                    Refusal::fields(vec![wrong(field, "is not of the form cases/<uuid>")])
                })?)),
            };
        let Some(case) = case else { return Ok(None) };
        self.open_matter(caller, case).await.map(Some)
    }
}

/// Whether a refusal stands in the log already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Yes,
    No,
}

/// What a refused step says to the caller.
pub(crate) fn step_refusal(refused: &StepRefused) -> Refusal {
    let reason = match refused.reason {
        "GROUND_NOT_OPEN_TO_ADVISERS" => Reason::ExceptionNotOpen,
        code => refusal::reason_named(code).unwrap_or(Reason::CaseStepRefused),
    };
    let message = if reason == Reason::CaseStepRefused {
        format!("{} ({})", refused.message, refused.reason)
    } else {
        refused.message.clone()
    };
    let mut answer = Refusal::new(reason, message).remedy(refused.remedy);
    answer.provision = Some(refused.provision.to_owned());
    answer
}

/// The request belongs to a case, and there is none.
pub(crate) fn case_not_found() -> Refusal {
    Refusal::new(
        Reason::CaseNotFound,
        "there is no such case that this agency may know of",
    )
}
