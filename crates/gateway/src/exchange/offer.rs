//! The way in: an exchange is decided for each of its recipients, written with its leaf, and answered with a receipt.

use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::disclosure::ReferralStanding;
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, ReferralId};
use sendhub_domain::person::IdentityMatch;
use sendhub_policy::{Effect as Outcome, Stage};
use sendhub_store::{Change, CommitRefused, Conflict, Effect, LogEntry, StoreError};

use super::draft::{CaseStep, NotTaken, Offer, TRIES};
use super::facts::{self};
use super::header::Standing;
use super::written::Answered;
use crate::accept::Waiting;
use crate::hub::{Hub, commit_refusal, denial, is_passing, store_refusal};

impl Hub {
    /// Takes an offer, or refuses it. A refusal stands in the log when this returns.
    pub(crate) async fn offer(&self, offer: &Offer<'_>) -> Result<types::Receipt, NotTaken> {
        let mut refused = self.event(
            EventKind::ExchangeRefused,
            EventOutcome::Refused,
            offer.caller,
            offer.method,
        );
        refused.exchange_kind = Some(offer.kind);
        refused.request = Some(offer.sent.request);
        refused.recipients = offer
            .draft
            .addressees
            .iter()
            .map(|one| one.agency.id.clone())
            .collect();
        match self.try_offer(offer, &mut refused).await {
            Err(NotTaken::Refused(refusal)) if !is_passing(refusal.reason) => {
                Err(NotTaken::Refused(self.refuse(refused, refusal).await))
            }
            result => result,
        }
    }

    async fn try_offer(
        &self,
        offer: &Offer<'_>,
        refused: &mut AuditEvent,
    ) -> Result<types::Receipt, NotTaken> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let sender = &offer.caller.agency.id;
        self.attachments_are_own(offer).await?;
        let tags = self.register.tags(&offer.sent.person, sender);
        for _ in 0..TRIES {
            let now = self.clock.now();
            let mut known = self.register.look_up(&tags).await.map_err(failed)?;
            // An adviser knows the person by numbers of its own, and may not have been given another's: in a case name
            // and date of birth say whether it is the one whom the case is about.
            if let (CaseStep::Extends(_, _, subject), true) = (offer.draft.case, known.is_empty()) {
                known.extend(self.store.subject(subject).await.map_err(failed)?);
            }
            let found = self
                .register
                .fit(&offer.sent.person, &tags, &known, now)
                .map_err(failed)?;
            refused.subject = Some(found.subject);
            let (Some(key), true) = (&found.key, found.identity != IdentityMatch::Conflict) else {
                return Err(identity_conflict().into());
            };
            if let CaseStep::Extends(_, _, subject) = offer.draft.case
                && subject != found.subject
            {
                return Err(other_person().into());
            }
            let rights = self
                .rights_of(found.subject, key, offer.sent.person.date_of_birth)
                .await
                .map_err(failed)?;
            self.consents_are_recorded(offer, &rights.records)?;
            let answered = self.answer_each(offer, &rights.facts, refused)?;
            let mut change = self
                .prepared(offer, &answered, found.subject, key, now)
                .map_err(failed)?;
            // The order matters to the guards: the person is there before the rest.
            change.effects.splice(0..0, found.effects);
            change.effects.push(Effect::ExpectRights {
                subject: found.subject,
                revision: rights.revision,
            });
            let entry = LogEntry::encode(&change.event);
            let leaf = entry.bytes.clone();
            let written = self
                .write(
                    Change {
                        entry,
                        effects: change.effects,
                    },
                    Waiting::Briefly,
                )
                .await;
            match written {
                Ok(committed) => {
                    for recipient in change.rung {
                        self.wakeups.ring(&recipient);
                    }
                    let mut receipt = change.receipt;
                    receipt.log = Some(self.position(leaf, committed));
                    return Ok(receipt);
                }
                Err(CommitRefused::Conflict(Conflict::SubjectChanged | Conflict::RightsChanged(_))) => {}
                Err(CommitRefused::Conflict(Conflict::CaseMoved(_))) => return Err(NotTaken::CaseMoved),
                Err(CommitRefused::Conflict(Conflict::AlreadyAccepted { exchange })) => {
                    return Ok(self.receipt(exchange).await?);
                }
                Err(failure) => return Err(commit_refusal(&failure).into()),
            }
        }
        Err(commit_refusal(&CommitRefused::Conflict(Conflict::SubjectChanged)).into())
    }

    /// Decides for every recipient; one refusal refuses the whole, so that nobody thinks that all have it.
    fn answer_each<'a>(
        &self,
        offer: &'a Offer<'_>,
        rights: &sendhub_domain::rights::RightsFacts,
        refused: &mut AuditEvent,
    ) -> Result<Vec<Answered<'a>>, Refusal> {
        let sent = offer.sent;
        let ground = offer.ground();
        let mut answered = Vec::with_capacity(offer.draft.addressees.len());
        for addressee in &offer.draft.addressees {
            let standing = Standing {
                item: addressee.item,
                role: addressee.role,
                ground,
                shown: addressee.shown && facts::shown_by_reference(ground, &sent.reference),
                purpose: sent.purpose.clone(),
                break_glass: sent.break_glass,
            };
            let decided = self.decide(&facts::Copy {
                stage: Stage::Submit,
                sender: &offer.caller.agency,
                recipient: &addressee.agency,
                standing: &standing,
                circumstances: &offer.draft.circumstances,
                referral: ReferralStanding::NotDecided,
                rights,
                on: self.today(),
            });
            if decided.decision.effect == Outcome::Deny {
                refused.policy_version = Some(decided.decision.policy_version.clone());
                refused.recipients = vec![addressee.agency.id.clone()];
                refused.facts.push(("item", standing.item.code().into()));
                return Err(denial(&decided.decision));
            }
            let waits = matches!(decided.decision.effect, Outcome::Refer | Outcome::Hold);
            answered.push(Answered {
                addressee,
                standing,
                decided,
                delivery: DeliveryId(self.clock.new_id()),
                referral: waits.then(|| ReferralId(self.clock.new_id())),
            });
        }
        Ok(answered)
    }
    /// Attachments that the envelope names must be the caller's own, uploaded before.
    async fn attachments_are_own(&self, offer: &Offer<'_>) -> Result<(), Refusal> {
        for id in &offer.sent.attachments {
            let known = self
                .store
                .attachment(*id)
                .await
                .map_err(|failure| store_refusal(&failure))?;
            if known.is_none_or(|one| one.owner != offer.caller.agency.id) {
                return Err(Refusal::new(
                    Reason::AttachmentNotFound,
                    "envelope.attachments: names an attachment that this agency has not uploaded",
                ));
            }
        }
        Ok(())
    }

    /// A consent that the sender says it relies on must be recorded of this person.
    fn consents_are_recorded(
        &self,
        offer: &Offer<'_>,
        recorded: &[sendhub_domain::exchange::RightsRecordId],
    ) -> Result<(), Refusal> {
        if offer.sent.consents.iter().all(|id| recorded.contains(id)) {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::RightsRecordNotFound,
            "envelope.consents: names a consent that is not recorded of this person",
        ))
    }
}

pub(crate) fn identity_conflict() -> Refusal {
    Refusal::new(
        Reason::IdentityConflict,
        "the identifiers lead to different people, or date of birth or name disagree with what is known",
    )
    .remedy("A person must find out who is meant; the hub never merges people by likeness.")
}

fn other_person() -> Refusal {
    Refusal::new(
        Reason::IdentityConflict,
        "envelope.subject: is another person than the case is about",
    )
    .remedy("Name the child or young person of the case.")
}
