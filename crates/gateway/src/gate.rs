//! The gate: one layer that every request passes. Certificate, token, role, limits, deadline; and no refusal
//! leaves before it stands in the log.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use prost::Message as _;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::method_rules::MethodRule;
use sendhub_contracts::refusal::{self, Refusal};
use sendhub_domain::agency::{Agency, AgencyStatus, Thumbprint};
use sendhub_domain::event::{Actor, AuditEvent, EventKind, EventOutcome};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::{Layer, Service};
use tracing::{debug, info};

use crate::hub::{Hub, RECORDED, commit_refusal, is_passing};
use crate::identity::token::TokenVerifier;
use crate::identity::{Caller, roles};
use crate::limits::{AgencyLimits, Kind};
use crate::outflow::{Deadline, Outflows, too_late};
use crate::shares::Held;
use crate::tls::PeerCertificate;

/// Health is told to everybody: a probe has no certificate, and learns nothing of any person.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// The contracts are public, but only agencies' connections are answered.
const REFLECTION: &str = "/grpc.reflection.v1";

/// What the gate needs to know.
#[derive(Clone)]
pub(crate) struct GateLayer(pub(crate) Arc<Gate>);

/// What the gate needs to know.
pub(crate) struct Gate {
    pub(crate) hub: Arc<Hub>,
    pub(crate) tokens: TokenVerifier,
    pub(crate) rules: HashMap<String, MethodRule>,
    pub(crate) limits: AgencyLimits,
    /// Request paths of the methods that answer with a stream.
    pub(crate) streamed: HashSet<String>,
    pub(crate) outflows: Arc<Outflows>,
}

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            inner,
            gate: Arc::clone(&self.0),
        }
    }
}

/// The services behind the gate.
#[derive(Clone)]
pub(crate) struct Gated<S> {
    inner: S,
    gate: Arc<Gate>,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        let gate = Arc::clone(&self.gate);
        Box::pin(async move { gate.pass(request, inner).await })
    }
}

/// What passed, and under which limits.
struct Admission {
    caller: Option<Caller>,
    place: Held,
}

/// Who was turned away, as far as it is known, and why.
struct TurnedAway {
    actor: Actor,
    refusal: Refusal,
}

