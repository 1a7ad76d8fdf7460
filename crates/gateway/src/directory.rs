//! The directory service: agencies, their certificates and their keys, changed while everything runs.

use std::sync::Arc;

use jiff::Timestamp;
use sendhub_contracts::convert::wire_agency;
use sendhub_contracts::directory::v1 as wire;
use sendhub_contracts::directory::v1::directory_service_server::DirectoryService;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_contracts::validate::Violation;
use sendhub_domain::agency::{
    Agency, AgencyCertificate, AgencyContact, AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus,
    SigningKey, TokenAlgorithm,
};
use sendhub_domain::agreement::Agreement;
use sendhub_domain::event::{EventKind, EventOutcome};
use sendhub_domain::identifiers::{LaCode, LaEstab, OdsCode, Ukprn, Urn};
use sendhub_store::{CommitRefused, Conflict, Effect};
use tonic::{Request, Response, Status};

use crate::agreements;
use crate::assessment::steps::day;
use crate::hub::{Hub, commit_refusal, store_refusal};
use crate::identity::Caller;
use crate::identity::token::usable_key;
use crate::judge::find;
use crate::tls::thumbprint;
use crate::transfer::{caller, page_token};

/// The service.
pub(crate) struct Agencies(pub(crate) Arc<Hub>);

const CREATE: &str = "sendhub.directory.v1.DirectoryService/CreateAgency";
const STATUS: &str = "sendhub.directory.v1.DirectoryService/SetAgencyStatus";
const ADD_CERTIFICATE: &str = "sendhub.directory.v1.DirectoryService/AddCertificate";
const REVOKE_CERTIFICATE: &str = "sendhub.directory.v1.DirectoryService/RevokeCertificate";
const ADD_KEY: &str = "sendhub.directory.v1.DirectoryService/AddSigningKey";
const PUT_AGREEMENT: &str = "sendhub.directory.v1.DirectoryService/PutAgreement";
const END_AGREEMENT: &str = "sendhub.directory.v1.DirectoryService/EndAgreement";
const REVOKE_KEY: &str = "sendhub.directory.v1.DirectoryService/RevokeSigningKey";

#[tonic::async_trait]
impl DirectoryService for Agencies {
    async fn get_agency(
        &self,
        request: Request<wire::GetAgencyRequest>,
    ) -> Result<Response<wire::GetAgencyResponse>, Status> {
        let agency = self.known(&request.get_ref().agency_id)?;
        Ok(Response::new(wire::GetAgencyResponse {
            agency: Some(wire_agency(&agency)),
        }))
    }

    async fn resolve_agency(
        &self,
        request: Request<wire::ResolveAgencyRequest>,
    ) -> Result<Response<wire::ResolveAgencyResponse>, Status> {
        let reference = request.into_inner().reference.unwrap_or_default();
        let agency = find(&reference, &self.0.directory.load())
            .map_err(|(field, description)| {
                Refusal::fields(vec![Violation {
                    field: format!("reference.{field}"),
                    description,
                }])
            })?
            .ok_or_else(not_found)?;
        Ok(Response::new(wire::ResolveAgencyResponse {
            agency: Some(wire_agency(&agency)),
        }))
    }

