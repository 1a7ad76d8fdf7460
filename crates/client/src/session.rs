//! A session: one connection to the hub, a fresh token on every call, a client for each service.

use std::sync::Arc;

use sendhub_contracts::audit::v1::audit_service_client::AuditServiceClient;
use sendhub_contracts::directory::v1::directory_service_client::DirectoryServiceClient;
use sendhub_contracts::mailbox::v1::mailbox_service_client::MailboxServiceClient;
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
}
