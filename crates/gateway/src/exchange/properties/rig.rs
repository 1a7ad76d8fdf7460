//! A hub without a listener, on a database of its own, whose services are called as the gate would call them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use jiff::civil::Date;
use sendhub_contracts::assessment::v1 as assessment;
use sendhub_contracts::assessment::v1::assessment_service_server::AssessmentService as _;
use sendhub_contracts::convert;
use sendhub_contracts::mailbox::v1 as mailbox;
use sendhub_contracts::mailbox::v1::mailbox_service_server::MailboxService as _;
use sendhub_contracts::policy::v1 as policy;
use sendhub_contracts::policy::v1::referral_service_server::ReferralService as _;
use sendhub_contracts::rights::v1 as rights;
use sendhub_contracts::rights::v1::consent_service_server::ConsentService as _;
use sendhub_contracts::rights::v1::right_holder_service_server::RightHolderService as _;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::validate::At;
use sendhub_ctf::Profiles;
use sendhub_domain::agency::{Agency, AgencyId, AgencyIdentifiers, AgencyKind, AgencyStatus, Thumbprint};
use sendhub_domain::calendar::BankHolidays;
use sendhub_domain::event::{AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::ExchangeId;
use sendhub_domain::person::SubjectId;
use sendhub_ledger::checkpoint::LogKey;
use sendhub_ledger::hash::{Hash, leaf_hash};
use sendhub_ledger::proof::InclusionProof;
use sendhub_policy::PolicySet;
use sendhub_store::change::ReferralState;
use sendhub_store::reads::{EventFilter, ReferralRecord};
use sendhub_store::seal::MasterKey;
use sendhub_store::sqlite::{SqliteOptions, SqliteStore};
use sendhub_store::{Change, Committer, Effect, LogEntry, Store as _};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::assessment::Assessments;
use crate::attachments::Vault;
use crate::attachments::settings::AttachmentSettings;
use crate::clock::{Clock, SystemClock, england};
use crate::exchange::parties::named;
use crate::hub::Hub;
use crate::identity::Caller;
use crate::identity::token::TokenFacts;
use crate::mailbox::Mailbox;
use crate::minimisation::Minimisation;
use crate::referrals::Referrals;
use crate::register::Register;
use crate::rights::{Consents, RightHolders};
use crate::wakeups::Wakeups;

const ORIGIN: &str = "properties.example/g1";

/// A clock whose day the test sets.
#[derive(Debug)]
pub(super) struct Days(Mutex<Date>);

impl Clock for Days {
    fn now(&self) -> Timestamp {
        let day = *self.0.lock().unwrap();
        england().to_timestamp(day.at(12, 0, 0, 0)).unwrap()
    }

    fn new_id(&self) -> Uuid {
        SystemClock.new_id()
    }
}

/// The hub and its agencies.
pub(super) struct Rig {
    pub(super) hub: Arc<Hub>,
    clock: Arc<Days>,
    key: sendhub_ledger::checkpoint::VerifierKey,
    callers: HashMap<&'static str, Caller>,
    _folder: tempfile::TempDir,
}

fn agency(id: &'static str, kind: AgencyKind) -> Agency {
    Agency {
        id: AgencyId::parse(id).unwrap(),
        kind,
        name: id.into(),
        status: AgencyStatus::Active,
        identifiers: AgencyIdentifiers::default(),
        contacts: vec![],
        certificates: vec![],
        signing_keys: vec![],
        revision: 1,
    }
}

impl Rig {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log_key = LogKey::from_seed(ORIGIN, &[7; 32]).unwrap();
        let key = log_key.verifier().clone();
        let store = SqliteStore::open(SqliteOptions {
            path: folder.path().join("hub.db"),
            master_key: MasterKey::new([9; 32]),
            former_keys: vec![],
            log_key,
            readers: 2,
        })
        .await
        .unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(Days(Mutex::new(Date::constant(2026, 6, 20))));
        let (committer, _) = Committer::start(store.clone(), 64);
        let mut callers = HashMap::new();
        for (id, kind) in [
            ("authority", AgencyKind::LocalAuthority),
            ("college", AgencyKind::Post16),
            ("next-school", AgencyKind::Academy),
        ] {
            let agency = agency(id, kind);
            let event = AuditEvent::new(
                EventKind::DirectoryChanged,
                EventOutcome::Success,
                clock.now(),
                "test",
            );
            let effect = Effect::PutAgency {
                agency: Box::new(agency.clone()),
                expected_revision: 0,
            };
            let entry = LogEntry::encode(&event);
            committer
                .commit(Change {
                    entry,
                    effects: vec![effect],
                })
                .await
                .unwrap();
            let token = TokenFacts {
                subject: "test".into(),
                role: "la-system".into(),
                token_id: "1".into(),
                expires_at: i64::MAX,
            };
            callers.insert(
                id,
                Caller {
                    agency: Arc::new(agency),
                    certificate: Thumbprint([0; 32]),
                    token: Arc::new(token),
                },
            );
        }
        let attachments = AttachmentSettings {
            folder: Some(folder.path().join("attachments")),
            ..AttachmentSettings::default()
        };
        let hub = Arc::new(Hub {
            register: Register::new(store.clone(), store.keyring()),
            keyring: store.keyring(),
            minimisation: Minimisation::built_in().unwrap(),
            vault: Vault::open(&attachments).unwrap(),
            directory: ArcSwap::from_pointee(store.directory().await.unwrap()),
            store: store.clone(),
            committer,
            policy: ArcSwap::from_pointee(PolicySet::built_in().unwrap()),
            profiles: Profiles::built_in().unwrap(),
            holidays: BankHolidays::default(),
            calendars: HashMap::new(),
            clock: clock.clone(),
            wakeups: Wakeups::default(),
            shares: crate::shares::Shares::new(&crate::config::Limits::default()),
            origin: ORIGIN.into(),
            stopping: tokio_util::sync::CancellationToken::new(),
        });
        Self {
            hub,
            clock,
            key,
            callers,
            _folder: folder,
        }
    }

    pub(super) fn move_to(&self, day: Date) {
        *self.clock.0.lock().unwrap() = day;
    }

    fn by<T>(&self, agency: &str, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.callers[agency].clone());
        request
    }

    pub(super) async fn consent(
        &self,
        request: rights::RecordConsentRequest,
    ) -> rights::RecordConsentResponse {
        let service = Consents(Arc::clone(&self.hub));
        let done = service.record_consent(self.by("authority", request)).await;
        done.unwrap().into_inner()
    }

    pub(super) async fn withdraw(
        &self,
        request: rights::WithdrawConsentRequest,
    ) -> rights::WithdrawConsentResponse {
        let service = Consents(Arc::clone(&self.hub));
        let done = service.withdraw_consent(self.by("authority", request)).await;
        done.unwrap().into_inner()
    }

    pub(super) async fn fact(&self, request: rights::RecordFactRequest) -> rights::RecordFactResponse {
        let service = RightHolders(Arc::clone(&self.hub));
        let done = service.record_fact(self.by("authority", request)).await;
        done.unwrap().into_inner()
    }

    pub(super) async fn end_fact(
        &self,
        request: rights::WithdrawFactRequest,
    ) -> rights::WithdrawFactResponse {
        let service = RightHolders(Arc::clone(&self.hub));
        let done = service.withdraw_fact(self.by("authority", request)).await;
        done.unwrap().into_inner()
    }

    pub(super) async fn send(&self, request: assessment::SendPlanRequest) -> Result<types::Receipt, Status> {
        let service = Assessments(Arc::clone(&self.hub));
        let done = service.send_plan(self.by("authority", request)).await?;
        Ok(done.into_inner().receipt.unwrap())
    }

    pub(super) async fn decide(&self, referral: String, allowed: bool) -> policy::DecideReferralResponse {
        let service = Referrals(Arc::clone(&self.hub));
        let outcome = if allowed {
            policy::ReferralOutcome::Allowed
        } else {
            policy::ReferralOutcome::Refused
        };
        let request = policy::DecideReferralRequest {
            referral,
            outcome: outcome.into(),
            officer_name: "Invented Officer".into(),
            officer_role: "officer".into(),
            reasons: "Asked and weighed.".into(),
            statement: "Read and decided.".into(),
        };
        let done = service.decide_referral(self.by("authority", request)).await;
        done.unwrap().into_inner()
    }

    /// Collects one copy; `None` when it is refused.
    pub(super) async fn collect(&self, agency: &str, delivery: &str) -> Option<mailbox::CollectedDelivery> {
        use mailbox::collect_deliveries_response::Result as Answer;
        let request = mailbox::CollectDeliveriesRequest {
            delivery_ids: vec![delivery.to_owned()],
        };
        let service = Mailbox(Arc::clone(&self.hub));
        let answers = service
            .collect_deliveries(self.by(agency, request))
            .await
            .unwrap();
        let answer = answers.into_inner().next().await.unwrap().unwrap();
        match answer.result.unwrap() {
            Answer::Delivery(delivery) => Some(delivery),
            Answer::Refusal(_) => None,
        }
    }

    /// The referrals of an exchange that nobody has decided.
    pub(super) async fn open_referrals(&self, exchange: &str) -> Vec<ReferralRecord> {
        let id = named("exchanges", exchange).map(ExchangeId).unwrap();
        let mut found = self.hub.store.referrals_of(id).await.unwrap();
        found.retain(|one| one.state == ReferralState::Open);
        found
    }

    /// The pseudonym of a person whom the hub has met.
    pub(super) async fn subject(&self, person: &types::PersonReference) -> Option<SubjectId> {
        let person = convert::person(person, &At::Root, &mut Vec::new()).unwrap();
        let tags = self
            .hub
            .register
            .tags(&person, &self.callers["authority"].agency.id);
        let known = self.hub.register.look_up(&tags).await.unwrap();
        known.first().map(|one| one.subject)
    }

    /// How many leaves of a kind the log has about a person, the hub's own notices left out.
    pub(super) async fn leaves(&self, subject: SubjectId, kind: EventKind) -> usize {
        let filter = EventFilter {
            subject: Some(subject),
            kind: Some(kind.code().to_owned()),
            limit: 10_000,
            ..EventFilter::default()
        };
        self.hub.store.events(&filter).await.unwrap().len()
    }

    /// Whether a leaf stands where a receipt says, under a signed checkpoint.
    pub(super) fn proves(&self, place: Option<&types::LogPosition>) -> bool {
        let place = place.unwrap();
        let checkpoint = self.key.verify(&place.checkpoint).unwrap();
        let proof = place.inclusion.as_ref().unwrap();
        let path = proof.path.iter().map(|hash| Hash::from_slice(hash).unwrap());
        let proof = InclusionProof {
            leaf_index: proof.leaf_index,
            tree_size: proof.tree_size,
            path: path.collect(),
        };
        proof.tree_size == checkpoint.size
            && proof
                .verify(&leaf_hash(&place.leaf_entry), &checkpoint.root)
                .is_ok()
    }
}
