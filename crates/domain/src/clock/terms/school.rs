//! Clocks of schools: records, registers, child-protection files; and of complaints about data.

use super::Party::{
    Complainant, DataController, Family, FormerSchool, Institution, NewSchool, OtherSchool,
    ResponsibleAuthority,
};
use super::{ClockBasis, Counting, Terms};

pub(super) const PUPIL_RECORD: Terms = Terms::duty(
    ClockBasis::Hard,
    "Education (Pupil Information) (England) Regulations 2005 (SI 2005/1437) reg 9(3)",
    "pupil ceases to be registered",
    Counting::SchoolDaysAfter(15),
    FormerSchool,
    &[NewSchool],
);
pub(super) const DUAL_REGISTRATION_COPY: Terms = Terms::duty(
    ClockBasis::Hard,
    "Education (Pupil Information) (England) Regulations 2005 (SI 2005/1437) reg 9(3B)",
    "head learned of the second registration",
    Counting::SchoolDaysAfter(15),
    Institution,
    &[OtherSchool],
);
pub(super) const PUPIL_RECORD_COPY: Terms = Terms::duty(
    ClockBasis::Hard,
    "Education (Pupil Information) (England) Regulations 2005 (SI 2005/1437) reg 5",
    "parent's written request received",
    Counting::SchoolDaysAfter(15),
    Institution,
    &[Family],
)
.for_review();
/// The text says neither school days nor working days, so all days count.
pub(super) const NEW_PUPIL_RETURN: Terms = Terms::duty(
    ClockBasis::Hard,
    "School Attendance (Pupil Registration) (England) Regulations 2024 (SI 2024/208) reg 13(1)",
    "name entered in the admission register",
    Counting::DaysAfter(5),
    Institution,
    &[ResponsibleAuthority],
);
/// "At once" is known from the rule of 2006.
pub(super) const DELETION_RETURN: Terms = Terms::duty(
    ClockBasis::Hard,
    "School Attendance (Pupil Registration) (England) Regulations 2024 (SI 2024/208) reg 13(4)",
    "ground for deleting the name arises",
    Counting::AtOnce,
    Institution,
    &[ResponsibleAuthority],
)
.for_review();
/// "Days" is not defined there: school days are counted, and a warning is given on the fifth day of any kind.
pub(super) const CHILD_PROTECTION_FILE: Terms = Terms::duty(
    ClockBasis::Guidance,
    "Keeping Children Safe in Education (statutory guidance), transfer of the child-protection file",
    "pupil moves in the course of the year",
    Counting::SchoolDaysAfter(5),
    FormerSchool,
    &[NewSchool],
)
.for_review();
pub(super) const CHILD_PROTECTION_FILE_TERM: Terms = Terms::duty(
    ClockBasis::Guidance,
    "Keeping Children Safe in Education (statutory guidance), transfer of the child-protection file",
    "first day of the term in which the pupil starts",
    Counting::SchoolDaysFrom(5),
    FormerSchool,
    &[NewSchool],
)
.for_review();
pub(super) const COMPLAINT_ACKNOWLEDGE: Terms = Terms::duty(
    ClockBasis::Hard,
    "Data Protection Act 2018 as amended by the Data (Use and Access) Act 2025: section not read",
    "complaint about data protection received",
    Counting::DaysAfter(30),
    DataController,
    &[Complainant],
)
.for_review();