impl Gate {
    async fn pass<S>(&self, mut request: Request<Body>, mut inner: S) -> Result<Response<Body>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let path = request.uri().path();
        if path.starts_with(HEALTH) {
            return inner.call(request).await;
        }
        let rule = self.rules.get_key_value(path);
        let method = rule.map(|(path, _)| path.trim_start_matches('/').to_owned());
        let admitted = self.admit(&request, rule.map(|(_, rule)| rule));
        let method = method.unwrap_or_else(|| match path.starts_with(REFLECTION) {
            true => "grpc.reflection".to_owned(),
            // What an unknown caller wrote there is not repeated.
            false => "unknown method".to_owned(),
        });
        let admission = match admitted {
            Ok(admission) => admission,
            Err(away) => return Ok(self.turn_away(&method, away).await),
        };
        let deadline = deadline(request.headers()).map(|wait| Instant::now() + wait);
        let streamed = self.streamed.contains(path);
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(Deadline(deadline));
        }
        if let Some(caller) = admission.caller.clone() {
            request.extensions_mut().insert(caller);
        }
        let call = inner.call(request);
        let response = match deadline {
            None => call.await?,
            // Dropping the call takes back what it has not written yet; a commit under way is finished.
            Some(deadline) => match tokio::time::timeout_at(deadline, call).await {
                Ok(response) => response?,
                Err(_) => return Ok(too_late().into_status().into_http()),
            },
        };
        let caller = admission.caller.as_ref();
        let response = self.answer(&method, caller, response, rule.is_some()).await;
        if streamed && !response.headers().contains_key("grpc-status") {
            return Ok(self.outflows.watch(response, deadline, admission.place));
        }
        Ok(response)
    }

    /// Certificate, agency, method, token, scope, limits, in this order: nobody learns more than the step at
    /// which they failed.
    fn admit(&self, request: &Request<Body>, rule: Option<&MethodRule>) -> Result<Admission, TurnedAway> {
        let mut actor = Actor {
            agency: None,
            subject: None,
            role: None,
            certificate: None,
            token_id: None,
        };
        let away = |actor: &Actor, refusal: Refusal| TurnedAway {
            actor: actor.clone(),
            refusal,
        };
        let (agency, certificate) = self
            .agency(request, &mut actor)
            .map_err(|refusal| away(&actor, refusal))?;
        let Some(rule) = rule else {
            if request.uri().path().starts_with(REFLECTION) {
                return Ok(Admission {
                    caller: None,
                    place: None,
                });
            }
            let unknown = Refusal::new(Reason::MethodUnknown, "this hub has no such method");
            return Err(away(&actor, unknown));
        };
        let token = bearer(request.headers()).ok_or_else(|| {
            away(
                &actor,
                Refusal::new(
                    Reason::TokenMissing,
                    "there is no bearer token in `authorization`",
                ),
            )
        })?;
        let token = self
            .tokens
            .verify(token, &agency, certificate, self.hub.clock.machine_now())
            .map_err(|reason| away(&actor, Refusal::new(reason, token_words(reason))))?;
        let caller = Caller {
            agency,
            certificate,
            token,
        };
        let away = |refusal: Refusal| TurnedAway {
            actor: caller.actor(),
            refusal,
        };
        if !roles::opens(&caller.token.role, caller.agency.kind, &rule.required_scope) {
            return Err(away(Refusal::new(
                Reason::ScopeMissing,
                format!("the token's role does not give the scope {}", rule.required_scope),
            )));
        }
        if !self.limits.in_rate(&caller.agency.id) {
            let refusal = Refusal::new(
                Reason::RateLimited,
                "this agency sends more requests a second than it may",
            );
            return Err(away(refusal.retry_after(Duration::from_secs(1))));
        }
        let kind = match self.streamed.contains(request.uri().path()) {
            true => Kind::Streamed,
            false => Kind::Single,
        };
        let place = self.limits.enter(&caller.agency.id, kind).map_err(|_| {
            let refusal = Refusal::new(
                Reason::RateLimited,
                match kind {
                    Kind::Single => "this agency has as many requests under way as it may",
                    Kind::Streamed => "this agency has as many streams open as it may",
                },
            );
            away(refusal.retry_after(Duration::from_millis(200)))
        })?;
        Ok(Admission {
            caller: Some(caller),
            place,
        })
    }

    /// The agency that registered the certificate of the connection, if it may take part.
    fn agency(
        &self,
        request: &Request<Body>,
        actor: &mut Actor,
    ) -> Result<(Arc<Agency>, Thumbprint), Refusal> {
        let required = || {
            Refusal::new(
                Reason::CertificateRequired,
                "the connection shows no client certificate",
            )
        };
        let peer = request
            .extensions()
            .get::<PeerCertificate>()
            .ok_or_else(required)?;
        let thumbprint = peer.thumbprint.ok_or_else(required)?;
        actor.certificate = Some(thumbprint);
        if let Some(reason) = peer.refused {
            return Err(Refusal::new(reason, certificate_words(reason)));
        }
        let directory = self.hub.directory.load();
        let Some(agency) = directory.by_certificate(&thumbprint) else {
            let revoked = directory.by_revoked_certificate(&thumbprint);
            actor.agency = revoked.map(|agency| agency.id.clone());
            let reason = match revoked {
                Some(_) => Reason::CertificateRevoked,
                None => Reason::CertificateUnknown,
            };
            return Err(Refusal::new(reason, certificate_words(reason)));
        };
        actor.agency = Some(agency.id.clone());
        match agency.status {
            AgencyStatus::Active => Ok((Arc::clone(agency), thumbprint)),
            AgencyStatus::Suspended => Err(Refusal::new(
                Reason::AgencySuspended,
                "this agency is suspended; what waits for it stays",
            )
            .remedy("Ask the hub's operator to end the suspension.")),
            AgencyStatus::Pending | AgencyStatus::Closed => Err(Refusal::new(
                Reason::AgencyNotActive,
                "this agency does not take part",
            )
            .remedy("Ask the hub's operator to let the agency in.")),
        }
    }

    async fn turn_away(&self, method: &str, away: TurnedAway) -> Response<Body> {
        let refusal = self.write_refusal(method, away.actor, away.refusal).await;
        refusal.into_status().into_http()
    }

    /// Lets a reply out. A refusal that a service or the codec made and that is not in the log yet is written
    /// first; errors of the transport itself get a reason of ours.
    async fn answer(
        &self,
        method: &str,
        caller: Option<&Caller>,
        mut response: Response<Body>,
        known: bool,
    ) -> Response<Body> {
        let headers = response.headers_mut();
        let refused = headers
            .get("grpc-status")
            .is_some_and(|status| status.as_bytes() != b"0");
        if !refused || headers.remove(RECORDED).is_some() {
            return response;
        }
        let Some(caller) = caller else { return response };
        let Some(status) = Status::from_header_map(response.headers()) else {
            return response;
        };
        let told = status
            .get_details_error_info()
            .and_then(|info| refusal::reason_named(&info.reason));
        let refusal = match told {
            Some(reason) => Refusal::new(reason, ""),
            None => of_the_transport(status.code(), known),
        };
        let reason = refusal.reason;
        let written = self.write_refusal(method, caller.actor(), refusal).await;
        if told.is_some() && written.reason == reason {
            return response;
        }
        written.into_status().into_http()
    }

    /// Writes a refusal into the log, unless so many are refused that they are only counted, or the reason is
    /// that nothing can be written.
    async fn write_refusal(&self, method: &str, actor: Actor, refusal: Refusal) -> Refusal {
        let reason = refusal::name(refusal.reason);
        info!(
            method,
            agency = actor.agency.as_ref().map_or("-", |agency| agency.as_str()),
            reason,
            "refused"
        );
        if is_passing(refusal.reason) {
            return refusal;
        }
        let Some(suppressed) = self.limits.write_refusal(actor.agency.as_ref()) else {
            debug!(method, reason, "counted, not written");
            return refusal;
        };
        let mut event = AuditEvent::new(
            EventKind::AccessRefused,
            EventOutcome::Refused,
            self.hub.clock.now(),
            method,
        );
        event.actor = Some(actor);
        event.reason = Some(reason.to_owned());
        if suppressed > 0 {
            event.facts.push(("suppressed", suppressed.to_string()));
        }
        match self.hub.record(&event, Vec::new()).await {
            Ok(_) => refusal,
            Err(failure) => commit_refusal(&failure),
        }
    }
}

