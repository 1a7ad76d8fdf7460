//! Clocks of a review, of what follows it, and of a transfer between phases.

use super::Party::{CommissioningBody, Family, Institution, Invitees, ResponsibleAuthority};
use super::{ClockBasis, ClockNature, Counting, Terms, weeks};

/// The stricter reading: 12 months *starting with* the date end the day before the anniversary.
pub(super) const ANNUAL_REVIEW: Terms = Terms::duty(
    ClockBasis::Hard,
    "CFA 2014 s.44(1)",
    "plan made, or last review concluded",
    Counting::MonthsFrom(12),
    ResponsibleAuthority,
    &[Family, Institution],
)
.for_review();
/// "Every 3 to 6 months", lighter, without the invitations of reg 20: the outer limit.
pub(super) const UNDER_FIVE_REVIEW: Terms = Terms::duty(
    ClockBasis::Guidance,
    "SEND Code of Practice 9.178",
    "plan made, or last review, of a child under five",
    Counting::MonthsFrom(6),
    ResponsibleAuthority,
    &[Family],
)
.for_review();
pub(super) const REVIEW_LIST: Terms = Terms::duty(
    ClockBasis::Guidance,
    "SEND Code of Practice 9.172",
    "first day of the term",
    Counting::DaysAhead(14),
    ResponsibleAuthority,
    &[Institution, CommissioningBody],
)
.for_review();
pub(super) const REVIEW_INVITE: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 20(3)",
    "day of the review meeting",
    Counting::DaysAhead(14),
    Institution,
    &[Invitees],
)
.for_review();
pub(super) const REVIEW_ADVICE_CIRCULATE: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 20(4)",
    "day of the review meeting",
    Counting::DaysAhead(14),
    Institution,
    &[Invitees],
)
.for_review();
pub(super) const REVIEW_REPORT: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 20(9)",
    "review meeting held",
    weeks(2),
    Institution,
    &[Invitees],
);
/// A review ends with this decision, not with the meeting, so both limits bind.
pub(super) const REVIEW_DECISION: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 20(10); CFA 2014 s.44(1)",
    "review meeting held",
    Counting::DaysAfterWithinTheYear(28),
    ResponsibleAuthority,
    &[Family, Institution],
);
/// This notice is the decision, so the 12 months bind it too.
pub(super) const AMEND_NOTICE: Terms = Terms::duty(
    ClockBasis::Court,
    "R (L, M and P) v Devon County Council [2022] EWHC 493 (Admin); SEND Regs 2014 (SI 2014/1530) regs 20(10), 22(1)",
    "review meeting held",
    Counting::DaysAfterWithinTheYear(28),
    ResponsibleAuthority,
    &[Family],
);
pub(super) const AMEND_REPRESENTATIONS: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 22(2)(c)",
    "notice of amendment served",
    Counting::DaysFrom(15),
    Family,
    &[ResponsibleAuthority],
)
.of_nature(ClockNature::Window);
/// Outside a review the same steps apply (reg 28).
pub(super) const AMEND_FINAL: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 22(3)",
    "notice of amendment sent",
    weeks(8),
    ResponsibleAuthority,
    &[Family, Institution, CommissioningBody],
);
pub(super) const NOT_AMEND_NOTICE: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 22(4)",
    "notice of amendment sent",
    weeks(8),
    ResponsibleAuthority,
    &[Family],
);
pub(super) const AMEND_FINAL_LONGSTOP: Terms = Terms::duty(
    ClockBasis::Court,
    "R (L, M and P) v Devon County Council [2022] EWHC 493 (Admin); SEND Regs 2014 (SI 2014/1530) reg 22(3)",
    "review meeting held",
    weeks(12),
    ResponsibleAuthority,
    &[Family, Institution, CommissioningBody],
);
pub(super) const PHASE_TRANSFER: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 18(1)",
    "calendar year of the transfer",
    Counting::BeforePhaseTransfer,
    ResponsibleAuthority,
    &[Family, Institution],
);
pub(super) const POST16_TRANSFER: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 18(2)",
    "planned day of the transfer",
    Counting::MonthsBefore(5),
    ResponsibleAuthority,
    &[Family, Institution],
);
