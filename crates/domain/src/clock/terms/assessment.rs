//! Clocks of an assessment, a plan, a re-assessment and a move.

use super::Party::{
    Adviser, CommissioningBody, ConsultedInstitution, DsaAssessor, Family, FormerAuthority,
    FormerCommissioningBody, Institution, ResponsibleAuthority,
};
use super::{ClockBasis, ClockNature, Counting, Lifting, Terms, weeks};

pub(super) const CONSIDERING_TELL: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 4(2)",
    "request received by the authority, or it becomes responsible",
    Counting::AtOnce,
    ResponsibleAuthority,
    &[CommissioningBody, Institution],
);
pub(super) const EHCNA_DECIDE: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 5(1); reg 4(1)",
    "request received by the authority, or it becomes responsible",
    weeks(6),
    ResponsibleAuthority,
    &[Family, CommissioningBody, Institution],
)
.lifted_by(Lifting::Authority);
pub(super) const ADVICE_RETURN: Terms = Terms::duty(
    ClockBasis::Hard,
    "CFA 2014 s.31; SEND Regs 2014 (SI 2014/1530) reg 8(1)",
    "request for advice received by the body",
    weeks(6),
    Adviser,
    &[ResponsibleAuthority],
)
.lifted_by(Lifting::Adviser);
pub(super) const NO_PLAN_NOTICE: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 10(1)",
    "request received by the authority, or it becomes responsible",
    weeks(16),
    ResponsibleAuthority,
    &[Family, CommissioningBody, Institution],
)
.lifted_by(Lifting::Authority);
pub(super) const DRAFT_REPRESENTATIONS: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 13(1)(a)",
    "draft plan served",
    Counting::DaysFrom(15),
    Family,
    &[ResponsibleAuthority],
)
.of_nature(ClockNature::Window);
pub(super) const FINAL_PLAN_EARLIEST: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 13(1)(a)",
    "draft plan served, and the family has not answered in full",
    Counting::DaysAfter(15),
    ResponsibleAuthority,
    &[ResponsibleAuthority],
)
.of_nature(ClockNature::Earliest);
/// "Should": the authority goes on without an answer.
pub(super) const CONSULT_REPLY: Terms = Terms::duty(
    ClockBasis::Guidance,
    "CFA 2014 ss.39(2), 40(3); SEND Code of Practice 9.83",
    "consultation received by the school",
    Counting::DaysAfter(15),
    ConsultedInstitution,
    &[ResponsibleAuthority],
);
pub(super) const FINAL_PLAN: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 13(2)",
    "request received by the authority, or it becomes responsible",
    weeks(20),
    ResponsibleAuthority,
    &[Family, Institution, CommissioningBody],
)
.lifted_by(Lifting::Authority);
pub(super) const REASSESS_DECIDE: Terms = Terms::duty(
    ClockBasis::Hard,
    "CFA 2014 s.44(2); SEND Regs 2014 (SI 2014/1530) Part 2, re-assessment: paragraph not read",
    "request for re-assessment received by the authority",
    Counting::DaysAfter(15),
    ResponsibleAuthority,
    &[Family],
)
.for_review();
pub(super) const REASSESS_REFUSAL_WINDOW: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) Part 2, re-assessment: paragraph not read",
    "last assessment or re-assessment",
    Counting::MonthsFrom(6),
    ResponsibleAuthority,
    &[Family],
)
.of_nature(ClockNature::Window)
.for_review();
pub(super) const REASSESS_FINAL: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 27(2)",
    "notice that there will be a re-assessment",
    weeks(14),
    ResponsibleAuthority,
    &[Family, Institution, CommissioningBody],
)
.lifted_by(Lifting::Authority);

pub(super) const LA_TRANSFER: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 15(2)",
    "move to the new authority's area",
    Counting::MoveOrWorkingDaysFromAwareness(15),
    FormerAuthority,
    &[ResponsibleAuthority],
);
pub(super) const LA_TRANSFER_INFORM: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 15(4)",
    "plan transferred",
    weeks(6),
    ResponsibleAuthority,
    &[Family],
);
pub(super) const LA_TRANSFER_REVIEW: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 15(5)",
    "plan transferred",
    Counting::LaterOfPeriods {
        since_last: 12,
        since_event: 3,
    },
    ResponsibleAuthority,
    &[Family],
);
pub(super) const ICB_CHANGE_NOTIFY: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 16",
    "move to the area of another commissioning body",
    Counting::MoveOrWorkingDaysFromAwareness(15),
    FormerCommissioningBody,
    &[CommissioningBody],
);
/// Counted like its neighbour, with the first day; the paragraph was not read.
pub(super) const ICB_SECTION_G: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 16",
    "the new commissioning body becomes responsible and cannot arrange section G",
    Counting::WorkingDaysFrom(15),
    CommissioningBody,
    &[ResponsibleAuthority],
)
.for_review();
pub(super) const DSA_PLAN: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 47: number of days not read",
    "young person's request that the plan be sent",
    Counting::WorkingDaysAfter(15),
    ResponsibleAuthority,
    &[DsaAssessor],
)
.for_review();
