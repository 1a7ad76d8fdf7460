//! A session: one connection to the hub, a fresh token on every call, a client for each service.

use std::sync::Arc;

use sendhub_contracts::assessment::v1::assessment_service_client::AssessmentServiceClient;
use sendhub_contracts::attachment::v1::attachment_service_client::AttachmentServiceClient;
use sendhub_contracts::audit::v1::audit_service_client::AuditServiceClient;
use sendhub_contracts::clock::v1::clock_service_client::ClockServiceClient;
use sendhub_contracts::directory::v1::directory_service_client::DirectoryServiceClient;
use sendhub_contracts::mailbox::v1::mailbox_service_client::MailboxServiceClient;
use sendhub_contracts::notice::v1::notice_service_client::NoticeServiceClient;
use sendhub_contracts::policy::v1::policy_service_client::PolicyServiceClient;
use sendhub_contracts::policy::v1::referral_service_client::ReferralServiceClient;
use sendhub_contracts::pupil::v1::pupil_information_service_client::PupilInformationServiceClient;
use sendhub_contracts::review::v1::review_service_client::ReviewServiceClient;
use sendhub_contracts::rights::v1::consent_service_client::ConsentServiceClient;
use sendhub_contracts::rights::v1::right_holder_service_client::RightHolderServiceClient;
use sendhub_contracts::servicechild::v1::service_child_service_client::ServiceChildServiceClient;
use sendhub_contracts::transfer::v1::transfer_service_client::TransferServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::ClientError;
use crate::channel::{Bearer, connect};
use crate::profile::Profile;
use crate::token::Minter;

/// A channel that signs in.
pub type Signed = InterceptedService<Channel, Bearer>;

/// Largest reply taken: a record with its envelope and proof.
const REPLY: usize = 8 * 1024 * 1024;

/// A connection to the hub as one agency.
#[derive(Debug, Clone)]
pub struct Session {
    channel: Channel,
    bearer: Bearer,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// [`ClientError`] when keys cannot be read or no connection is made.
    pub async fn open(profile: &Profile) -> Result<Self, ClientError> {
        let bearer = Bearer::new(Arc::new(Minter::new(profile)?));
        Ok(Self {
            channel: connect(profile).await?,
            bearer,
        })
    }

    fn signed(&self) -> Signed {
        InterceptedService::new(self.channel.clone(), self.bearer.clone())
    }

    /// The transfer service.
    #[must_use]
    pub fn transfers(&self) -> TransferServiceClient<Signed> {
        TransferServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// The mailbox.
    #[must_use]
    pub fn mailbox(&self) -> MailboxServiceClient<Signed> {
        MailboxServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> DirectoryServiceClient<Signed> {
        DirectoryServiceClient::new(self.signed())
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> AuditServiceClient<Signed> {
        AuditServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// EHC assessments: cases, advice, plans.
    #[must_use]
    pub fn assessments(&self) -> AssessmentServiceClient<Signed> {
        AssessmentServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Reviews of EHC plans.
    #[must_use]
    pub fn reviews(&self) -> ReviewServiceClient<Signed> {
        ReviewServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Pupil information.
    #[must_use]
    pub fn pupils(&self) -> PupilInformationServiceClient<Signed> {
        PupilInformationServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Profiles of Service children.
    #[must_use]
    pub fn service_children(&self) -> ServiceChildServiceClient<Signed> {
        ServiceChildServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Consents.
    #[must_use]
    pub fn consents(&self) -> ConsentServiceClient<Signed> {
        ConsentServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Who decides, and the facts it rests on.
    #[must_use]
    pub fn right_holders(&self) -> RightHolderServiceClient<Signed> {
        RightHolderServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// The smaller exchanges.
    #[must_use]
    pub fn notices(&self) -> NoticeServiceClient<Signed> {
        NoticeServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Attachments, streamed.
    #[must_use]
    pub fn attachments(&self) -> AttachmentServiceClient<Signed> {
        AttachmentServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Clocks and the exceptions recorded against them.
    #[must_use]
    pub fn clocks(&self) -> ClockServiceClient<Signed> {
        ClockServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// Decisions explained, and the rules.
    #[must_use]
    pub fn policy(&self) -> PolicyServiceClient<Signed> {
        PolicyServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }

    /// What a named person must decide.
    #[must_use]
    pub fn referrals(&self) -> ReferralServiceClient<Signed> {
        ReferralServiceClient::new(self.signed()).max_decoding_message_size(REPLY)
    }
}
