//! What a step of a case leads to: clocks started, ended and lifted, warnings; and the refusal of a step.

use jiff::civil::Date;

use crate::agency::AgencyId;
use crate::exchange::ExchangeId;

/// Who owes what a clock counts towards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// An agency of the directory.
    Agency(AgencyId),
    /// One who is no agency of the hub, by stable code: [`Owner::FAMILY`], [`Owner::COMMISSIONING_BODY`],
    /// [`Owner::MEDIATION_ADVISER`].
    Role(&'static str),
}

impl Owner {
    /// The child's parent or the young person, whoever holds the right.
    pub const FAMILY: Self = Self::Role("FAMILY");
    /// The responsible commissioning body, when no agency is given for it.
    pub const COMMISSIONING_BODY: Self = Self::Role("COMMISSIONING_BODY");
    /// The mediation adviser who issues the certificate (SEND Regulations 2014 reg 39).
    pub const MEDIATION_ADVISER: Self = Self::Role("MEDIATION_ADVISER");
}

/// A clock to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockStart {
    /// The clock's stable code, for instance `ADVICE_RETURN_6W`.
    pub rule: &'static str,
    /// The day of the event from which it counts (or, for the clocks that count back, to which).
    pub event_on: Date,
    /// Who owes it.
    pub owed_by: Owner,
    /// The exchange that it belongs to, where the case may have several such clocks; `None` for the case's own.
    pub for_exchange: Option<ExchangeId>,
    /// Whether the one who owes it is asked by guidance only, whatever the rule's own basis.
    pub guidance: bool,
    /// What the rule needs besides the event's day: names and values as in the rule's definition.
    pub params: Vec<(&'static str, String)>,
}

/// A clock to end: what it counted towards is done, or is no longer owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockEnd {
    /// The clock's stable code.
    pub rule: &'static str,
    /// The exchange that it belongs to; `None` for the case's own.
    pub for_exchange: Option<ExchangeId>,
    /// Whether what it counted towards is done; otherwise it is no longer owed, or another clock takes its place.
    pub done: bool,
}

/// A clock whose limit an exception lifts. It runs on: the due day still shows and "as soon as practicable" remains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockLift {
    /// The clock's stable code.
    pub rule: &'static str,
    /// The exchange that it belongs to.
    pub for_exchange: Option<ExchangeId>,
    /// The ground.
    pub ground: super::ExceptionGround,
    /// From when, and until when as far as it is known.
    pub period: Option<(Date, Option<Date>)>,
}

/// Something to look at that does not stop the step. Nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable code.
    pub code: &'static str,
    /// What it is, in a sentence.
    pub message: String,
    /// The provision it rests on.
    pub provision: &'static str,
}

impl Warning {
    /// A warning.
    pub(crate) fn new(code: &'static str, message: impl Into<String>, provision: &'static str) -> Self {
        Self {
            code,
            message: message.into(),
            provision,
        }
    }
}

/// What a step leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consequences {
    /// Clocks to start.
    pub start: Vec<ClockStart>,
    /// Clocks to end. Ends are carried out before starts: a clock may stand in both.
    pub end: Vec<ClockEnd>,
    /// Clocks whose limit is lifted.
    pub lift: Vec<ClockLift>,
    /// What to look at.
    pub warnings: Vec<Warning>,
}

/// Why a step is refused. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message} ({provision})")]
pub struct StepRefused {
    /// Stable code.
    pub reason: &'static str,
    /// What is wrong, in a sentence. Nothing in it is personal.
    pub message: String,
    /// The provision it rests on.
    pub provision: &'static str,
    /// What to do instead.
    pub remedy: &'static str,
}

impl StepRefused {
    /// A refusal.
    pub(crate) fn new(
        reason: &'static str,
        message: impl Into<String>,
        provision: &'static str,
        remedy: &'static str,
    ) -> Self {
        Self {
            reason,
            message: message.into(),
            provision,
            remedy,
        }
    }
}

/// The clocks that run in a case, so that each is ended once and only while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Running(Vec<ClockStart>);

