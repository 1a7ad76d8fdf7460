//! Clocks of mediation, of an appeal, and of what the tribunal orders or the authority does not oppose.

use super::Party::{
    CommissioningBody, Family, Institution, MediationAdviser, ResponsibleAuthority, Tribunal,
};
use super::{ClockBasis, ClockNature, Counting, Lifting, Terms, weeks};

const REG_44: &str = "SEND Regs 2014 (SI 2014/1530) reg 44(2)";
const REG_45: &str = "SEND Regs 2014 (SI 2014/1530) reg 45 as substituted by SI 2015/359 reg 8";
const MEDIATION: &str =
    "CFA 2014 ss.52 to 55; SEND Regs 2014 (SI 2014/1530) regs 32 to 42: paragraph not read";

/// A duty under an order of the tribunal.
const fn ordered(counting: Counting, told: &'static [super::Party]) -> Terms {
    Terms::duty(
        ClockBasis::Hard,
        REG_44,
        "tribunal order made",
        counting,
        ResponsibleAuthority,
        told,
    )
    .lifted_by(Lifting::Tribunal)
}

/// A duty that follows when the authority does not oppose an appeal.
const fn unopposed(counting: Counting, told: &'static [super::Party]) -> Terms {
    Terms::duty(
        ClockBasis::Hard,
        REG_45,
        "authority notified the tribunal that it will not oppose",
        counting,
        ResponsibleAuthority,
        told,
    )
    .lifted_by(Lifting::Tribunal)
}

const NOTICE: &[super::Party] = &[Family, CommissioningBody, Institution];
const PLAN: &[super::Party] = &[Family, Institution, CommissioningBody];

pub(super) const ASSESS_NOTIFY: Terms = ordered(weeks(2), NOTICE);
pub(super) const ASSESS_NO_PLAN: Terms = ordered(weeks(10), NOTICE);
pub(super) const ASSESS_FINAL: Terms = ordered(weeks(14), PLAN);
pub(super) const MAKE_DRAFT: Terms = ordered(weeks(5), &[Family]);
pub(super) const MAKE_FINAL: Terms = ordered(weeks(11), PLAN);
/// The number is known from the list for appeals not opposed.
pub(super) const AMEND: Terms = ordered(weeks(5), PLAN).for_review();
/// The number is known from the list for appeals not opposed.
pub(super) const NAME_SCHOOL: Terms = ordered(weeks(2), PLAN).for_review();
pub(super) const CEASE_DISMISSED: Terms = ordered(Counting::AtOnce, PLAN).lifted_by(Lifting::Nothing);

pub(super) const UNOPPOSED_ASSESS_NOTIFY: Terms = unopposed(weeks(2), NOTICE);
pub(super) const UNOPPOSED_NO_PLAN: Terms = unopposed(weeks(10), NOTICE);
pub(super) const UNOPPOSED_FINAL: Terms = unopposed(weeks(14), PLAN);
pub(super) const UNOPPOSED_MAKE_DRAFT: Terms = unopposed(weeks(5), &[Family]);
pub(super) const UNOPPOSED_MAKE_FINAL: Terms = unopposed(weeks(11), PLAN);
pub(super) const UNOPPOSED_AMEND: Terms = unopposed(weeks(5), PLAN);
pub(super) const UNOPPOSED_NAME_SCHOOL: Terms = unopposed(weeks(2), PLAN);

pub(super) const MEDIATION_ARRANGE: Terms = Terms::duty(
    ClockBasis::Hard,
    MEDIATION,
    "authority told that mediation is wanted",
    Counting::DaysAfter(30),
    ResponsibleAuthority,
    &[Family, MediationAdviser],
)
.for_review();
pub(super) const MEDIATION_HEALTH_ARRANGE: Terms = Terms::duty(
    ClockBasis::Hard,
    MEDIATION,
    "commissioning body told that mediation about health alone is wanted",
    Counting::DaysAfter(30),
    CommissioningBody,
    &[Family, MediationAdviser],
)
.for_review();
pub(super) const MEDIATION_HEALTH_TELL: Terms = Terms::duty(
    ClockBasis::Hard,
    MEDIATION,
    "authority told that mediation is wanted, health issues among its matters",
    Counting::WorkingDaysAfter(3),
    ResponsibleAuthority,
    &[CommissioningBody],
)
.for_review();
pub(super) const MEDIATION_CERTIFICATE: Terms = Terms::duty(
    ClockBasis::Hard,
    "SEND Regs 2014 (SI 2014/1530) reg 39",
    "adviser told that mediation is not wanted, or mediation ended",
    Counting::WorkingDaysAfter(3),
    MediationAdviser,
    &[Family],
);
/// For information only: the tribunal's rules adjust for August and Christmas, which is not applied here.
pub(super) const APPEAL_LIMIT: Terms = Terms::duty(
    ClockBasis::Hard,
    "Tribunal Procedure (First-tier Tribunal) (HESC) Rules 2008 (SI 2008/2699): rule not read",
    "decision sent",
    Counting::LaterOfMonths {
        event: 2,
        certificate: 1,
    },
    Family,
    &[Tribunal],
)
.of_nature(ClockNature::Window)
.for_review();
