//! What a clock needs to know beside its event: further dates, a mode, a kind of transfer.

use jiff::civil::Date;

use crate::agency::coded;
use crate::calendar::iso_day;
use crate::identifiers::LaEstab;

coded! {
    /// How "at least two weeks before" is read (SEND Regs 2014 reg 20(3); lawyers differ, so both are kept).
    NoticeReading {
        /// The fourteenth day before the meeting is in time.
        Ordinary = "ordinary",
        /// Clear days: neither the day of sending nor that of the meeting counts, so the fifteenth day before.
        ClearDays = "clear_days",
    }
}

coded! {
    /// Between which phases of education a child or young person moves (SEND Regs 2014 reg 2(1)).
    PhaseKind {
        /// From early years to school.
        EarlyYearsToSchool = "early_years_to_school",
        /// From infant to junior school.
        InfantToJunior = "infant_to_junior",
        /// From primary to middle school.
        PrimaryToMiddle = "primary_to_middle",
        /// From primary to secondary school.
        PrimaryToSecondary = "primary_to_secondary",
        /// From middle to secondary school.
        MiddleToSecondary = "middle_to_secondary",
        /// From secondary school to a post-16 institution.
        SecondaryToPost16 = "secondary_to_post16",
    }
}

/// Other spellings of a kind of transfer.
const KIND_ALIASES: &[(&str, PhaseKind)] = &[
    ("ey_to_school", PhaseKind::EarlyYearsToSchool),
    ("early_years_to_primary", PhaseKind::EarlyYearsToSchool),
    ("early_years_to_infant", PhaseKind::EarlyYearsToSchool),
    ("nursery_to_school", PhaseKind::EarlyYearsToSchool),
    ("secondary_to_post_16", PhaseKind::SecondaryToPost16),
    ("secondary_to_college", PhaseKind::SecondaryToPost16),
];

/// Other spellings of the ordinary reading of a notice.
const ORDINARY: &[&str] = &[
    "ordinary",
    "plain",
    "simple",
    "literal",
    "calendar",
    "calendar_days",
    "two_weeks",
    "14_days",
    "at_least",
];

/// Further facts of a clock; each is read only by the clocks that name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockParams {
    /// The last day of the 12 months of CFA 2014 s.44(1), for a decision after a review (`anniversary_limit`).
    pub anniversary_limit: Option<Date>,
    /// How a notice before a meeting is counted (`mode`); the ordinary reading when not given.
    pub notice_reading: Option<NoticeReading>,
    /// Which phases a transfer lies between (`kind`).
    pub phase: Option<PhaseKind>,
    /// The day on which the old authority or commissioning body learned of the move (`old_la_aware`,
    /// `old_icb_aware`).
    pub old_body_aware: Option<Date>,
    /// The day on which the plan was made or last reviewed (`last_made_or_reviewed`).
    pub last_made_or_reviewed: Option<Date>,
    /// The day of the mediation certificate (`certificate`).
    pub certificate: Option<Date>,
    /// The first day on which the school is closed (`closed_from`).
    pub closed_from: Option<Date>,
    /// The day on which it opens again (`reopens`).
    pub reopens: Option<Date>,
    /// The first day on which one who was away is back (`returned`).
    pub returned: Option<Date>,
    /// The school whose calendar counts (`calendar`); the caller looks it up.
    pub calendar: Option<LaEstab>,
}

/// Why a parameter cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// It is not a name, an equals sign and a value.
    #[error("a parameter is a name, an equals sign and a value")]
    Form,
    /// No parameter has this name.
    #[error("no such parameter")]
    Name,
    /// The value is no date, mode, kind or school number that is known.
    #[error("{0}: the value cannot be read")]
    Value(&'static str),
}

impl ClockParams {
    /// Reads `name=value` pairs with semicolons between them. A name without a value is as if it were not there.
    ///
    /// # Errors
    /// [`ParamsError`], for the first pair that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ParamsError> {
        let mut params = Self::default();
        for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(ParamsError::Form)?;
            params.set(name.trim(), value.trim())?;
        }
        Ok(params)
    }

    /// Sets one parameter by its name; an empty value takes it away.
    ///
    /// # Errors
    /// [`ParamsError::Name`] and [`ParamsError::Value`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ParamsError> {
        let day = |field| read(field, value, iso_day);
        match name {
            "anniversary_limit" => self.anniversary_limit = day("anniversary_limit")?,
            "old_la_aware" => self.old_body_aware = day("old_la_aware")?,
            "old_icb_aware" => self.old_body_aware = day("old_icb_aware")?,
            "last_made_or_reviewed" => self.last_made_or_reviewed = day("last_made_or_reviewed")?,
            "certificate" => self.certificate = day("certificate")?,
            "closed_from" => self.closed_from = day("closed_from")?,
            "reopens" => self.reopens = day("reopens")?,
            "returned" => self.returned = day("returned")?,
            "mode" => self.notice_reading = read("mode", value, reading)?,
            "kind" => self.phase = read("kind", value, phase)?,
            "calendar" => self.calendar = read("calendar", value, |text| LaEstab::parse(text).ok())?,
            _ => return Err(ParamsError::Name),
        }
        Ok(())
    }
}

fn read<T>(
    field: &'static str,
    value: &str,
    of: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, ParamsError> {
    if value.is_empty() {
        return Ok(None);
    }
    of(value).map(Some).ok_or(ParamsError::Value(field))
}

fn reading(text: &str) -> Option<NoticeReading> {
    if ORDINARY.contains(&text) {
        return Some(NoticeReading::Ordinary);
    }
    NoticeReading::from_code(text)
}

fn phase(text: &str) -> Option<PhaseKind> {
    PhaseKind::from_code(text).or_else(|| {
        KIND_ALIASES
            .iter()
            .find_map(|(alias, kind)| (*alias == text).then_some(*kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn pairs_are_read_and_faults_are_named() {
        let params = ClockParams::parse("closed_from=2026-07-22; reopens=2026-09-03;certificate=").unwrap();
        assert_eq!(params.closed_from, Some(date(2026, 7, 22)));
        assert_eq!(params.reopens, Some(date(2026, 9, 3)));
        assert_eq!(params.certificate, None);
        for (text, fault) in [
            ("closed_from", ParamsError::Form),
            ("closed=2026-07-22", ParamsError::Name),
            ("closed_from=22/07/2026", ParamsError::Value("closed_from")),
            ("mode=fast", ParamsError::Value("mode")),
            ("kind=primary", ParamsError::Value("kind")),
            ("calendar=1", ParamsError::Value("calendar")),
        ] {
            assert_eq!(ClockParams::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn every_spelling_reads() {
        for kind in PhaseKind::ALL {
            assert_eq!(phase(kind.code()), Some(*kind));
        }
        for (alias, kind) in KIND_ALIASES {
            assert_eq!((PhaseKind::from_code(alias), phase(alias)), (None, Some(*kind)));
        }
        for text in ORDINARY {
            assert_eq!(reading(text), Some(NoticeReading::Ordinary));
        }
    }
}
