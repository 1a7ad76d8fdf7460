//! Refusals: one shape for every "no", as a call's status with rich details or as a message in a stream.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::errors::v1::{self as wire, Reason};
use crate::validate::Violation;

/// The `domain` of every `ErrorInfo`.
pub const DOMAIN: &str = "sendhub";

/// Why something was refused, and what would make it acceptable. Never holds a value that a sender supplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// For people.
    pub message: Cow<'static, str>,
    /// The provision it rests on.
    pub provision: Option<String>,
    /// The rule that refused.
    pub rule: Option<String>,
    /// What would make it acceptable.
    pub remedy: Option<String>,
    /// Every wrong field.
    pub violations: Vec<Violation>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with nothing but its reason and words for people.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            message: message.into(),
            provision: None,
            rule: None,
            remedy: None,
            violations: Vec::new(),
            retry_after: None,
        }
    }

    /// A refusal that names wrong fields.
    #[must_use]
    pub fn fields(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.field, one.description),
            all => format!("{} fields are wrong: {}", all.len(), list(all)),
        };
        Self {
            violations,
            ..Self::new(Reason::InvalidRequest, message)
        }
    }

    /// Adds what would make it acceptable.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The gRPC status code of this refusal.
    #[must_use]
    pub const fn code(&self) -> Code {
        code(self.reason)
    }

    /// As a call's status.
    #[must_use]
    pub fn into_status(self) -> Status {
        let mut details = ErrorDetails::new();
        details.set_error_info(name(self.reason), DOMAIN, self.metadata());
        if !self.violations.is_empty() {
            details.set_bad_request(
                self.violations
                    .iter()
                    .map(|violation| FieldViolation::new(&violation.field, &violation.description))
                    .collect::<Vec<_>>(),
            );
        }
        if self.code() == Code::FailedPrecondition {
            details.add_precondition_failure_violation(name(self.reason), "", self.message.as_ref());
        }
        if let Some(wait) = self.retry_after {
            details.set_retry_info(Some(wait));
        }
        Status::with_error_details(self.code(), self.message, details)
    }

    /// As a message in a stream.
    #[must_use]
    pub fn into_wire(self) -> wire::Refusal {
        wire::Refusal {
            code: self.code() as i32,
            reason: self.reason.into(),
            message: self.message.into_owned(),
            provision: self.provision.unwrap_or_default(),
            rule: self.rule.unwrap_or_default(),
            remedy: self.remedy.unwrap_or_default(),
            violations: self
                .violations
                .into_iter()
                .map(|one| wire::FieldViolation {
                    field: one.field,
                    description: one.description,
                })
                .collect(),
        }
    }

    fn metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::new();
        for (key, value) in [
            ("provision", &self.provision),
            ("rule", &self.rule),
            ("remedy", &self.remedy),
        ] {
            if let Some(value) = value {
                metadata.insert(key.to_owned(), value.clone());
            }
        }
        metadata.insert("help".into(), "docs/REFUSALS.md".into());
        metadata
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        refusal.into_status()
    }
}

fn list(violations: &[Violation]) -> String {
    violations
        .iter()
        .map(|violation| format!("{} {}", violation.field, violation.description))
        .collect::<Vec<_>>()
        .join("; ")
}

/// The reason as it stands in `ErrorInfo` and in the log: without the enum's prefix.
#[must_use]
pub fn name(reason: Reason) -> &'static str {
    reason.as_str_name().trim_start_matches("REASON_")
}

/// The reason with this name, with or without the enum's prefix.
#[must_use]
pub fn reason_named(name: &str) -> Option<Reason> {
    Reason::from_str_name(name).or_else(|| Reason::from_str_name(&format!("REASON_{name}")))
}