    async fn list_agencies(
        &self,
        request: Request<wire::ListAgenciesRequest>,
    ) -> Result<Response<wire::ListAgenciesResponse>, Status> {
        let asked = request.get_ref();
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size
        };
        let limit = usize::try_from(limit).unwrap_or(100);
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(AgencyId::parse(token).map_err(|_| page_token())?),
        };
        let all = self.0.directory.load().all();
        let mut rest = all
            .iter()
            .filter(|agency| after.as_ref().is_none_or(|after| agency.id > *after));
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let next_page_token = match (page.last(), rest.next()) {
            (Some(last), Some(_)) => last.id.to_string(),
            _ => String::new(),
        };
        Ok(Response::new(wire::ListAgenciesResponse {
            agencies: page.into_iter().map(|agency| wire_agency(agency)).collect(),
            next_page_token,
        }))
    }

    async fn create_agency(
        &self,
        request: Request<wire::CreateAgencyRequest>,
    ) -> Result<Response<wire::CreateAgencyResponse>, Status> {
        let caller = caller(&request)?;
        let agency = new_agency(request.into_inner().agency.unwrap_or_default())?;
        if self.0.directory.load().agency(&agency.id).is_some() {
            return Err(exists().into());
        }
        let stored = self.put(&caller, CREATE, agency, 0, Vec::new()).await?;
        Ok(Response::new(wire::CreateAgencyResponse { agency: Some(stored) }))
    }

    async fn set_agency_status(
        &self,
        request: Request<wire::SetAgencyStatusRequest>,
    ) -> Result<Response<wire::SetAgencyStatusResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let mut agency = Agency::clone(&*self.known(&asked.agency_id)?);
        agency.status = match asked.status() {
            wire::AgencyStatus::Active => AgencyStatus::Active,
            wire::AgencyStatus::Suspended => AgencyStatus::Suspended,
            wire::AgencyStatus::Closed => AgencyStatus::Closed,
            wire::AgencyStatus::Pending | wire::AgencyStatus::Unspecified => AgencyStatus::Pending,
        };
        if agency.id == caller.agency.id && agency.status != AgencyStatus::Active {
            return Err(Refusal::new(Reason::InvalidRequest, "status: nobody shuts itself out").into());
        }
        let facts = vec![("said", asked.reason.clone())];
        let stored = self.change(&caller, STATUS, agency, facts).await?;
        Ok(Response::new(wire::SetAgencyStatusResponse {
            agency: Some(stored),
        }))
    }

    async fn add_certificate(
        &self,
        request: Request<wire::AddCertificateRequest>,
    ) -> Result<Response<wire::AddCertificateResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let mut agency = self.managed(&caller, &asked.agency_id)?;
        // The form is looked at here; whether it is trusted is judged when it is shown.
        let der = rustls::pki_types::CertificateDer::from(asked.certificate_der.as_slice());
        if webpki::EndEntityCert::try_from(&der).is_err() {
            return Err(field("certificate_der", "is not a DER certificate").into());
        }
        let thumbprint = thumbprint(&asked.certificate_der);
        if agency.certificates.iter().any(|one| one.thumbprint == thumbprint) {
            return Err(Refusal::new(
                Reason::IdentifierTaken,
                "this certificate stands in the directory already",
            )
            .into());
        }
        agency.certificates.push(AgencyCertificate {
            thumbprint,
            label: asked.label.clone(),
            added_at: self.0.clock.now(),
            revoked_at: None,
        });
        let facts = vec![("thumbprint", thumbprint.to_string())];
        let stored = self.change(&caller, ADD_CERTIFICATE, agency, facts).await?;
        Ok(Response::new(wire::AddCertificateResponse {
            agency: Some(stored),
        }))
    }

    async fn revoke_certificate(
        &self,
        request: Request<wire::RevokeCertificateRequest>,
    ) -> Result<Response<wire::RevokeCertificateResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let mut agency = self.managed(&caller, &asked.agency_id)?;
        let now = self.0.clock.now();
        let one = agency
            .certificates
            .iter_mut()
            .find(|one| one.thumbprint.to_string().eq_ignore_ascii_case(&asked.thumbprint))
            .ok_or_else(|| field("thumbprint", "is not one of this agency's certificates"))?;
        one.revoked_at.get_or_insert(now);
        let facts = vec![("thumbprint", one.thumbprint.to_string())];
        let stored = self.change(&caller, REVOKE_CERTIFICATE, agency, facts).await?;
        Ok(Response::new(wire::RevokeCertificateResponse {
            agency: Some(stored),
        }))
    }

    async fn add_signing_key(
        &self,
        request: Request<wire::AddSigningKeyRequest>,
    ) -> Result<Response<wire::AddSigningKeyResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.into_inner();
        let mut agency = self.managed(&caller, &asked.agency_id)?;
        let algorithm = match asked.algorithm() {
            wire::TokenAlgorithm::Eddsa => TokenAlgorithm::EdDsa,
            wire::TokenAlgorithm::Ps256 => TokenAlgorithm::Ps256,
            wire::TokenAlgorithm::Es256 | wire::TokenAlgorithm::Unspecified => TokenAlgorithm::Es256,
        };
        if agency.signing_keys.iter().any(|key| key.key_id == asked.key_id) {
            return Err(Refusal::new(
                Reason::IdentifierTaken,
                "key_id: this agency has or had a key of this name",
            )
            .into());
        }
        let key = SigningKey {
            key_id: asked.key_id,
            algorithm,
            public_key_der: asked.public_key_der,
            added_at: self.0.clock.now(),
            revoked_at: None,
        };
        if !usable_key(&key) {
            return Err(field(
                "public_key_der",
                "is not a DER SubjectPublicKeyInfo of this algorithm",
            )
            .into());
        }
        let facts = vec![("key", key.key_id.clone())];
        agency.signing_keys.push(key);
        let stored = self.change(&caller, ADD_KEY, agency, facts).await?;
        Ok(Response::new(wire::AddSigningKeyResponse {
            agency: Some(stored),
        }))
    }

    async fn put_agreement(
        &self,
        request: Request<wire::PutAgreementRequest>,
    ) -> Result<Response<wire::PutAgreementResponse>, Status> {
        let caller = caller(&request)?;
        let agreement = agreements::read(
            &request.into_inner().agreement.unwrap_or_default(),
            &self.0.directory.load(),
        )?;
        let stored = self.0.put_agreement(&caller, PUT_AGREEMENT, agreement).await?;
        Ok(Response::new(wire::PutAgreementResponse {
            agreement: Some(agreements::wire(&stored)),
        }))
    }

    async fn end_agreement(
        &self,
        request: Request<wire::EndAgreementRequest>,
    ) -> Result<Response<wire::EndAgreementResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let directory = self.0.directory.load_full();
        let mut agreement = directory
            .agreements()
            .iter()
            .find(|one| one.id.as_str() == asked.agreement_id)
            .map(|one| Agreement::clone(one))
            .ok_or_else(agreements::not_found)?;
        agreement.ended_on = day(asked.ended_on.as_ref());
        let stored = self.0.put_agreement(&caller, END_AGREEMENT, agreement).await?;
        // What waits on it is refused when it is collected: the law of that day is asked then.
        Ok(Response::new(wire::EndAgreementResponse {
            agreement: Some(agreements::wire(&stored)),
            stopped_deliveries: 0,
        }))
    }

    async fn list_agreements(
        &self,
        request: Request<wire::ListAgreementsRequest>,
    ) -> Result<Response<wire::ListAgreementsResponse>, Status> {
        let _ = caller(&request)?;
        let asked = request.get_ref();
        let on = day(asked.in_force_on.as_ref());
        let limit = if asked.page_size == 0 {
            100
        } else {
            asked.page_size as usize
        };
        let directory = self.0.directory.load_full();
        let mut rest = directory
            .agreements()
            .iter()
            .filter(|one| one.id.as_str() > asked.page_token.as_str())
            .filter(|one| {
                asked.agency_id.is_empty()
                    || one.parties.iter().any(|party| party.as_str() == asked.agency_id)
            })
            .filter(|one| on.is_none_or(|on| one.in_force(on)));
        let page: Vec<wire::Agreement> = rest
            .by_ref()
            .take(limit)
            .map(|one| agreements::wire(one))
            .collect();
        let next_page_token = match (page.last(), rest.next()) {
            (Some(last), Some(_)) => last.agreement_id.clone(),
            _ => String::new(),
        };
        Ok(Response::new(wire::ListAgreementsResponse {
            agreements: page,
            next_page_token,
        }))
    }

    async fn revoke_signing_key(
        &self,
        request: Request<wire::RevokeSigningKeyRequest>,
    ) -> Result<Response<wire::RevokeSigningKeyResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let mut agency = self.managed(&caller, &asked.agency_id)?;
        let now = self.0.clock.now();
        let key = agency
            .signing_keys
            .iter_mut()
            .find(|key| key.key_id == asked.key_id)
            .ok_or_else(|| field("key_id", "is not one of this agency's keys"))?;
        key.revoked_at.get_or_insert(now);
        let facts = vec![("key", key.key_id.clone())];
        let stored = self.change(&caller, REVOKE_KEY, agency, facts).await?;
        Ok(Response::new(wire::RevokeSigningKeyResponse {
            agency: Some(stored),
        }))
    }
}

