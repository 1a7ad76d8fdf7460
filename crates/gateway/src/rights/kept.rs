//! A record about a person's rights as it is sealed, and as it is held once opened.

use prost::Message;
use sendhub_contracts::rights::v1 as wire;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::rights::RightsFacts;

/// A record as it is sealed.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Kept {
    /// The request id of the agency that recorded it.
    #[prost(string, tag = "1")]
    pub(crate) request_id: String,
    /// SHA-256 of the request.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) digest: Vec<u8>,
    /// A consent…
    #[prost(message, optional, tag = "3")]
    pub(crate) consent: Option<wire::Consent>,
    /// …or a fact…
    #[prost(message, optional, tag = "4")]
    pub(crate) fact: Option<wire::RightsFact>,
    /// …or the end of one of them…
    #[prost(message, optional, tag = "5")]
    pub(crate) ended: Option<Ended>,
    /// …or what a named person said when deciding a referral.
    #[prost(message, optional, tag = "6")]
    pub(crate) signed: Option<Signed>,
}

/// The end of a consent or fact.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Ended {
    /// Which record, a UUID.
    #[prost(string, tag = "1")]
    pub(crate) record: String,
    /// From which day on, ISO 8601.
    #[prost(string, tag = "2")]
    pub(crate) on: String,
    /// Who ended it, and why.
    #[prost(string, tag = "3")]
    pub(crate) note: String,
}

/// A named person's decision of a referral.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Signed {
    #[prost(string, tag = "1")]
    pub(crate) referral: String,
    #[prost(bool, tag = "2")]
    pub(crate) allowed: bool,
    #[prost(string, tag = "3")]
    pub(crate) officer_name: String,
    #[prost(string, tag = "4")]
    pub(crate) officer_role: String,
    #[prost(string, tag = "5")]
    pub(crate) reasons: String,
    #[prost(string, tag = "6")]
    pub(crate) statement: String,
    /// The person's own reference, as the token names it.
    #[prost(string, tag = "7")]
    pub(crate) person: String,
    /// The role in which the token let them decide.
    #[prost(string, tag = "8")]
    pub(crate) person_role: String,
}

/// One record, opened.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: RightsRecordId,
    pub(crate) recorded_by: AgencyId,
    pub(crate) recorded_at: jiff::Timestamp,
    pub(crate) kept: Kept,
}

/// What is recorded of a person, as of one revision.
pub(crate) struct RightsHeld {
    pub(crate) facts: RightsFacts,
    pub(crate) revision: u64,
    /// The names of all records.
    pub(crate) records: Vec<RightsRecordId>,
    pub(crate) opened: Vec<Record>,
}
