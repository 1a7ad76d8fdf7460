//! Who is asking: the agency by its certificate, the acting person or system by a token bound to it.

pub mod issuers;
pub mod roles;
mod spki;
pub mod token;

use std::sync::Arc;

use sendhub_domain::agency::{Agency, AgencyKind, Thumbprint};
use sendhub_domain::event::Actor;

use self::token::TokenFacts;

/// Who is asking, once certificate and token have been accepted.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The agency, as the directory has it at this request.
    pub agency: Arc<Agency>,
    /// The certificate of the connection.
    pub certificate: Thumbprint,
    /// What the token says.
    pub token: Arc<TokenFacts>,
}

impl Caller {
    /// The caller as log entries name it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            agency: Some(self.agency.id.clone()),
            subject: Some(self.token.subject.clone()),
            role: Some(self.token.role.clone()),
            certificate: Some(self.certificate),
            token_id: Some(self.token.token_id.clone()),
        }
    }

    /// Whether the caller acts for who runs the hub.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.agency.kind == AgencyKind::HubOperator
    }
}
