//! The clocks that a review starts and ends, by their stable codes.

/// Circulate the advice: two weeks before the meeting (SEND Regulations 2014 reg 20(4)). Counts back from the meeting.
pub const CIRCULATE_ADVICE: &str = "REVIEW_ADVICE_CIRCULATE_2W";
/// Send the report: two weeks after the meeting (reg 20(9)).
pub const REPORT: &str = "REVIEW_REPORT_2W";
/// Decide and tell: four weeks after the meeting, within the twelve months (reg 20(10); Children and Families Act
/// 2014 s.44(1)). The parameter `anniversary_limit` is the last day of the twelve months.
pub const DECISION: &str = "REVIEW_DECISION_4W";
/// Review within twelve months (Children and Families Act 2014 s.44(1)).
pub const ANNUAL_REVIEW: &str = "ANNUAL_REVIEW_12M";
/// Name the next phase's place (reg 18(1)). The parameter is `kind`; the event is the year's first day.
pub const PHASE_TRANSFER: &str = "PHASE_TRANSFER";
/// From one post-16 institution to another (reg 18(2)): counts back from the planned day.
pub const POST16_MOVE: &str = "POST16_TO_POST16_5M";
/// Comment on the proposed changes: 15 days beginning with the day of service (reg 22(2)(c)).
pub const AMEND_REPS: &str = "AMEND_REPS_LAST_DAY_15D";
/// Send the amended plan: eight weeks from the notice (reg 22(3)).
pub const AMEND_FINAL: &str = "AMEND_FINAL_8W";
/// The same, twelve weeks from the meeting at the latest, as the court read the Regulations.
pub const AMEND_LONGSTOP: &str = "AMEND_FINAL_LONGSTOP_12W";
/// Or tell that the plan is not amended: eight weeks from the notice (reg 22(4)).
pub const NOT_AMEND: &str = "NOT_AMEND_NOTICE_8W";
pub use crate::assessment::clocks::{APPEAL_LIMIT, CONSULT_REPLY};

/// Every clock that a review may start.
pub const ALL: &[&str] = &[
    CIRCULATE_ADVICE,
    REPORT,
    DECISION,
    ANNUAL_REVIEW,
    PHASE_TRANSFER,
    POST16_MOVE,
    AMEND_REPS,
    AMEND_FINAL,
    AMEND_LONGSTOP,
    NOT_AMEND,
    APPEAL_LIMIT,
    CONSULT_REPLY,
];
