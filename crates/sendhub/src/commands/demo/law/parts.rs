//! What the chapters of the law have in common: people, envelopes, consents, documents, and what is told of refusals.

use anyhow::{Context as _, Result, bail, ensure};
use aws_lc_rs::digest;
use jiff::civil::{Date, date};
use sendhub_client::clock::new_request_id;
use sendhub_client::courier;
use sendhub_client::session::Session;
use sendhub_client::told::Told;
use sendhub_contracts::assessment::v1 as assessment;
use sendhub_contracts::attachment::v1 as attachment;
use sendhub_contracts::convert::wire_date;
use sendhub_contracts::mailbox::v1::CollectedDelivery;
use sendhub_contracts::review::v1 as review;
use sendhub_contracts::rights::v1 as rights;
use sendhub_contracts::types::v1 as types;
use sendhub_contracts::types::v1::agency_reference::Identifier;
use tonic::Status;

use super::super::Story;
use super::{AUTHORITY, HOSPITAL, LEAVER, Pupil, SCHOOL};
use crate::commands::inbox::told;

/// The decision of a receipt, which must allow.
pub(super) fn permitted(receipt: Option<types::Receipt>) -> Result<types::Decision> {
    let decision = receipt
        .and_then(|receipt| receipt.decision)
        .context("a receipt without a decision")?;
    ensure!(
        decision.effect() == types::Effect::Permit,
        "not allowed: {}",
        decision.reason_code
    );
    Ok(decision)
}

pub(super) fn named(agency: &str) -> types::AgencyReference {
    types::AgencyReference {
        identifier: Some(Identifier::AgencyId(agency.into())),
    }
}

pub(super) fn envelope(
    pupil: &Pupil,
    case: &str,
    recipients: &[(&str, types::RecipientRole)],
) -> types::Envelope {
    types::Envelope {
        request_id: new_request_id().to_string(),
        case_reference: case.into(),
        subject: Some(person(pupil)),
        recipients: recipients
            .iter()
            .map(|(agency, role)| types::Recipient {
                agency: Some(named(agency)),
                role: (*role).into(),
            })
            .collect(),
        ..types::Envelope::default()
    }
}

pub(super) fn person(pupil: &Pupil) -> types::PersonReference {
    types::PersonReference {
        identifiers: vec![types::TypedIdentifier {
            system: types::IdentifierSystem::Upn.into(),
            value: pupil.upn.into(),
            status: types::IdentifierStatus::Current.into(),
        }],
        surname: pupil.surname.into(),
        forename: pupil.forename.into(),
        date_of_birth: Some(wire_date(pupil.born)),
        ..types::PersonReference::default()
    }
}

pub(super) fn invitees() -> Vec<review::Invitee> {
    let one = |kind: review::InviteeKind, agency: Option<&str>, role: &str| review::Invitee {
        kind: kind.into(),
        agency: agency.map(named),
        name_of_role: role.into(),
        ..review::Invitee::default()
    };
    vec![
        one(review::InviteeKind::Parent, None, "parent"),
        one(review::InviteeKind::Institution, Some(SCHOOL), "head teacher"),
        one(review::InviteeKind::LaSen, Some(AUTHORITY), "SEN officer"),
        one(review::InviteeKind::Health, Some(HOSPITAL), "audiologist"),
        one(
            review::InviteeKind::LaSocialCare,
            Some(AUTHORITY),
            "social care officer",
        ),
    ]
}

pub(super) async fn consent(
    recorder: &Session,
    pupil: &Pupil,
    giver: rights::GiverKind,
    item: types::Item,
    recipient: &str,
) -> Result<()> {
    // The young person speaks on the day on which the right has become theirs.
    let today = match giver {
        rights::GiverKind::YoungPerson => date(2026, 6, 27),
        _ => recorder_day(pupil),
    };
    let mut given = rights::Consent {
        giver: giver.into(),
        giver_name: "Pat Example".into(),
        evidence: "signed form".into(),
        recipients: vec![named(recipient)],
        purposes: vec![purpose(item).into()],
        valid_from: Some(wire_date(today)),
        given_on: Some(wire_date(today)),
        method: rights::ConsentMethod::Written.into(),
        notice_version: "1".into(),
        taken_by_role: "SENCO".into(),
        ..rights::Consent::default()
    };
    given.set_decision(rights::ConsentDecision::Granted);
    given.items = vec![item.into()];
    recorder
        .consents()
        .record_consent(rights::RecordConsentRequest {
            request_id: new_request_id().to_string(),
            subject: Some(person(pupil)),
            consent: Some(given),
        })
        .await
        .map_err(told)?;
    Ok(())
}

/// For what the demo's consents are given.
pub(super) const fn purpose(item: types::Item) -> &'static str {
    match item {
        types::Item::EhcPlan => "COLLEGE_APPLICATION",
        _ => "SERVICE_CHILD_TRANSITION",
    }
}

/// A day on which every consent of the demo has been given.
pub(super) fn recorder_day(pupil: &Pupil) -> Date {
    if pupil.born == LEAVER.born {
        date(2026, 6, 26)
    } else {
        date(2026, 10, 1)
    }
}

