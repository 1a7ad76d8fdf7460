//! Log entries: an audit event as the exact bytes that the log proves, one JSON object a line.

use jiff::Timestamp;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::event::AuditEvent;
use sendhub_domain::exchange::ExchangeId;
use sendhub_domain::person::SubjectId;
use sendhub_ledger::hash::{Hash, leaf_hash};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An encoded event with its leaf hash and the columns by which auditors ask for it.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The leaf's bytes: UTF-8 JSON, no line break. `SHA-256(0x00 ‖ bytes)` is the leaf hash.
    pub bytes: Vec<u8>,
    /// The leaf hash.
    pub hash: Hash,
    /// When it happened.
    pub at: Timestamp,
    /// The event kind's code.
    pub kind: &'static str,
    /// The agency that acted.
    pub agency: Option<AgencyId>,
    /// Whom it is about.
    pub subject: Option<SubjectId>,
    /// Which exchange.
    pub exchange: Option<ExchangeId>,
}

impl LogEntry {
    /// Encodes an event. Done on the request's own task, so that the writer only orders and hashes.
    #[must_use]
    pub fn encode(event: &AuditEvent) -> Self {
        // A map of strings and numbers always serialises: the fallback is never taken, and if it ever
        // were, the entry would still be a valid, if bare, leaf.
        let bytes = serde_json::to_vec(&EventJson(event)).unwrap_or_else(|_| b"{}".to_vec());
        Self {
            hash: leaf_hash(&bytes),
            bytes,
            at: event.at,
            kind: event.kind.code(),
            agency: event.actor.as_ref().and_then(|actor| actor.agency.clone()),
            subject: event.subject,
            exchange: event.exchange,
        }
    }
}

/// Version of the entry's form, first in every entry.
const FORM: u8 = 1;

struct EventJson<'a>(&'a AuditEvent);

impl Serialize for EventJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("form", &FORM)?;
        map.serialize_entry("kind", event.kind.code())?;
        map.serialize_entry("outcome", event.outcome.code())?;
        map.serialize_entry("at", &DisplayAsText(&event.at))?;
        map.serialize_entry("method", &event.method)?;
        if let Some(actor) = &event.actor {
            text(&mut map, "agency", actor.agency.as_ref())?;
            text(&mut map, "actor", actor.subject.as_ref())?;
            text(&mut map, "role", actor.role.as_ref())?;
            text(&mut map, "certificate", actor.certificate.as_ref())?;
            text(&mut map, "token", actor.token_id.as_ref())?;
        }
        text(&mut map, "subject", event.subject.as_ref())?;
        text(&mut map, "exchange", event.exchange.as_ref())?;
        text(&mut map, "exchange_kind", event.exchange_kind.as_ref())?;
        text(&mut map, "request", event.request.as_ref())?;
        text(&mut map, "delivery", event.delivery.as_ref())?;
        if !event.recipients.is_empty() {
            let names: Vec<&str> = event.recipients.iter().map(AgencyId::as_str).collect();
            map.serialize_entry("recipients", &names)?;
        }
        text(&mut map, "reason", event.reason.as_ref())?;
        text(&mut map, "rule", event.rule.as_ref())?;
        text(&mut map, "policy", event.policy_version.as_ref())?;
        text(&mut map, "provision", event.provision.as_ref())?;
        text(
            &mut map,
            "sealed_sha256",
            event.sealed_sha256.map(Hash::from).as_ref(),
        )?;
        text(
            &mut map,
            "content_commitment",
            event.content_commitment.map(Hash::from).as_ref(),
        )?;
        for (name, value) in &event.facts {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn text<M: SerializeMap, T: std::fmt::Display>(
    map: &mut M,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &DisplayAsText(value)))
}

struct DisplayAsText<'a, T>(&'a T);

impl<T: std::fmt::Display> Serialize for DisplayAsText<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sendhub_domain::event::{EventKind, EventOutcome};

    #[test]
    fn an_entry_is_one_line_of_json_with_its_leaf_hash() {
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let mut event = AuditEvent::new(EventKind::AccessRefused, EventOutcome::Refused, at, "a/b");
        event.reason = Some("TOKEN_EXPIRED".into());
        event.facts.push(("suppressed", "3".into()));
        let entry = LogEntry::encode(&event);
        assert_eq!(
            String::from_utf8(entry.bytes.clone()).unwrap(),
            "{\"form\":1,\"kind\":\"ACCESS_REFUSED\",\"outcome\":\"REFUSED\",\"at\":\"2026-11-23T09:00:00Z\",\
             \"method\":\"a/b\",\"reason\":\"TOKEN_EXPIRED\",\"suppressed\":\"3\"}"
        );
        assert_eq!(entry.hash, leaf_hash(&entry.bytes));
    }
}
