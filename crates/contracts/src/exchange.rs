//! What every request that hands something over has in common: its envelope.

use crate::types::v1::Envelope;
use crate::validate::Validate;

/// A request that hands something over: an envelope, and a content beside it.
pub trait Exchange: prost::Message + Default + Clone + Validate {
    /// Who, to whom, why, on what ground. Absent only in a request that was not validated.
    fn envelope(&self) -> Option<&Envelope>;
}

/// Makes exchanges of requests, and lists their names in the contracts.
macro_rules! exchanges {
    ($($area:ident::$request:ident,)+) => {
        $(impl Exchange for crate::$area::v1::$request {
            fn envelope(&self) -> Option<&Envelope> {
                self.envelope.as_ref()
            }
        })+

        /// The full names of all requests that hand something over.
        pub const EXCHANGES: &[&str] =
            &[$(concat!("sendhub.", stringify!($area), ".v1.", stringify!($request)),)+];
    };
}

exchanges! {
    transfer::SubmitTransferRequest,
    pupil::SharePupilInformationRequest,
    assessment::OpenCaseRequest,
    assessment::RequestAdviceRequest,
    assessment::RespondToAdviceRequestRequest,
    assessment::ReturnAdviceRequest,
    assessment::DecideAdviceRequest,
    assessment::RecordCaseEventRequest,
    assessment::SendPlanRequest,
    assessment::ConsultInstitutionRequest,
    assessment::ReplyToConsultationRequest,
    review::CallReviewRequest,
    review::RespondToInvitationRequest,
    review::SubmitReviewAdviceRequest,
    review::SendReviewReportRequest,
    review::DecideReviewRequest,
    servicechild::SendProfileRequest,
    notice::SendNoticeRequest,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

    use super::*;

    /// The full name of a message field's type.
    fn type_of(message: &MessageDescriptor, field: &str) -> Option<String> {
        match message.get_field_by_name(field)?.kind() {
            Kind::Message(inner) => Some(inner.full_name().to_owned()),
            _ => None,
        }
    }

    /// Every method's request that has an envelope, with the type of its content.
    fn requests(pool: &DescriptorPool) -> Vec<(MessageDescriptor, String)> {
        pool.services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .map(|method| method.input())
            .filter(|input| type_of(input, "envelope").as_deref() == Some("sendhub.types.v1.Envelope"))
            .map(|input| {
                let content = type_of(&input, "content").unwrap_or_default();
                (input, content)
            })
            .collect()
    }

    #[test]
    fn every_request_with_an_envelope_is_an_exchange_of_one_shape() {
        let pool = DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
        let found = requests(&pool);
        let names: BTreeSet<_> = found.iter().map(|(input, _)| input.full_name()).collect();
        assert_eq!(names, EXCHANGES.iter().copied().collect());
        for (input, _) in &found {
            let numbers: Vec<_> = input
                .fields()
                .map(|field| (field.number(), field.name().to_owned()))
                .collect();
            assert_eq!(
                numbers,
                [(1, "envelope".to_owned()), (2, "content".to_owned())],
                "{}",
                input.full_name()
            );
            let stem = input.full_name().strip_suffix("Request").unwrap();
            let reply = pool.get_message_by_name(&format!("{stem}Response")).unwrap();
            let receipt = reply.get_field_by_name("receipt").unwrap();
            assert_eq!(receipt.number(), 1, "{}", reply.full_name());
        }
    }

    #[test]
    fn whatever_is_handed_over_can_be_collected() {
        let pool = DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
        let collected = pool
            .get_message_by_name("sendhub.mailbox.v1.CollectedDelivery")
            .unwrap();
        let members: BTreeSet<String> = collected
            .oneofs()
            .flat_map(|oneof| oneof.fields().collect::<Vec<_>>())
            .filter_map(|field| type_of(&collected, field.name()))
            .collect();
        for (input, content) in requests(&pool) {
            assert!(members.contains(&content), "{}: {content}", input.full_name());
        }
    }

    #[test]
    fn an_envelope_is_found_and_its_absence_is_none() {
        let mut request = crate::notice::v1::SendNoticeRequest::default();
        assert_eq!(Exchange::envelope(&request), None);
        request.envelope = Some(Envelope::default());
        assert_eq!(Exchange::envelope(&request), Some(&Envelope::default()));
    }
}
