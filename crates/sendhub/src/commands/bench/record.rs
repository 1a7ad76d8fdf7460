//! The records of the bench: one a pupil that nobody knew before, as requests and as bare rows of the same size.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use prost::Message as _;
use sendhub_contracts::transfer::v1::{
    CtfDocument, Destination, SubmitTransferRequest, TransferContent, TransferKind, destination,
};
use sendhub_contracts::types::v1::agency_reference::Identifier;
use sendhub_contracts::types::v1::{
    AgencyReference, Date, Envelope, IdentifierSystem, LawfulBasis, PersonReference, TypedIdentifier,
};
use sendhub_domain::agency::{AgencyId, Thumbprint};
use sendhub_domain::event::{Actor, AuditEvent, EventKind, EventOutcome};
use sendhub_domain::exchange::{DeliveryId, ExchangeId, ExchangeKind, RequestId};
use sendhub_domain::person::SubjectId;
use sendhub_gateway::clock::{Clock as _, SystemClock};
use sendhub_ledger::hash::sha256;
use sendhub_store::LogEntry;
use sendhub_store::bare::BareRows;
use sendhub_store::change::{DeliveryRow, ExchangeRow, SubjectRow};

/// The check letters of a UPN.
const LETTERS: &[u8; 23] = b"ABCDEFGHJKLMNPQRTUVWXYZ";
/// A file of usual content, padded so that the whole request is about 2 KiB.
const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CTfile>
  <Header>
    <DocumentName>Common Transfer File</DocumentName>
    <CTFversion>25.0</CTFversion>
    <DateTime>2026-09-01T10:00:00</DateTime>
    <DocumentQualifier>full</DocumentQualifier>
    <SupplierID>bench</SupplierID>
    <SourceSchool><LEA>999</LEA><Estab>1001</Estab><SchoolName>Bench Primary</SchoolName><AcademicYear>2026</AcademicYear></SourceSchool>
    <DestSchool><LEA>998</LEA><Estab>4001</Estab></DestSchool>
  </Header>
  <CTFpupilData>
    <Pupil>
      <UPN>@@@@@@@@@@@@@</UPN>
      <Surname>Bench</Surname>
      <Forename>Pupil</Forename>
      <DOB>2014-03-04</DOB>
      <Sex>F</Sex>
      <BasicDetails><NCyearActual>7</NCyearActual><Ethnicity>WBRI</Ethnicity></BasicDetails>
      <SENhistory>
        <SEN><StartDate>2023-09-01</StartDate><SENprovision>K</SENprovision></SEN>
        <SENneeds><SENneed><SENtypeRank>1</SENtypeRank><SENtype>SLCN</SENtype></SENneed></SENneeds>
      </SENhistory>
      <Address>
        <BS7666Address><PAON>12</PAON><Street>Bench Street</Street><Town>Benchtown</Town></BS7666Address>
        <PostCode>ZZ99 9ZZ</PostCode>
      </Address>
      <Contacts><Contact>
        <Order>1</Order><Title>Ms</Title><Surname>Bench</Surname><Forename>Parent</Forename>
        <Relationship>PAM</Relationship><Responsibility>true</Responsibility>
        <Address><AddressAsPupil>true</AddressAsPupil></Address>
      </Contact></Contacts>
      <Attendance><YearData><Year>2025</Year><LEA>999</LEA><Estab>1001</Estab><SessionsPossible>380</SessionsPossible><SessionsAttended>371</SessionsAttended><AttendSessions><AttendanceMarks>////\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\/\</AttendanceMarks></AttendSessions></YearData></Attendance>
    </Pupil>
  </CTFpupilData>
</CTfile>
"#;

/// Requests, each about a pupil of its own.
pub(super) struct Records {
    number: AtomicU64,
    document: String,
    file_name: String,
    at: usize,
}

impl Records {
    pub(super) fn new() -> Self {
        Self::of("9991001", 0)
    }