/// Which gRPC status each reason has. The one place that says so.
#[must_use]
pub const fn code(reason: Reason) -> Code {
    match reason {
        Reason::CertificateRequired
        | Reason::CertificateUntrusted
        | Reason::CertificateExpired
        | Reason::CertificateRevoked
        | Reason::CertificateUnknown
        | Reason::TokenMissing
        | Reason::TokenMalformed
        | Reason::TokenExpired
        | Reason::TokenNotYetValid
        | Reason::TokenWrongAudience
        | Reason::TokenWrongIssuer
        | Reason::TokenWrongAlgorithm
        | Reason::TokenUnknownKey
        | Reason::TokenBadSignature
        | Reason::TokenNotBound
        | Reason::TokenTooLongLived => Code::Unauthenticated,
        Reason::AgencySuspended
        | Reason::AgencyNotActive
        | Reason::ScopeMissing
        | Reason::SenderNotSourceSchool
        | Reason::SenderNotPermitted
        | Reason::RecipientNotPermitted
        | Reason::RecipientIsSender
        | Reason::NoRulePermits
        | Reason::SearchNotPermitted
        | Reason::Reg17NoConsent
        | Reason::ConsentWrongGiver
        | Reason::ConsentLapsed
        | Reason::ConsentRefused
        | Reason::ConsentWithdrawn
        | Reason::ConsentExpired
        | Reason::ConsentOutOfScope
        | Reason::McaNotAvailableUnder16
        | Reason::Reg171aOpinionMissing
        | Reason::Reg171bAppealMissing
        | Reason::Reg171cUndertakingMissing
        | Reason::Reg171dOrderMissing
        | Reason::Reg171eReferenceMissing
        | Reason::Reg171fRequestMissing
        | Reason::Reg171gOfficerMissing
        | Reason::Reg171hDutyMissing
        | Reason::Reg171iInspectionMissing
        | Reason::Reg171jRequestMissing
        | Reason::Reg171kRequestMissing
        | Reason::RecipientExcluded
        | Reason::S23NotUnderCsa
        | Reason::NotAReg20Invitee
        | Reason::NoSharingAgreement
        | Reason::FamilyAgreementMissing
        | Reason::FamilyRefuses
        | Reason::Over25NoContinuation
        | Reason::WelfareNotUnder18
        | Reason::ReferralRefused
        | Reason::RightsRecorderNotPermitted
        | Reason::BreakGlassNotOpen => Code::PermissionDenied,
        Reason::InvalidRequest
        | Reason::MalformedMessage
        | Reason::CtfRefused
        | Reason::ServiceDetailRefused
        | Reason::MediationContentRefused
        | Reason::AttachmentTruncated
        | Reason::AttachmentHashWrong
        | Reason::AttachmentTypeRefused => Code::InvalidArgument,
        Reason::RecipientNotRegistered
        | Reason::RecipientNotActive
        | Reason::IdentityConflict
        | Reason::RecordAlreadyClaimed
        | Reason::DeliveryEnded
        | Reason::UnderstandingNotRecorded
        | Reason::StatusNeedsDetermination
        | Reason::S23StepsMissing
        | Reason::InviteTheYoungPerson
        | Reason::InviteTheParent
        | Reason::ReviewNoticeTooShort
        | Reason::ExistingAdviceSuffices
        | Reason::DeregistrationConsentNeeded
        | Reason::CaseStepRefused
        | Reason::CaseMoved
        | Reason::ReferralWaiting
        | Reason::ReferralDecided
        | Reason::ExceptionNotOpen
        | Reason::PartiesNotFound
        | Reason::HeldUnknownDestination
        | Reason::HeldOutsideSector => Code::FailedPrecondition,
        Reason::RequestIdReused | Reason::AgencyExists | Reason::IdentifierTaken => Code::AlreadyExists,
        Reason::ExchangeNotFound
        | Reason::DeliveryNotFound
        | Reason::AgencyNotFound
        | Reason::LogPositionNotFound
        | Reason::CaseNotFound
        | Reason::ReferralNotFound
        | Reason::RightsRecordNotFound
        | Reason::ClockNotFound
        | Reason::AttachmentNotFound
        | Reason::AgreementNotFound => Code::NotFound,
        Reason::RevisionChanged | Reason::RaceLost => Code::Aborted,
        Reason::MessageTooLarge | Reason::RateLimited | Reason::Overloaded | Reason::AttachmentTooLarge => {
            Code::ResourceExhausted
        }
        Reason::ShuttingDown | Reason::StoreUnavailable | Reason::LogUnavailable => Code::Unavailable,
        Reason::DeadlineExceeded => Code::DeadlineExceeded,
        Reason::MethodUnknown => Code::Unimplemented,
        Reason::Unspecified => Code::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_reason_provision_and_every_field() {
        let mut refusal = Refusal::fields(vec![
            Violation {
                field: "a.b".into(),
                description: "is required".into(),
            },
            Violation {
                field: "c".into(),
                description: "must be a UUID".into(),
            },
        ]);
        refusal.provision = Some("SI 2005/1437 reg 9(3)".into());
        let status = refusal.into_status();
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_REQUEST", "sendhub")
        );
        assert_eq!(info.metadata["provision"], "SI 2005/1437 reg 9(3)");
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
    }

    #[test]
    fn the_table_for_readers_names_every_reason_with_its_status() {
        let table = include_str!("../../../docs/REFUSALS.md");
        for number in 1..1_000 {
            let Ok(reason) = Reason::try_from(number) else {
                continue;
            };
            let row = table
                .lines()
                .find(|line| line.starts_with(&format!("| `{}` |", name(reason))))
                .unwrap_or_else(|| panic!("{reason:?} is not in docs/REFUSALS.md"));
            let status: String = row
                .split('|')
                .nth(2)
                .unwrap()
                .trim()
                .replace('_', "")
                .to_lowercase();
            assert_eq!(status, format!("{:?}", code(reason)).to_lowercase(), "{reason:?}");
        }
    }

    #[test]
    fn every_reason_but_unspecified_has_a_status_and_a_comment() {
        let proto = include_str!("../../../proto/sendhub/errors/v1/reason.proto");
        for number in 0..1_000 {
            let Ok(reason) = Reason::try_from(number) else {
                continue;
            };
            assert_eq!(code(reason) == Code::Unknown, reason == Reason::Unspecified);
            assert_eq!(reason_named(name(reason)), Some(reason));
            let line = proto
                .lines()
                .position(|line| line.contains(&format!(" {} =", reason.as_str_name())))
                .unwrap();
            assert!(
                proto.lines().nth(line - 1).unwrap().trim().starts_with("//"),
                "{reason:?}"
            );
        }
    }
}