pub(super) async fn understands(
    recorder: &Session,
    pupil: &Pupil,
    item: &str,
    answer: types::Answer,
) -> Result<()> {
    let today = recorder_day(pupil);
    recorder
        .right_holders()
        .record_fact(rights::RecordFactRequest {
            request_id: new_request_id().to_string(),
            subject: Some(person(pupil)),
            fact: Some(rights::RightsFact {
                valid_from: Some(wire_date(today)),
                fact: Some(rights::rights_fact::Fact::UnderstandingFinding(
                    rights::UnderstandingFinding {
                        understands: answer.into(),
                        decision: item.into(),
                        assessed_by_role: "SENCO".into(),
                        assessed_on: Some(wire_date(today)),
                        // A finding about a child says nothing of the young person they become.
                        review_by: (pupil.born == LEAVER.born).then(|| wire_date(date(2026, 6, 26))),
                        ..rights::UnderstandingFinding::default()
                    },
                )),
                ..rights::RightsFact::default()
            }),
        })
        .await
        .map_err(told)?;
    Ok(())
}

pub(super) fn advice(request: &str, document: &types::AttachmentReference) -> assessment::AdviceContent {
    assessment::AdviceContent {
        advice_request: request.into(),
        author: Some(assessment::Author {
            name: "A. Udiologist".into(),
            profession: "Audiologist".into(),
            employer: Some(named(HOSPITAL)),
            registrations: vec![assessment::Registration {
                body: assessment::RegistrationBody::Hcpc.into(),
                number: "PH123456".into(),
            }],
            ..assessment::Author::default()
        }),
        basis: Some(assessment::AdviceBasis {
            assessed_on: vec![wire_date(date(2026, 9, 21))],
            ..assessment::AdviceBasis::default()
        }),
        needs: vec![assessment::Need {
            need_id: "n1".into(),
            section: assessment::NeedSection::B.into(),
            area: assessment::NeedArea::SensoryAndPhysical.into(),
            description: "A moderate hearing loss in both ears".into(),
            ..assessment::Need::default()
        }],
        outcomes: vec![assessment::Outcome {
            outcome_id: "o1".into(),
            need_ids: vec!["n1".into()],
            text: "By July 2027 Robin follows whole-class teaching from any seat".into(),
            ..assessment::Outcome::default()
        }],
        provisions: vec![assessment::Provision {
            provision_id: "p1".into(),
            need_ids: vec!["n1".into()],
            outcome_ids: vec!["o1".into()],
            section: assessment::ProvisionSection::F.into(),
            what: "A radio aid in every lesson, checked each morning by a trained teaching assistant".into(),
            by_whom: Some(assessment::Provider::default()),
            frequency: Some(assessment::Frequency::default()),
            group_size: "1".into(),
            ..assessment::Provision::default()
        }],
        document: Some(document.clone()),
        version: 1,
        signed_on: Some(wire_date(date(2026, 9, 28))),
        ..assessment::AdviceContent::default()
    }
}

/// A small document that is a PDF.
pub(super) fn document() -> Vec<u8> {
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
      3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
        .to_vec()
}

pub(super) async fn upload(session: &Session, bytes: &[u8]) -> Result<types::AttachmentReference> {
    use attachment::upload_attachment_request::Part;
    let part = |part: Part| attachment::UploadAttachmentRequest { part: Some(part) };
    let mut pieces = vec![part(Part::Header(attachment::AttachmentHeader {
        file_name: "advice.pdf".into(),
        media_type: "application/pdf".into(),
        size_bytes: bytes.len() as u64,
        sha256: digest::digest(&digest::SHA256, bytes).as_ref().to_vec().into(),
    }))];
    pieces.extend(
        bytes
            .chunks(256 * 1024)
            .map(|chunk| part(Part::Chunk(chunk.to_vec().into()))),
    );
    session
        .attachments()
        .upload_attachment(futures_util::stream::iter(pieces))
        .await
        .map_err(told)?
        .into_inner()
        .attachment
        .context("an upload without a name")
}

pub(super) async fn download(session: &Session, attachment: &str, delivery: &str) -> Result<Vec<u8>> {
    use attachment::download_attachment_response::Part;
    let mut pieces = session
        .attachments()
        .download_attachment(attachment::DownloadAttachmentRequest {
            attachment: attachment.into(),
            delivery_id: delivery.into(),
        })
        .await
        .map_err(told)?
        .into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.map_err(told)? {
        if let Some(Part::Chunk(chunk)) = piece.part {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes)
}

/// Collects and acknowledges the newest exchange that waits.
pub(super) async fn collect_one(session: &Session) -> Result<CollectedDelivery> {
    let (id, delivery) = collect_with_id(session).await?;
    courier::acknowledge(session, &[id]).await.map_err(told)?;
    Ok(delivery)
}

/// Collects the newest exchange that waits; the hub's own notices stay.
pub(super) async fn collect_with_id(session: &Session) -> Result<(String, CollectedDelivery)> {
    use sendhub_contracts::mailbox::v1::ExchangeKind;
    let newest = courier::list(session)
        .await
        .map_err(told)?
        .into_iter()
        .rfind(|notice| notice.kind() != ExchangeKind::HubNotice)
        .context("nothing waits")?;
    let ids = [newest.delivery_id.clone()];
    let (_, result) = courier::collect(session, &ids)
        .await
        .map_err(told)?
        .pop()
        .context("nothing was collected")?;
    let delivery = match result {
        Ok(delivery) => delivery,
        Err(refused) => bail!("{refused}"),
    };
    Ok((newest.delivery_id, delivery))
}

pub(super) fn refusal<T>(result: Result<T, Status>) -> Result<Told> {
    match result {
        Ok(_) => bail!("what the law refuses was accepted"),
        Err(status) => Ok(Told::from(&status)),
    }
}

pub(super) fn tell_refusal(story: &Story, refused: &Told) {
    for line in refused.to_string().lines() {
        story.tell(&format!("  {line}"));
    }
}
