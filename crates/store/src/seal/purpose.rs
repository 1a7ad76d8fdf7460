//! What a sealed text is: bound into it, so that it opens nowhere else.

use sendhub_domain::exchange::{AttachmentId, ClockId, DeliveryId, ExchangeId, RightsRecordId};
use sendhub_domain::person::SubjectId;

/// Stands for the person where what is sealed is bound to nobody: an attachment that no exchange carries yet.
pub const NOBODY: SubjectId = SubjectId([0; 16]);

/// What a sealed text is, bound into it so that one row's text cannot stand in another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealPurpose {
    /// The content of an exchange.
    Exchange(ExchangeId),
    /// The decision facts of a person.
    SubjectFacts,
    /// The import report on a copy.
    ImportReport(DeliveryId),
    /// What a record about rights says.
    Rights(RightsRecordId),
    /// What shows an exception against a clock.
    ClockEvidence(ClockId),
    /// An attachment, sealed under a key of its own.
    Attachment(AttachmentId),
}

impl SealPurpose {
    /// The bytes that a sealed text is bound to: what it is, which one, whose.
    pub(super) fn bind(self, subject: SubjectId) -> [u8; 33] {
        let mut bound = [0; 33];
        let (tag, id) = match self {
            Self::Exchange(exchange) => (1, *exchange.0.as_bytes()),
            Self::SubjectFacts => (2, [0; 16]),
            Self::ImportReport(delivery) => (3, *delivery.0.as_bytes()),
            Self::Rights(record) => (4, *record.0.as_bytes()),
            Self::ClockEvidence(clock) => (5, *clock.0.as_bytes()),
            Self::Attachment(attachment) => (6, *attachment.0.as_bytes()),
        };
        bound[0] = tag;
        bound[1..17].copy_from_slice(&id);
        bound[17..].copy_from_slice(&subject.0);
        bound
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use uuid::Uuid;

    /// The tags are part of every text sealed so far: none may ever change or be used twice.
    #[test]
    fn every_purpose_and_place_is_bound_to_bytes_of_its_own() {
        let id = Uuid::from_u128(7);
        let purposes = [
            (1, SealPurpose::Exchange(ExchangeId(id))),
            (2, SealPurpose::SubjectFacts),
            (3, SealPurpose::ImportReport(DeliveryId(id))),
            (4, SealPurpose::Rights(RightsRecordId(id))),
            (5, SealPurpose::ClockEvidence(ClockId(id))),
            (6, SealPurpose::Attachment(AttachmentId(id))),
        ];
        let mut seen = HashSet::new();
        for (tag, purpose) in purposes {
            assert_eq!(purpose.bind(NOBODY)[0], tag);
            for subject in [NOBODY, SubjectId([1; 16])] {
                assert!(seen.insert(purpose.bind(subject)), "{purpose:?}");
            }
        }
        let other = SealPurpose::Attachment(AttachmentId(Uuid::from_u128(8)));
        assert!(seen.insert(other.bind(NOBODY)));
    }
}
