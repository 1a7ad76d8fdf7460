//! One request for advice as it stands, and what is still owed on a day.

use jiff::civil::Date;

use super::consequences::StepRefused;
use super::{AdviserKind, AssessmentCase, ExceptionGround};
use crate::agency::{AgencyId, coded};
use crate::exchange::ExchangeId;

coded! {
    /// How far one request for advice has come.
    AdviceStage {
        /// Asked.
        Requested = "REQUESTED",
        /// The adviser has it.
        Acknowledged = "ACKNOWLEDGED",
        /// The adviser asked what is meant, and waits.
        ClarificationAsked = "CLARIFICATION_ASKED",
        /// The adviser's service does not know the child: the authority has to say whether it takes that.
        NotKnown = "NOT_KNOWN",
        /// The advice is back.
        Returned = "RETURNED",
        /// The authority sent it back with reasons.
        SentBack = "SENT_BACK",
        /// The authority took it.
        Accepted = "ACCEPTED",
        /// The authority no longer asks.
        Withdrawn = "WITHDRAWN",
        /// The assessment ended before the advice was taken.
        Closed = "CLOSED",
    }
}

impl AdviceStage {
    /// Whether the adviser still owes advice.
    #[must_use]
    pub const fn is_outstanding(self) -> bool {
        matches!(
            self,
            Self::Requested | Self::Acknowledged | Self::ClarificationAsked | Self::SentBack
        )
    }
}

/// One request for advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdviceRequestState {
    /// The exchange by which it was asked: the request's name.
    pub request: ExchangeId,
    /// In which capacity.
    pub kind: AdviserKind,
    /// Who is asked.
    pub adviser: AgencyId,
    /// Whether reg 6 advice is asked, not information that exists already.
    pub statutory: bool,
    /// Whether only guidance asks for the six weeks, since Children and Families Act 2014 s.31 does not bind it.
    pub guidance: bool,
    /// The day on which the adviser received it: the one on which the hub put it into its mailbox.
    pub asked_on: Date,
    /// The last day in time: six weeks after (reg 8(1)). `None` for what is no reg 6 advice.
    pub due_on: Option<Date>,
    /// How far it has come.
    pub stage: AdviceStage,
    /// The ground on which its limit is lifted. It is still owed, as soon as practicable.
    pub exception: Option<ExceptionGround>,
    /// The day of the last answer that was advice or "not known".
    pub answered_on: Option<Date>,
}

/// A request whose advice is still owed on a day: what to chase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutstandingAdvice<'case> {
    /// The request.
    pub request: &'case AdviceRequestState,
    /// Days until it is due; negative when it is late. `None` when the limit has no day.
    pub days_left: Option<i32>,
}

impl AssessmentCase {
    /// The requests whose advice is owed on a day, by due day. "Not known" is an answer, so it is not chased.
    #[must_use]
    pub fn outstanding_on(&self, day: Date) -> Vec<OutstandingAdvice<'_>> {
        let mut owed: Vec<_> = self
            .requests
            .iter()
            .filter(|request| request.stage.is_outstanding() && request.asked_on <= day)
            .map(|request| OutstandingAdvice {
                request,
                days_left: request.due_on.and_then(|due| days_from(day, due)),
            })
            .collect();
        owed.sort_by_key(|owed| (owed.days_left.unwrap_or(i32::MAX), owed.request.request));
        owed
    }

    /// The one asked in a request.
    pub(super) fn adviser_of(&self, request: ExchangeId) -> Option<&AgencyId> {
        self.requests
            .iter()
            .find(|asked| asked.request == request)
            .map(|asked| &asked.adviser)
    }
}

pub(super) fn unknown_request() -> StepRefused {
    StepRefused::new(
        "UNKNOWN_ADVICE_REQUEST",
        "the case holds no such request for advice",
        "SEND Regulations 2014 reg 8(1)",
        "give the id of the exchange by which the advice was asked",
    )
}

/// Why a request in one stage cannot come to another.
pub(super) fn wrong_stage(stage: AdviceStage, to: AdviceStage) -> StepRefused {
    let (reason, remedy) = match stage {
        stage if stage.is_outstanding() && matches!(to, AdviceStage::Accepted | AdviceStage::SentBack) => {
            ("ADVICE_NOT_RETURNED", "wait for the adviser's answer")
        }
        AdviceStage::Accepted => ("ADVICE_ALREADY_ACCEPTED", "nothing more is needed"),
        AdviceStage::Returned | AdviceStage::NotKnown => (
            "ADVICE_ALREADY_RETURNED",
            "the authority accepts it or sends it back",
        ),
        AdviceStage::Withdrawn | AdviceStage::Closed => ("ADVICE_REQUEST_CLOSED", "nothing more is needed"),
        AdviceStage::ClarificationAsked => (
            "CLARIFICATION_OPEN",
            "the authority answers the question, or the adviser returns its advice",
        ),
        AdviceStage::Acknowledged => ("ALREADY_ACKNOWLEDGED", "return the advice"),
        AdviceStage::Requested | AdviceStage::SentBack => {
            ("ADVICE_NOT_RETURNED", "wait for the adviser's answer")
        }
    };
    StepRefused::new(
        reason,
        format!("the request for advice is in stage {stage}"),
        "SEND Regulations 2014 reg 8(1)",
        remedy,
    )
}

/// So many days after a day; `None` past the year 9999.
pub(crate) fn after(day: Date, days: i64) -> Option<Date> {
    day.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// Days from one day to another, negative when the other is earlier.
pub(crate) fn days_from(day: Date, other: Date) -> Option<i32> {
    day.until((jiff::Unit::Day, other))
        .ok()
        .map(|span| span.get_days())
}
