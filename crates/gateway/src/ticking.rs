//! Ticking: on the right days those who owe a clock, and the authority, are warned, told and chased.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use sendhub_domain::clock::{ClockRule, NoticePlan};
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_store::reads::ClockRecord;
use sendhub_store::{CommitRefused, Conflict, Effect, StoreError};
use tracing::warn;

use crate::exchange::handing::rung;
use crate::exchange::notices::News;
use crate::hub::Hub;

/// What the log names as the method of a clock's notice.
const METHOD: &str = "clock";
/// Clocks looked at in one go.
const AT_ONCE: u32 = 256;

impl Hub {
    /// Gives notices as they fall due, until the hub stops.
    pub async fn keep_clocks(self: Arc<Self>, every: Duration) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            if let Err(failure) = self.give_notices().await {
                warn!(%failure, "clocks could not be looked at; they are again in a moment");
            }
        }
    }

    /// Gives every notice that is due today. Several gateways may do so at once: the row's own day is compared and
    /// swapped, so each notice is given once.
    pub(crate) async fn give_notices(&self) -> Result<(), StoreError> {
        let today = self.today();
        loop {
            let due = self.store.clocks_to_notice(today, AT_ONCE).await?;
            if due.is_empty() {
                return Ok(());
            }
            let mut given = 0;
            for clock in &due {
                if self.stopping.is_cancelled() {
                    return Ok(());
                }
                given += usize::from(self.give_notice(clock, today).await);
            }
            // Where one could not be written the same clocks would come again at once: they come at the next tick.
            if due.len() < AT_ONCE as usize || given < due.len() {
                return Ok(());
            }
        }
    }

    /// Whether the notice is given, by this gateway or a quicker one.
    async fn give_notice(&self, clock: &ClockRecord, today: Date) -> bool {
        let plan = ClockRule::from_code(&clock.rule)
            .map(NoticePlan::of)
            .unwrap_or_default();
        let expected = clock.next_notice_on;
        let next = plan
            .next_after(today, clock.started_on, clock.due_on)
            .map(|notice| notice.on);
        let mut effects = vec![Effect::AdvanceClock {
            clock: clock.clock,
            expected,
            next,
        }];
        // After a standstill only the newest of the missed notices is given.
        let newest = plan
            .notices(clock.started_on, clock.due_on)
            .into_iter()
            .rfind(|notice| notice.on <= today);
        let mut event = AuditEvent::new(
            EventKind::ClockNotice,
            EventOutcome::Success,
            self.clock.now(),
            METHOD,
        );
        event.subject = Some(clock.subject);
        event.exchange = Some(clock.exchange);
        event.provision = Some(clock.provision.clone());
        event.facts.push(("clock", clock.rule.clone()));
        event.facts.push(("due_on", clock.due_on.to_string()));
        if let Some(notice) = newest {
            // A lifted limit is not overdue: the duty remains "as soon as practicable", and nobody is chased.
            let lifted = !clock.exceptions.is_empty() && today > clock.due_on;
            if !lifted {
                let told = std::iter::once(clock.owed_by.clone()).chain(clock.told.iter().cloned());
                effects.extend(self.tell(
                    &News {
                        code: notice.code,
                        about: clock.exchange,
                        case_reference: clock.case_reference.as_deref(),
                        on: clock.due_on,
                        once: format!("clock/{}/{}", clock.clock, notice.on),
                    },
                    told,
                ));
                event.facts.push(("notice", notice.code.code().into()));
                event.recipients = rung(&effects);
            }
        }
        let told = rung(&effects);
        match self.record(&event, effects).await {
            Ok(_) => {
                for agency in told {
                    self.wakeups.ring(&agency);
                }
                true
            }
            // Another gateway was quicker.
            Err(CommitRefused::Conflict(Conflict::ClockMoved)) => true,
            Err(failure) => {
                warn!(%failure, "a clock's notice could not be written; it is tried again");
                false
            }
        }
    }
}
