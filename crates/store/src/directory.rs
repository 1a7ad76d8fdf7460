//! The directory as a value in memory: every agency, and the ways by which one is found.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use sendhub_domain::agency::{Agency, AgencyId, AgencyKind, Thumbprint};
use sendhub_domain::agreement::Agreement;
use sendhub_domain::disclosure::{AgreementStanding, Item};
use sendhub_domain::identifiers::{LaCode, LaEstab, OdsCode, Ukprn, Urn};

/// A snapshot of the directory. Cheap to share: gateways keep it behind an atomic pointer.
#[derive(Debug, Default)]
pub struct Directory {
    revision: u64,
    agencies: HashMap<AgencyId, Arc<Agency>>,
    by_certificate: HashMap<Thumbprint, AgencyId>,
    by_urn: HashMap<Urn, AgencyId>,
    by_laestab: HashMap<LaEstab, AgencyId>,
    by_la_code: HashMap<LaCode, AgencyId>,
    by_ods_code: HashMap<OdsCode, AgencyId>,
    by_ukprn: HashMap<Ukprn, AgencyId>,
    agreements: Vec<Arc<Agreement>>,
}

impl Directory {
    /// Builds the snapshot. Identifiers and unrevoked certificates are unique in a store, so nothing is
    /// lost by keeping one agency for each.
    #[must_use]
    pub fn new(revision: u64, agencies: Vec<Agency>) -> Self {
        let mut directory = Self {
            revision,
            ..Self::default()
        };
        for agency in agencies {
            directory.index(&agency);
            directory.agencies.insert(agency.id.clone(), Arc::new(agency));
        }
        directory
    }

    fn index(&mut self, agency: &Agency) {
        let id = &agency.id;
        for certificate in &agency.certificates {
            if certificate.revoked_at.is_none() {
                self.by_certificate.insert(certificate.thumbprint, id.clone());
            }
        }
        let known = &agency.identifiers;
        if let Some(urn) = &known.urn {
            self.by_urn.insert(urn.clone(), id.clone());
        }
        if let Some(laestab) = &known.laestab {
            self.by_laestab.insert(laestab.clone(), id.clone());
        }
        // Schools may state the authority they stand in; only an authority answers to the code itself.
        if let (Some(la_code), AgencyKind::LocalAuthority) = (&known.la_code, agency.kind) {
            self.by_la_code.insert(la_code.clone(), id.clone());
        }
        if let Some(ods_code) = &known.ods_code {
            self.by_ods_code.insert(ods_code.clone(), id.clone());
        }
        if let Some(ukprn) = &known.ukprn {
            self.by_ukprn.insert(ukprn.clone(), id.clone());
        }
    }

    /// Grows with every change, by any process.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The snapshot with these sharing agreements, in the order of their ids.
    #[must_use]
    pub fn with_agreements(mut self, mut agreements: Vec<Agreement>) -> Self {
        agreements.sort_by(|a, b| a.id.cmp(&b.id));
        self.agreements = agreements.into_iter().map(Arc::new).collect();
        self
    }

    /// Every sharing agreement, in the order of their ids, those that have ended included.
    #[must_use]
    pub fn agreements(&self) -> &[Arc<Agreement>] {
        &self.agreements
    }

    /// Whether an agreement between these two covers the item on the day.
    #[must_use]
    pub fn agreement_between(&self, item: Item, a: &AgencyId, b: &AgencyId, on: Date) -> AgreementStanding {
        if self.agreements.iter().any(|one| one.covers(item, a, b, on)) {
            AgreementStanding::InForce
        } else {
            AgreementStanding::None
        }
    }

    /// The agency with this id.
    #[must_use]
    pub fn agency(&self, id: &AgencyId) -> Option<&Arc<Agency>> {
        self.agencies.get(id)
    }

    /// The agency that registered this certificate and has not revoked it.
    #[must_use]
    pub fn by_certificate(&self, thumbprint: &Thumbprint) -> Option<&Arc<Agency>> {
        self.by_certificate
            .get(thumbprint)
            .and_then(|id| self.agencies.get(id))
    }

    /// The agency that once registered this certificate and has since revoked it.
    #[must_use]
    pub fn by_revoked_certificate(&self, thumbprint: &Thumbprint) -> Option<&Arc<Agency>> {
        // Only a refusal asks this, to give its reason: a walk is good enough.
        self.agencies.values().find(|agency| {
            agency
                .certificates
                .iter()
                .any(|one| one.thumbprint == *thumbprint && one.revoked_at.is_some())
        })
    }

    /// The school with this URN.
    #[must_use]
    pub fn by_urn(&self, urn: &Urn) -> Option<&Arc<Agency>> {
        self.by_urn.get(urn).and_then(|id| self.agencies.get(id))
    }

    /// The school with this DfE number.
    #[must_use]
    pub fn by_laestab(&self, laestab: &LaEstab) -> Option<&Arc<Agency>> {
        self.by_laestab.get(laestab).and_then(|id| self.agencies.get(id))
    }

    /// The local authority with this code.
    #[must_use]
    pub fn by_la_code(&self, code: &LaCode) -> Option<&Arc<Agency>> {
        self.by_la_code.get(code).and_then(|id| self.agencies.get(id))
    }

    /// The health body with this ODS code.
    #[must_use]
    pub fn by_ods_code(&self, code: &OdsCode) -> Option<&Arc<Agency>> {
        self.by_ods_code.get(code).and_then(|id| self.agencies.get(id))
    }

    /// The provider with this UKPRN.
    #[must_use]
    pub fn by_ukprn(&self, ukprn: &Ukprn) -> Option<&Arc<Agency>> {
        self.by_ukprn.get(ukprn).and_then(|id| self.agencies.get(id))
    }

    /// Every agency, in the order of their ids.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Agency>> {
        let mut all: Vec<_> = self.agencies.values().cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }
}
