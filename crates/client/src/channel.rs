//! The connection to a hub: TLS both ways, and a fresh token on every call.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::ClientError;
use crate::profile::Profile;
use crate::token::Minter;

/// Puts the agency's current token on every call.
#[derive(Debug, Clone)]
pub struct Bearer(Arc<Minter>);

impl Bearer {
    /// An interceptor over a minter.
    #[must_use]
    pub const fn new(minter: Arc<Minter>) -> Self {
        Self(minter)
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self
            .0
            .token()
            .map_err(|error| Status::unauthenticated(error.to_string()))?;
        let value = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Status::unauthenticated("the token cannot be sent in a header"))?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

/// Connects to the hub of a profile, with TLS both ways.
///
/// With TLS 1.3 a certificate that the hub does not accept shows at the first call, not here.
///
/// # Errors
/// [`ClientError::Key`] for unreadable files, [`ClientError::Unreachable`] when no connection is made.
pub async fn connect(profile: &Profile) -> Result<Channel, ClientError> {
    let unreachable = |error: tonic::transport::Error| ClientError::Unreachable {
        hub: profile.hub.clone(),
        reason: innermost(&error),
    };
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&profile.hub_authority)?))
        .identity(Identity::from_pem(
            read(&profile.certificate)?,
            read(&profile.key)?,
        ));
    if let Some(name) = &profile.server_name {
        tls = tls.domain_name(name);
    }
    Endpoint::from_shared(profile.hub.clone())
        .map_err(unreachable)?
        .tls_config(tls)
        .map_err(unreachable)?
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(10))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .connect()
        .await
        .map_err(unreachable)
}

fn read(path: &Path) -> Result<Vec<u8>, ClientError> {
    fs::read(path).map_err(|error| ClientError::Key {
        what: path.display().to_string(),
        reason: error.to_string(),
    })
}

/// The last cause in a chain of errors: tonic's own text says only "transport error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}
