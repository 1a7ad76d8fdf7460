//! Notices of the hub itself: what happened to which exchange, with case reference and date, nothing personal.

use jiff::civil::Date;
use sendhub_domain::agency::{AgencyId, AgencyKind};
use sendhub_domain::exchange::{DeliveryId, ExchangeId, HubNoticeCode};
use sendhub_domain::identifiers::LaCode;
use sendhub_store::Effect;
use sendhub_store::change::NoticeRow;
use sendhub_store::reads::ExchangeRecord;

use crate::hub::{Hub, day_in_england};

/// What is told, about which exchange.
pub(crate) struct News<'a> {
    pub(crate) code: HubNoticeCode,
    pub(crate) about: ExchangeId,
    pub(crate) case_reference: Option<&'a str>,
    /// The day that the notice speaks of: a due date, or the day of what happened.
    pub(crate) on: Date,
    /// Told once under this key to each recipient, however often it happens again.
    pub(crate) once: String,
}

impl Hub {
    /// One notice for each recipient, no recipient twice.
    pub(crate) fn tell(
        &self,
        news: &News<'_>,
        recipients: impl IntoIterator<Item = AgencyId>,
    ) -> Vec<Effect> {
        let mut told: Vec<AgencyId> = recipients.into_iter().collect();
        told.sort();
        told.dedup();
        let now = self.clock.now();
        told.into_iter()
            .map(|recipient| {
                Effect::Tell(NoticeRow {
                    delivery: DeliveryId(self.clock.new_id()),
                    about: news.about,
                    code: news.code,
                    on: news.on,
                    case_reference: news.case_reference.map(str::to_owned),
                    once: format!("{}/{recipient}", news.once),
                    created_at: now,
                    recipient,
                })
            })
            .collect()
    }

    /// Those whom a stopped or refused copy concerns: its sender, its recipient, and the local authority.
    pub(crate) fn concerned(&self, record: &ExchangeRecord, recipient: &AgencyId) -> Vec<AgencyId> {
        let mut concerned = vec![record.sender.clone(), recipient.clone()];
        concerned.extend(self.authority_of(&record.sender));
        concerned
    }

    /// The local authority in whose area an agency lies, or the agency itself when it is one.
    pub(crate) fn authority_of(&self, agency: &AgencyId) -> Option<AgencyId> {
        let directory = self.directory.load();
        let agency = directory.agency(agency)?;
        if agency.kind == AgencyKind::LocalAuthority {
            return Some(agency.id.clone());
        }
        // A school's number begins with the code of the authority in whose area it lies.
        let school = agency.identifiers.laestab.as_ref();
        let code = agency
            .identifiers
            .la_code
            .clone()
            .or_else(|| school.and_then(|school| LaCode::parse(school.la()).ok()))?;
        directory.by_la_code(&code).map(|authority| authority.id.clone())
    }

    /// Today in England, by the hub's clock.
    pub(crate) fn today(&self) -> Date {
        day_in_england(self.clock.now())
    }
}
