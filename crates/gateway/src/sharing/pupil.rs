//! Pupil information: shared with schools, authorities, health and the Ministry of Defence as the rules allow, and
//! minimised for each kind of recipient when it is collected.

use sendhub_contracts::pupil::v1::SharePupilInformationRequest;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::disclosure::Item;
use sendhub_domain::exchange::ExchangeKind;

use super::methods;
use crate::exchange::intake::{Intake, Place};
use crate::exchange::offer::Draft;
use crate::exchange::parties::{Sent, everyone};
use crate::hub::Hub;
use crate::identity::Caller;

impl Intake for SharePupilInformationRequest {
    const METHOD: &'static str = methods::PUPIL;
    const KIND: ExchangeKind = ExchangeKind::PupilInformation;

    fn draft(&self, _: &Hub, _: &Caller, sent: &Sent, _: &Place<'_>) -> Result<Draft, Refusal> {
        Ok(Draft::to(everyone(sent, Item::PupilInformation)?))
    }
}
