//! Validation: what the annotations in the proto say, run as plain code, naming every wrong field.

use std::fmt;

/// A place in a message, as a chain of borrowed steps: nothing is allocated until something is wrong.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    /// The message itself.
    Root,
    /// A field of what came before.
    Field(&'a At<'a>, &'static str),
    /// An element of what came before.
    Index(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(At::Root, name) => f.write_str(name),
            Self::Field(before, name) => write!(f, "{before}.{name}"),
            Self::Index(before, index) => write!(f, "{before}[{index}]"),
        }
    }
}

/// One wrong field. Never holds the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, for instance `envelope.subject.identifiers[0].value`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Violation {
    /// A violation at a place.
    #[must_use]
    pub fn new(at: &At<'_>, description: &str) -> Self {
        Self {
            field: at.to_string(),
            description: description.to_owned(),
        }
    }
}

/// Checks a message against the annotations of its contract.
pub trait Validate {
    /// Adds every violation found at or below `at`.
    fn validate(&self, at: &At<'_>, out: &mut Vec<Violation>);

    /// Every violation in the message.
    fn violations(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        self.validate(&At::Root, &mut out);
        out
    }
}

/// Whether the codec checks a message as it is decoded: requests are, replies are not.
pub trait Inbound: Validate {
    /// Whether it is checked.
    const CHECKED: bool;
}

/// Whether a text is a UUID in its usual form.
#[must_use]
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

#[expect(
    clippy::len_zero,
    clippy::collapsible_if,
    reason = "generated: one form for every rule"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/validate.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assessment, attachment, review, rights, transfer, types};

    fn fields(message: &impl Validate) -> Vec<String> {
        message
            .violations()
            .into_iter()
            .map(|violation| violation.field)
            .collect()
    }

    #[test]
    fn every_wrong_field_is_named_by_its_path() {
        let request = transfer::v1::SubmitTransferRequest {
            envelope: Some(types::v1::Envelope {
                request_id: "not-a-uuid".into(),
                case_reference: "x".repeat(65),
                subject: Some(types::v1::PersonReference {
                    identifiers: vec![
                        types::v1::TypedIdentifier {
                            system: 1,
                            value: "A".into(),
                            status: 0,
                        },
                        types::v1::TypedIdentifier {
                            system: 99,
                            value: String::new(),
                            status: 0,
                        },
                    ],
                    surname: String::new(),
                    forename: "F".into(),
                    date_of_birth: Some(types::v1::Date {
                        year: 2012,
                        month: 13,
                        day: 1,
                    }),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            content: Some(transfer::v1::TransferContent {
                destination: Some(transfer::v1::Destination {
                    place: Some(transfer::v1::destination::Place::Open(7)),
                }),
                ..Default::default()
            }),
        };
        let mut found = fields(&request);
        found.sort();
        assert_eq!(
            found,
            [
                "content.ctf",
                "content.destination.open",
                "content.kind",
                "envelope.case_reference",
                "envelope.request_id",
                "envelope.subject.date_of_birth.month",
                "envelope.subject.identifiers[1].system",
                "envelope.subject.identifiers[1].value",
                "envelope.subject.surname",
            ]
        );
    }

    #[test]
    fn replies_and_service_checked_streams_are_left_to_others() {
        const { assert!(transfer::v1::SubmitTransferRequest::CHECKED) };
        const { assert!(!transfer::v1::SubmitTransfersRequest::CHECKED) };
        const { assert!(!transfer::v1::SubmitTransferResponse::CHECKED) };
    }

    #[test]
    fn an_empty_request_lacks_its_required_fields() {
        let found = fields(&transfer::v1::SubmitTransferRequest::default());
        assert_eq!(found, ["envelope", "content"]);
    }

    #[test]
    fn elements_of_a_list_are_checked_one_by_one() {
        let content = assessment::v1::AdviceRequestContent {
            case: "cases/1".into(),
            adviser_kind: assessment::v1::AdviserKind::Medical.into(),
            request_kind: assessment::v1::AdviceRequestKind::StatutoryAdvice.into(),
            questions: vec!["short".into(), "x".repeat(2_001)],
            sections_sought: vec![assessment::v1::PlanSection::B.into(), 0, 99],
            ..Default::default()
        };
        let mut found = fields(&content);
        found.sort();
        assert_eq!(
            found,
            ["questions[1]", "sections_sought[1]", "sections_sought[2]"]
        );
    }

    #[test]
    fn an_optional_field_may_be_absent_and_must_fit_when_it_is_there() {
        let report = |percent| review::v1::ReviewReportContent {
            review: "cases/1".into(),
            held_on: Some(types::v1::Date {
                year: 2026,
                month: 5,
                day: 4,
            }),
            recommendation: review::v1::ReviewRecommendation::Continue.into(),
            attendance_percent: percent,
            ..Default::default()
        };
        assert_eq!(fields(&report(None)), [""; 0]);
        assert_eq!(fields(&report(Some(0))), [""; 0]);
        assert_eq!(fields(&report(Some(101))), ["attendance_percent"]);
    }

    #[test]
    fn a_required_value_of_a_closed_list_must_be_given() {
        let found = fields(&rights::v1::UnderstandingFinding {
            assessed_by_role: "Head".into(),
            assessed_on: Some(types::v1::Date {
                year: 2026,
                month: 5,
                day: 4,
            }),
            ..Default::default()
        });
        assert_eq!(found, ["understands"]);
    }

    #[test]
    fn pieces_of_an_upload_are_left_to_its_service() {
        const { assert!(!attachment::v1::UploadAttachmentRequest::CHECKED) };
        const { assert!(attachment::v1::DownloadAttachmentRequest::CHECKED) };
    }
}