impl Agencies {
    fn known(&self, id: &str) -> Result<Arc<Agency>, Refusal> {
        let id = AgencyId::parse(id).map_err(|_| not_found())?;
        self.0.directory.load().agency(&id).cloned().ok_or_else(not_found)
    }

    /// An agency whose keys the caller keeps: its own, or any for the operator.
    fn managed(&self, caller: &Caller, id: &str) -> Result<Agency, Refusal> {
        let agency = self.known(id)?;
        if agency.id != caller.agency.id && !caller.is_operator() {
            return Err(Refusal::new(
                Reason::ScopeMissing,
                "an agency keeps its own certificates and keys only",
            ));
        }
        Ok(Agency::clone(&agency))
    }

    async fn change(
        &self,
        caller: &Caller,
        method: &'static str,
        mut agency: Agency,
        facts: Vec<(&'static str, String)>,
    ) -> Result<wire::Agency, Status> {
        let expected = agency.revision;
        agency.revision += 1;
        self.put(caller, method, agency, expected, facts).await
    }

    async fn put(
        &self,
        caller: &Caller,
        method: &'static str,
        agency: Agency,
        expected_revision: u64,
        facts: Vec<(&'static str, String)>,
    ) -> Result<wire::Agency, Status> {
        let hub = &self.0;
        let stored = wire_agency(&agency);
        let mut event = hub.event(EventKind::DirectoryChanged, EventOutcome::Success, caller, method);
        event.recipients = vec![agency.id.clone()];
        event.facts.push(("status", agency.status.code().into()));
        event.facts.push(("revision", agency.revision.to_string()));
        event.facts.extend(facts);
        let effect = Effect::PutAgency {
            agency: Box::new(agency),
            expected_revision,
        };
        match hub.record(&event, vec![effect]).await {
            Ok(_) => {}
            Err(CommitRefused::Conflict(Conflict::AgencyRevision(_))) if expected_revision == 0 => {
                return Err(exists().into());
            }
            Err(failure) => return Err(commit_refusal(&failure).into()),
        }
        // This gateway knows at once; others within a second.
        hub.refresh_directory()
            .await
            .map_err(|failure| store_refusal(&failure))?;
        Ok(stored)
    }
}

fn not_found() -> Refusal {
    Refusal::new(Reason::AgencyNotFound, "there is no such agency in the directory")
}

fn exists() -> Refusal {
    Refusal::new(
        Reason::AgencyExists,
        "an agency of this id stands in the directory",
    )
}

fn field(field: &str, description: &str) -> Refusal {
    Refusal::fields(vec![Violation {
        field: field.into(),
        description: description.into(),
    }])
}

/// A new agency, with every wrong field named.
fn new_agency(sent: wire::Agency) -> Result<Agency, Refusal> {
    let mut out = Vec::new();
    let mut wrong = |field: &str, description: String| {
        out.push(Violation {
            field: format!("agency.{field}"),
            description,
        });
    };
    let id = AgencyId::parse(&sent.agency_id)
        .map_err(|error| wrong("agency_id", error.to_string()))
        .ok();
    let kind = kind(sent.kind());
    let given = sent.identifiers.unwrap_or_default();
    let identifiers = AgencyIdentifiers {
        urn: optional(&given.urn, Urn::parse, "identifiers.urn", &mut wrong),
        laestab: optional(&given.laestab, LaEstab::parse, "identifiers.laestab", &mut wrong),
        la_code: optional(&given.la_code, LaCode::parse, "identifiers.la_code", &mut wrong),
        ods_code: optional(
            &given.ods_code,
            OdsCode::parse,
            "identifiers.ods_code",
            &mut wrong,
        ),
        ukprn: optional(&given.ukprn, Ukprn::parse, "identifiers.ukprn", &mut wrong),
    };
    let text = |text: String| (!text.is_empty()).then_some(text);
    let (Some(id), Some(kind), true) = (id, kind, out.is_empty()) else {
        return Err(Refusal::fields(out));
    };
    Ok(Agency {
        id,
        kind,
        name: sent.name,
        status: AgencyStatus::Active,
        identifiers,
        contacts: sent
            .contacts
            .into_iter()
            .map(|one| AgencyContact {
                role: one.role,
                name: one.name,
                email: text(one.email),
                phone: text(one.phone),
            })
            .collect(),
        certificates: Vec::new(),
        signing_keys: Vec::new(),
        revision: 1,
    })
}

fn optional<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, sendhub_domain::identifiers::IdentifierError>,
    field: &str,
    wrong: &mut impl FnMut(&str, String),
) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    parse(text)
        .map_err(|error| wrong(field, format!("{error} ({})", error.reason())))
        .ok()
}

const fn kind(kind: wire::AgencyKind) -> Option<AgencyKind> {
    use wire::AgencyKind as Wire;
    Some(match kind {
        Wire::Unspecified => return None,
        Wire::MaintainedSchool => AgencyKind::MaintainedSchool,
        Wire::Academy => AgencyKind::Academy,
        Wire::SpecialSchool => AgencyKind::SpecialSchool,
        Wire::PupilReferralUnit => AgencyKind::PupilReferralUnit,
        Wire::IndependentSchool => AgencyKind::IndependentSchool,
        Wire::Post16 => AgencyKind::Post16,
        Wire::EarlyYears => AgencyKind::EarlyYears,
        Wire::ModSchool => AgencyKind::ModSchool,
        Wire::LocalAuthority => AgencyKind::LocalAuthority,
        Wire::HealthBody => AgencyKind::HealthBody,
        Wire::MinistryOfDefence => AgencyKind::MinistryOfDefence,
        Wire::HubOperator => AgencyKind::HubOperator,
    })
}

/// An instant of the wire as a filter.
pub(crate) fn instant(wire: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    wire.and_then(sendhub_contracts::convert::time)
}
