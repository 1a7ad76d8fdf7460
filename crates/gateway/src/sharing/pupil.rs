//! Pupil information: shared with schools, authorities, health and the Ministry of Defence as the rules allow, and
//! minimised for each kind of recipient when it is collected.

use sendhub_contracts::pupil::v1::SharePupilInformationRequest;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::disclosure::{Ground, Item};
use sendhub_domain::exchange::ExchangeKind;

use super::methods;
use crate::assessment::steps::day;
use crate::exchange::draft::Draft;
use crate::exchange::intake::{Intake, Place};
use crate::exchange::parties::{Sent, everyone};
use crate::hub::Hub;
use crate::identity::Caller;

impl Intake for SharePupilInformationRequest {
    const METHOD: &'static str = methods::PUPIL;
    const KIND: ExchangeKind = ExchangeKind::PupilInformation;

    fn draft(&self, _: &Hub, _: &Caller, sent: &Sent, place: &Place<'_>) -> Result<Draft, Refusal> {
        let mut draft = Draft::to(everyone(sent, Item::PupilInformation)?);
        // The duty to pass on a record begins when the pupil has left (SI 2005/1437 reg 9): the content must say when.
        let left = self
            .content
            .as_ref()
            .and_then(|content| content.enrolment.as_ref())
            .and_then(|enrolment| day(enrolment.left_on.as_ref()))
            .is_some_and(|left| left <= place.today);
        if sent.ground == Ground::StatutoryTransfer && !left {
            for one in &mut draft.addressees {
                one.shown = false;
            }
        }
        Ok(draft)
    }
}