    /// Those of a school (LAESTAB), whose pupils are numbered from here.
    pub(super) fn of(school: &str, first: u64) -> Self {
        let (la, number) = school.split_at(3);
        let document = DOCUMENT
            .replace("<LEA>999</LEA>", &format!("<LEA>{la}</LEA>"))
            .replace("<Estab>1001</Estab>", &format!("<Estab>{number}</Estab>"));
        Self {
            number: AtomicU64::new(first),
            at: document.find('@').unwrap_or_default(),
            document,
            file_name: format!("{school}_CTF_9984001_001.xml"),
        }
    }

    /// The next request.
    pub(super) fn next(&self) -> SubmitTransferRequest {
        self.numbered(self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// A request about the pupil with a number.
    pub(super) fn numbered(&self, number: u64) -> SubmitTransferRequest {
        let upn = upn(number);
        let mut document = self.document.as_bytes().to_vec();
        document[self.at..self.at + 13].copy_from_slice(upn.as_bytes());
        SubmitTransferRequest {
            envelope: Some(Envelope {
                request_id: SystemClock.new_id().to_string(),
                subject: Some(PersonReference {
                    identifiers: vec![TypedIdentifier {
                        system: IdentifierSystem::Upn.into(),
                        value: upn,
                        status: 0,
                    }],
                    surname: "Bench".into(),
                    forename: "Pupil".into(),
                    date_of_birth: Some(Date {
                        year: 2014,
                        month: 3,
                        day: 4,
                    }),
                    ..PersonReference::default()
                }),
                purpose: "STATUTORY_TRANSFER".into(),
                lawful_basis: Some(LawfulBasis {
                    provision: "SI 2005/1437 reg 9(3)".into(),
                    ..LawfulBasis::default()
                }),
                ..Envelope::default()
            }),
            content: Some(TransferContent {
                kind: TransferKind::Full.into(),
                destination: Some(Destination {
                    place: Some(destination::Place::Agency(AgencyReference {
                        identifier: Some(Identifier::Laestab("9984001".into())),
                    })),
                }),
                leaving_date: Some(Date {
                    year: 2026,
                    month: 7,
                    day: 17,
                }),
                ctf: Some(CtfDocument {
                    file_name: self.file_name.clone(),
                    content: document.into(),
                    batch: None,
                }),
                ..TransferContent::default()
            }),
        }
    }

    /// A request about the pupil with a number, to a school (LAESTAB) of one's choice.
    pub(super) fn addressed(&self, number: u64, school: &str) -> SubmitTransferRequest {
        let mut request = self.numbered(number);
        let (la, estab) = school.split_at(3);
        if let Some(content) = &mut request.content {
            content.destination = Some(Destination {
                place: Some(destination::Place::Agency(AgencyReference {
                    identifier: Some(Identifier::Laestab(school.into())),
                })),
            });
            if let Some(ctf) = &mut content.ctf {
                let text = String::from_utf8_lossy(&ctf.content).replace(
                    "<DestSchool><LEA>998</LEA><Estab>4001</Estab>",
                    &format!("<DestSchool><LEA>{la}</LEA><Estab>{estab}</Estab>"),
                );
                ctf.content = text.into_bytes().into();
                ctf.file_name = ctf.file_name.replace("9984001", school);
            }
        }
        request
    }

    /// A request's size in bytes.
    pub(super) fn size(&self) -> usize {
        self.next().encoded_len()
    }
}

/// A UPN with its check letter.
pub(super) fn upn(number: u64) -> String {
    let body = format!("999{number:09}");
    let sum: usize = (2..)
        .zip(body.bytes())
        .map(|(weight, digit)| weight * usize::from(digit - b'0'))
        .sum();
    format!("{}{body}", char::from(LETTERS[sum % LETTERS.len()]))
}

/// What the log says of an accepted record, with all that is the same for each of them.
pub(super) fn accepted_event(sender: &AgencyId) -> AuditEvent {
    let mut event = AuditEvent::new(
        EventKind::ExchangeAccepted,
        EventOutcome::Success,
        SystemClock.now(),
        "sendhub.transfer.v1.TransferService/SubmitTransfer",
    );
    event.actor = Some(Actor {
        agency: Some(sender.clone()),
        subject: Some(format!("system:{sender}")),
        role: Some("mis-system".into()),
        certificate: Some(Thumbprint([1; 32])),
        token_id: Some(SystemClock.new_id().to_string()),
    });
    event.exchange_kind = Some(ExchangeKind::Transfer);
    event.reason = Some("DUTY_PUPIL_INFORMATION".into());
    event.rule = Some("transfer-maintained-school".into());
    event.policy_version = Some("0123456789abcdef".into());
    event.provision =
        Some("Education (Pupil Information) (England) Regulations 2005 (SI 2005/1437) reg 9(3)".into());
    for (name, value) in [
        ("effect", "PERMIT"),
        ("destination", "AGENCY"),
        ("record", "FULL"),
        ("due_on", "2026-09-23"),
    ] {
        event.facts.push((name, value.into()));
    }
    event
}

/// Rows like those that the hub writes for one accepted record.
#[derive(Debug)]
pub(super) struct Rows {
    rows: BareRows,
}

impl Rows {
    /// Rows whose sealed content is of a request of this size.
    pub(super) fn new(size: usize) -> Result<Self> {
        let (one, two) = (
            AgencyId::parse("school-9991001")?,
            AgencyId::parse("school-9984001")?,
        );
        let at = SystemClock.now();
        let (exchange, subject) = (ExchangeId(SystemClock.new_id()), SubjectId([7; 16]));
        let due_on = Some(jiff::civil::date(2026, 9, 23));
        let mut event = accepted_event(&one);
        event.subject = Some(subject);
        event.exchange = Some(exchange);
        event.request = Some(RequestId(SystemClock.new_id()));
        event.recipients = vec![two.clone()];
        event.sealed_sha256 = Some([2; 32]);
        event.content_commitment = Some([3; 32]);
        Ok(Self {
            rows: BareRows {
                subject: SubjectRow {
                    subject,
                    birth_tag: [1; 16],
                    name_tag: [2; 16],
                    wrapped_key: vec![3; 40],
                    master_key_id: "0123456789abcdef".into(),
                    sealed_facts: vec![4; 49],
                    created_at: at,
                },
                exchange: ExchangeRow {
                    exchange,
                    kind: ExchangeKind::Transfer,
                    sender: one.clone(),
                    request: RequestId(SystemClock.new_id()),
                    request_digest: [5; 32],
                    subject,
                    accepted_at: at,
                    due_on,
                    header: vec![6; 380],
                    sealed: vec![7; size + 16 + 28],
                    case: None,
                },
                delivery: DeliveryRow {
                    delivery: DeliveryId(SystemClock.new_id()),
                    exchange,
                    kind: ExchangeKind::Transfer,
                    recipient: two,
                    sender: one,
                    case_reference: None,
                    due_on,
                    size_bytes: size as u64,
                    created_at: at,
                },
                leaf: LogEntry::encode(&event),
            },
        })
    }

    /// The next record's rows, with names of their own.
    pub(super) fn next(&self) -> BareRows {
        let mut rows = self.rows.clone();
        let exchange = ExchangeId(SystemClock.new_id());
        // A pseudonym is a keyed hash: its place in the index is anywhere.
        let mut subject = [0; 16];
        subject.copy_from_slice(&sha256(exchange.0.as_bytes()).0[..16]);
        rows.subject.subject = SubjectId(subject);
        rows.exchange.exchange = exchange;
        rows.exchange.subject = SubjectId(subject);
        rows.exchange.request = RequestId(SystemClock.new_id());
        rows.delivery.exchange = exchange;
        rows.delivery.delivery = DeliveryId(SystemClock.new_id());
        rows.leaf.exchange = Some(exchange);
        rows.leaf.subject = Some(SubjectId(subject));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_contracts::validate::Validate as _;
    use sendhub_ctf::{Profiles, check_file};

    #[test]
    fn the_records_are_such_as_the_hub_takes() {
        let records = Records::new();
        for _ in 0..100 {
            let request = records.next();
            assert_eq!(request.violations(), []);
            let ctf = request.content.unwrap().ctf.unwrap();
            let report = check_file(&ctf.content, Some(&ctf.file_name), &Profiles::built_in().unwrap());
            assert!(report.sendable(), "{:?}", report.problems);
        }
        assert!((1_900..2_300).contains(&records.size()), "{}", records.size());
    }
}