impl Running {
    /// Whether this clock of the case's own runs.
    pub(crate) fn has(&self, rule: &str) -> bool {
        self.0
            .iter()
            .any(|clock| clock.rule == rule && clock.for_exchange.is_none())
    }

    /// Starts a clock of the case's own.
    pub(crate) fn start(
        &mut self,
        out: &mut Consequences,
        rule: &'static str,
        event_on: Date,
        owed_by: Owner,
        params: Vec<(&'static str, String)>,
    ) {
        self.start_clock(
            out,
            ClockStart {
                rule,
                event_on,
                owed_by,
                for_exchange: None,
                guidance: false,
                params,
            },
        );
    }

    /// Starts a clock; one of the same name that runs already is ended first.
    pub(crate) fn start_clock(&mut self, out: &mut Consequences, clock: ClockStart) {
        self.close(out, clock.rule, clock.for_exchange, false);
        self.0.push(clock.clone());
        out.start.push(clock);
    }

    /// Ends clocks of the case's own, those of them that run: what they counted towards is done.
    pub(crate) fn end(&mut self, out: &mut Consequences, rules: &[&'static str]) {
        for rule in rules {
            self.close(out, rule, None, true);
        }
    }

    /// Ends clocks of the case's own, those of them that run: what they counted towards is no longer owed.
    pub(crate) fn stop(&mut self, out: &mut Consequences, rules: &[&'static str]) {
        for rule in rules {
            self.close(out, rule, None, false);
        }
    }

    /// Ends the clock of one exchange, if it runs: what it counted towards is done.
    pub(crate) fn end_for(
        &mut self,
        out: &mut Consequences,
        rule: &'static str,
        for_exchange: Option<ExchangeId>,
    ) {
        self.close(out, rule, for_exchange, true);
    }

    /// Ends the clock of one exchange, if it runs: what it counted towards is no longer owed.
    pub(crate) fn stop_for(
        &mut self,
        out: &mut Consequences,
        rule: &'static str,
        for_exchange: Option<ExchangeId>,
    ) {
        self.close(out, rule, for_exchange, false);
    }

    fn close(
        &mut self,
        out: &mut Consequences,
        rule: &'static str,
        for_exchange: Option<ExchangeId>,
        done: bool,
    ) {
        let at = self
            .0
            .iter()
            .position(|clock| clock.rule == rule && clock.for_exchange == for_exchange);
        if let Some(at) = at {
            self.0.remove(at);
            out.end.push(ClockEnd {
                rule,
                for_exchange,
                done,
            });
        }
    }

    /// Ends every clock of this rule, whichever exchange it belongs to: nobody waits for it any more.
    pub(crate) fn end_all(&mut self, out: &mut Consequences, rule: &'static str) {
        self.end_where(out, |clock| clock.rule == rule);
    }

    /// Ends whatever runs: nothing of it is owed any more.
    pub(crate) fn end_everything(&mut self, out: &mut Consequences) {
        self.end_where(out, |_| true);
    }

    fn end_where(&mut self, out: &mut Consequences, ends: impl Fn(&ClockStart) -> bool) {
        self.0.retain(|clock| {
            let over = ends(clock);
            if over {
                out.end.push(ClockEnd {
                    rule: clock.rule,
                    for_exchange: clock.for_exchange,
                    done: false,
                });
            }
            !over
        });
    }

    /// Gives what one agency owes to another: ends its clocks and starts the same for the other. What
    /// nobody on the hub owes, the family's part for one, goes on under the eyes of the other.
    pub(crate) fn hand_over(&mut self, out: &mut Consequences, from: &AgencyId, to: &AgencyId) {
        let owed_by = Owner::Agency(from.clone());
        let theirs: Vec<_> = self
            .0
            .iter()
            .filter(|clock| clock.owed_by == owed_by || matches!(clock.owed_by, Owner::Role(_)))
            .cloned()
            .collect();
        for clock in theirs {
            let owed_by = match clock.owed_by {
                Owner::Role(role) => Owner::Role(role),
                Owner::Agency(_) => Owner::Agency(to.clone()),
            };
            self.start_clock(out, ClockStart { owed_by, ..clock });
        }
    }
}