/// The request paths of the methods that answer with a stream, as the contracts say.
pub(crate) fn streamed_methods(descriptors: &[u8]) -> Result<HashSet<String>, prost::DecodeError> {
    let files = prost_types::FileDescriptorSet::decode(descriptors)?.file;
    let mut paths = HashSet::new();
    for file in &files {
        for service in &file.service {
            for method in service.method.iter().filter(|method| method.server_streaming()) {
                paths.insert(format!(
                    "/{}.{}/{}",
                    file.package(),
                    service.name(),
                    method.name()
                ));
            }
        }
    }
    Ok(paths)
}

/// What the transport refused by itself, in the hub's own words.
fn of_the_transport(code: Code, known: bool) -> Refusal {
    match code {
        Code::OutOfRange | Code::ResourceExhausted => Refusal::new(
            Reason::MessageTooLarge,
            "the message is larger than this hub takes",
        ),
        Code::Unimplemented if !known => Refusal::new(Reason::MethodUnknown, "this hub has no such method"),
        Code::DeadlineExceeded | Code::Cancelled => too_late(),
        _ => Refusal::new(
            Reason::MalformedMessage,
            "the message cannot be decoded as its contract says",
        ),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The caller's deadline, a little early so that the refusal is ours and arrives in time.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    let whole = match unit {
        "H" => Duration::from_secs(number.saturating_mul(3_600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    };
    Some(whole.saturating_sub(Duration::from_millis(5).min(whole / 10)))
}

const fn certificate_words(reason: Reason) -> &'static str {
    match reason {
        Reason::CertificateRequired => "the connection shows no client certificate",
        Reason::CertificateExpired => "the client certificate is not valid today",
        Reason::CertificateRevoked => "the client certificate was revoked",
        Reason::CertificateUnknown => "the client certificate is not registered for any agency",
        _ => "the client certificate is not from an authority that this hub trusts",
    }
}

const fn token_words(reason: Reason) -> &'static str {
    match reason {
        Reason::TokenExpired => "the token has expired",
        Reason::TokenNotYetValid => "the token is not valid yet",
        Reason::TokenWrongAudience => "the token is for another audience",
        Reason::TokenWrongIssuer => "the token's issuer is not the certificate's agency",
        Reason::TokenWrongAlgorithm => {
            "the token's algorithm is not the registered key's (ES256, EdDSA or PS256)"
        }
        Reason::TokenUnknownKey => "the token's key is not registered for this agency",
        Reason::TokenBadSignature => "the token's signature does not verify",
        Reason::TokenNotBound => "the token is bound to another certificate",
        Reason::TokenTooLongLived => "the token lives longer than this hub allows",
        _ => "the token cannot be read, or a claim is missing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_and_answered_a_little_early() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", http::HeaderValue::from_static(text));
            deadline(&headers)
        };
        assert_eq!(read("10S"), Some(Duration::from_millis(9_995)));
        assert_eq!(read("10m"), Some(Duration::from_millis(9)));
        assert_eq!(read("x"), None);
        assert_eq!(deadline(&HeaderMap::new()), None);
    }

    #[test]
    fn the_contracts_say_which_methods_stream() {
        let mut streamed: Vec<String> = streamed_methods(sendhub_contracts::FILE_DESCRIPTOR_SET)
            .unwrap()
            .into_iter()
            .collect();
        streamed.sort();
        assert_eq!(
            streamed,
            [
                "/sendhub.attachment.v1.AttachmentService/DownloadAttachment",
                "/sendhub.mailbox.v1.MailboxService/CollectDeliveries",
                "/sendhub.mailbox.v1.MailboxService/WatchDeliveries",
                "/sendhub.transfer.v1.TransferService/SubmitTransfers",
            ]
        );
    }

    #[test]
    fn only_a_bearer_token_is_one() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", http::HeaderValue::from_static(text));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("bearer abc"), Some("abc".into()));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("abc"), None);
    }
}
