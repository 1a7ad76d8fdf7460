//! What stops when a record takes a basis away: every copy not yet collected that the law no longer allows.

use std::collections::HashSet;

use jiff::civil::Date;
use sendhub_domain::disclosure::ReferralStanding;
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryState, HubNoticeCode, RightsRecordId};
use sendhub_domain::person::SubjectId;
use sendhub_domain::rights::RightsFacts;
use sendhub_policy::{Effect as Outcome, Stage};
use sendhub_store::seal::DataKey;
use sendhub_store::{CommitRefused, Effect, StoreError};
use tracing::warn;

use crate::exchange::circumstances::Circumstances;
use crate::exchange::draft::TRIES;
use crate::exchange::facts::Copy;
use crate::exchange::handing::rung;
use crate::exchange::header::Outside;
use crate::exchange::notices::News;
use crate::hub::Hub;
use crate::identity::Caller;

impl Hub {
    /// Stops what was sent between reading and writing, on rights that stood until then. Should this fail, such a copy
    /// is refused all the same when it is asked for.
    pub(super) async fn stop_late(
        &self,
        caller: &Caller,
        method: &'static str,
        subject: SubjectId,
        key: &DataKey,
        born: Date,
    ) -> u32 {
        for _ in 0..TRIES {
            let mut effects = Vec::new();
            let found = match self.rights_of(subject, key, born).await {
                Ok(held) => self.stop(&held.records, &held.facts, &mut effects).await,
                Err(failure) => Err(failure),
            };
            let stopped = match found {
                Ok(0) => return 0,
                Ok(stopped) => stopped,
                Err(error) => {
                    warn!(%error, "what was sent meanwhile could not be looked at; it is refused at collection");
                    return 0;
                }
            };
            let mut event = self.event(EventKind::DeliveryStopped, EventOutcome::Success, caller, method);
            event.subject = Some(subject);
            event.facts.push(("stopped", stopped.to_string()));
            let told = rung(&effects);
            match self.record(&event, effects).await {
                Ok(_) => {
                    for agency in told {
                        self.wakeups.ring(&agency);
                    }
                    return stopped;
                }
                // Collected or changed meanwhile: looked at again.
                Err(CommitRefused::Conflict(_)) => {}
                Err(failure) => {
                    warn!(
                        ?failure,
                        "what was sent meanwhile could not be stopped; it is refused at collection"
                    );
                    return 0;
                }
            }
        }
        0
    }

    /// Stops every copy not yet collected that rests on what is recorded and that the law no longer allows, and
    /// tells those concerned. The answer is how many.
    pub(super) async fn stop(
        &self,
        records: &[RightsRecordId],
        rights: &RightsFacts,
        effects: &mut Vec<Effect>,
    ) -> Result<u32, StoreError> {
        let directory = self.directory.load_full();
        let mut seen = HashSet::new();
        let mut count = 0;
        for record in records {
            for copy in self.store.relying_on(*record).await? {
                if !seen.insert(copy.delivery) {
                    continue;
                }
                let Some(exchange) = self.store.exchange(copy.exchange).await? else {
                    continue;
                };
                let outside = Outside::read(&exchange.header);
                let (Some(standing), Some(sender), Some(recipient)) = (
                    outside.standing(&copy.recipient),
                    directory.agency(&copy.sender),
                    directory.agency(&copy.recipient),
                ) else {
                    continue;
                };
                let mut question = Copy {
                    stage: Stage::Collect(copy.state),
                    sender,
                    recipient,
                    standing: &standing,
                    circumstances: &Circumstances::read(outside.circumstances.as_ref()),
                    referral: ReferralStanding::NotDecided,
                    rights,
                    on: self.today(),
                };
                let (decision, _) = self.decide_referred(&mut question, copy.exchange).await?;
                // What a named person must now decide waits for that person: collecting puts it before them.
                if decision.effect != Outcome::Deny {
                    continue;
                }
                // What was collected stays so and is not handed over again; its recipient is told like the others.
                if copy.state == DeliveryState::Waiting {
                    effects.push(Effect::MoveDelivery {
                        delivery: copy.delivery,
                        from: &[DeliveryState::Waiting],
                        to: DeliveryState::Stopped,
                        at: self.clock.now(),
                    });
                    count += 1;
                }
                effects.extend(self.tell(
                    &News {
                        code: HubNoticeCode::ConsentWithdrawn,
                        about: exchange.exchange,
                        case_reference: copy.case_reference.as_deref(),
                        on: self.today(),
                        once: format!("stopped/{}", copy.delivery),
                    },
                    self.concerned(&exchange, &copy.recipient),
                ));
            }
        }
        Ok(count)
    }
}
