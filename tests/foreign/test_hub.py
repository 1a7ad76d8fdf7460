"""The hub as a stock Python client sees it: a record on its way, and every wrong client turned away on record."""

import base64
import hashlib
import hmac
import json
import re
import threading
import time

import grpc
import jwt
import pytest
from access import self_made
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from wire import SAMPLE, proven, reason, record, transfers, upn, wrong_fields

def test_a_record_is_submitted_watched_collected_and_acknowledged(hub, api):
    sender = hub.access("old-school").channel()
    mailbox = api.mailbox_grpc.MailboxServiceStub(hub.access("new-school").channel())
    watch = mailbox.WatchDeliveries(api.mailbox.WatchDeliveriesRequest())
    told = []

    def listen():
        for response in watch:
            if response.HasField("notice"):
                told.append(response.notice)
                return

    listener = threading.Thread(target=listen)
    listener.start()
    request = record(api, 1)
    receipt = transfers(api, sender).SubmitTransfer(request).receipt
    listener.join(timeout=20)
    watch.cancel()
    assert told and told[0].exchange == receipt.exchange and told[0].sender_agency_id == "old-school"
    assert receipt.clocks_started[0].rule == "PUPIL_RECORD_15SD"
    leaf = json.loads(receipt.log.leaf_entry)
    clear = receipt.content_salt + request.SerializeToString(deterministic=True)
    assert leaf["content_commitment"] == hashlib.sha256(clear).hexdigest()
    assert request.envelope.subject.surname not in receipt.log.leaf_entry.decode()

    logs = api.audit_grpc.AuditServiceStub(sender).ListLogs(api.audit.ListLogsRequest()).logs
    [vkey] = [log.verifier_key for log in logs if log.origin == receipt.log.origin]
    assert proven(receipt.log, vkey)
    receipt.log.leaf_entry += b" "
    assert not proven(receipt.log, vkey)
    receipt.log.leaf_entry = receipt.log.leaf_entry[:-1]

    ids = [told[0].delivery_id]
    [collected] = mailbox.CollectDeliveries(api.mailbox.CollectDeliveriesRequest(delivery_ids=ids))
    assert collected.delivery.transfer == request.content
    assert collected.delivery.envelope == request.envelope
    assert json.loads(collected.delivery.log.leaf_entry)["kind"] == "DISCLOSED"
    acknowledge = api.mailbox.AcknowledgeDeliveriesRequest(
        delivery_ids=ids, outcome=api.mailbox.ACKNOWLEDGE_OUTCOME_TAKEN
    )
    for _ in range(2):
        [result] = mailbox.AcknowledgeDeliveries(acknowledge).results
        assert result.state == api.transfer.DELIVERY_STATE_ACKNOWLEDGED and not result.HasField("refusal")
    waiting = mailbox.ListDeliveries(api.mailbox.ListDeliveriesRequest()).deliveries
    assert told[0].delivery_id not in [notice.delivery_id for notice in waiting]
    state = transfers(api, sender).GetTransfer(api.transfer.GetTransferRequest(exchange=receipt.exchange))
    assert state.transfer.deliveries[0].state == api.transfer.DELIVERY_STATE_ACKNOWLEDGED
    audit = api.audit_grpc.AuditServiceStub(sender)
    again = audit.GetReceipt(api.audit.GetReceiptRequest(exchange=receipt.exchange)).receipt
    assert again == receipt


def test_repeating_a_request_gives_its_first_receipt_and_another_content_is_refused(hub, api):
    service = transfers(api, hub.access("old-school").channel())
    request = record(api, 2)
    first = service.SubmitTransfer(request).receipt
    assert service.SubmitTransfer(request).receipt == first
    request.envelope.case_reference = "ANOTHER"
    with pytest.raises(grpc.RpcError) as refused:
        service.SubmitTransfer(request)
    assert (refused.value.code(), reason(refused.value)) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


def test_one_bad_record_does_not_end_a_stream(hub, api):
    service = transfers(api, hub.access("old-school").channel())
    requests = [record(api, number) for number in range(100, 140)]
    requests[7].content.ctf.content = b"<CTfile>"
    requests[9].envelope.request_id = "no uuid"
    sent = (api.transfer.SubmitTransfersRequest(transfer=request) for request in requests)
    results = list(service.SubmitTransfers(sent))
    assert len(results) == 40
    for number, (request, result) in enumerate(zip(requests, results)):
        if number in (7, 9):
            assert result.WhichOneof("result") == "refusal"
        else:
            assert result.request_id == request.envelope.request_id
            assert result.WhichOneof("result") == "receipt"
    assert results[9].refusal.violations[0].field == "transfer.envelope.request_id"


def test_every_wrong_field_is_named_and_no_value_repeated(hub, api):
    request = record(api, 3)
    request.envelope.request_id = "secret-1"
    request.envelope.subject.surname = ""
    request.content.kind = 0
    with pytest.raises(grpc.RpcError) as refused:
        transfers(api, hub.access("old-school").channel()).SubmitTransfer(request)
    assert wrong_fields(refused.value) == ["content.kind", "envelope.request_id", "envelope.subject.surname"]
    assert "secret-1" not in refused.value.details()
    request = record(api, 3)
    request.envelope.subject.surname = "Elsewhere"
    request.content.destination.agency.laestab = "9991002"
    with pytest.raises(grpc.RpcError) as refused:
        transfers(api, hub.access("old-school").channel()).SubmitTransfer(request)
    assert wrong_fields(refused.value) == ["content.destination", "envelope.subject.surname"]
    request = record(api, 3)
    born = request.envelope.subject.date_of_birth
    born.month, born.day = 2, 30
    request.content.kind = api.record.TRANSFER_KIND_PARTIAL
    with pytest.raises(grpc.RpcError) as refused:
        transfers(api, hub.access("old-school").channel()).SubmitTransfer(request)
    assert wrong_fields(refused.value) == ["content.kind", "envelope.subject.date_of_birth"]


def test_health_answers_without_identity_and_reflection_lists_every_service(hub):
    access = hub.access("old-school")
    health = health_pb2_grpc.HealthStub(access.channel(token=None, certificate=False))
    for service in ("", "sendhub.transfer.v1.TransferService", "sendhub.audit.v1.AuditService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    database = ProtoReflectionDescriptorDatabase(access.channel(token=None))
    listed = set(database.get_services())
    assert listed >= {
        f"sendhub.{area}.v1.{area.capitalize()}Service" for area in ("transfer", "mailbox", "directory", "audit")
    }


def test_what_is_another_s_is_not_there(hub, api, events):
    receipt = transfers(api, hub.access("old-school").channel()).SubmitTransfer(record(api, 4)).receipt
    other = hub.access("other-school").channel()
    with pytest.raises(grpc.RpcError) as refused:
        transfers(api, other).GetTransfer(api.transfer.GetTransferRequest(exchange=receipt.exchange))
    assert reason(refused.value) == "EXCHANGE_NOT_FOUND"
    mailbox = api.mailbox_grpc.MailboxServiceStub(hub.access("new-school").channel())
    waiting = mailbox.ListDeliveries(api.mailbox.ListDeliveriesRequest(page_size=1000)).deliveries
    [delivery] = [one.delivery_id for one in waiting if one.exchange == receipt.exchange]
    theirs = api.mailbox_grpc.MailboxServiceStub(other)
    [result] = theirs.CollectDeliveries(api.mailbox.CollectDeliveriesRequest(delivery_ids=[delivery]))
    assert result.WhichOneof("result") == "refusal"
    assert any(
        event["agency"] == "other-school" and event["delivery"] == delivery and event["reason"] == "DELIVERY_NOT_FOUND"
        for event in events("COLLECTION_REFUSED")
    )


def no_certificate(access):
    return access.channel(certificate=False)


def unknown_authority(access):
    access.certificate, access.key = self_made()
    return access.channel()


def unregistered(access):
    tls = access.hub.folder / "tls"
    key = serialization.load_pem_private_key((tls / "clients.key").read_bytes(), None)
    issuer = x509.load_pem_x509_certificate((tls / "clients.crt").read_bytes())
    access.certificate, access.key = self_made(key, issuer)
    return access.channel()


def hmac_with_the_public_key(access):
    """The old confusion: the registered public key used as a shared secret."""
    public = serialization.load_pem_private_key(access.token_key, None).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    claims = json.dumps(jwt.decode(access.token(), options={"verify_signature": False})).encode()
    signed = encode(b'{"alg":"HS256","kid":"k1"}') + "." + encode(claims)
    # By hand: a decent library refuses to do this.
    return access.channel(signed + "." + encode(hmac.new(der, signed.encode(), "sha256").digest()))


def unsigned(access):
    claims = jwt.decode(access.token(), options={"verify_signature": False})
    return access.channel(jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"}))


def bound_to_another(access):
    other = access.hub.access("other-school")
    return access.channel(access.token(cnf={"x5t#S256": other.thumbprint()}))


def another_s_key(access):
    return access.channel(access.token(key=access.hub.access("other-school").token_key))


UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
WRONG = {
    "no certificate": ("old-school", no_certificate, UNAUTHENTICATED, "CERTIFICATE_REQUIRED"),
    "unknown authority": ("old-school", unknown_authority, UNAUTHENTICATED, "CERTIFICATE_UNTRUSTED"),
    "unregistered certificate": ("old-school", unregistered, UNAUTHENTICATED, "CERTIFICATE_UNKNOWN"),
    "revoked certificate": ("careless-old", lambda a: a.channel(), UNAUTHENTICATED, "CERTIFICATE_REVOKED"),
    "suspended agency": ("shut-out", lambda a: a.channel(), DENIED, "AGENCY_SUSPENDED"),
    "no token": ("old-school", lambda a: a.channel(token=None), UNAUTHENTICATED, "TOKEN_MISSING"),
    "not a token": ("old-school", lambda a: a.channel("x.y.z"), UNAUTHENTICATED, "TOKEN_MALFORMED"),
    "expired": ("old-school", lambda a: a.channel(a.token(iat=1, nbf=1, exp=2)), UNAUTHENTICATED, "TOKEN_EXPIRED"),
    "future": (
        "old-school",
        lambda a: a.channel(a.token(nbf=4_000_000_000, exp=4_000_000_300)),
        UNAUTHENTICATED,
        "TOKEN_NOT_YET_VALID",
    ),
    "long-lived": (
        "old-school",
        lambda a: a.channel(a.token(exp=4_000_000_000)),
        UNAUTHENTICATED,
        "TOKEN_TOO_LONG_LIVED",
    ),
    "wrong audience": ("old-school", lambda a: a.channel(a.token(aud="x")), UNAUTHENTICATED, "TOKEN_WRONG_AUDIENCE"),
    "wrong issuer": (
        "old-school",
        lambda a: a.channel(a.token(iss="new-school")),
        UNAUTHENTICATED,
        "TOKEN_WRONG_ISSUER",
    ),
    "HMAC": ("old-school", hmac_with_the_public_key, UNAUTHENTICATED, "TOKEN_WRONG_ALGORITHM"),
    "no algorithm": ("old-school", unsigned, UNAUTHENTICATED, "TOKEN_WRONG_ALGORITHM"),
    "unknown key": ("old-school", lambda a: a.channel(a.token(kid="k9")), UNAUTHENTICATED, "TOKEN_UNKNOWN_KEY"),
    "another's key": ("old-school", another_s_key, UNAUTHENTICATED, "TOKEN_BAD_SIGNATURE"),
    "bound to another": ("old-school", bound_to_another, UNAUTHENTICATED, "TOKEN_NOT_BOUND"),
    "unbound": ("old-school", lambda a: a.channel(a.token(cnf=None)), UNAUTHENTICATED, "TOKEN_MALFORMED"),
    "role without the scope": ("old-school", lambda a: a.channel(a.token(role="auditor")), DENIED, "SCOPE_MISSING"),
    "another's role": ("old-school", lambda a: a.channel(a.token(role="operator")), DENIED, "SCOPE_MISSING"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_client_is_turned_away_and_the_log_shows_it(hub, api, events, case):
    agency, spoil, code, expected = WRONG[case]
    before = len([event for event in events("ACCESS_REFUSED") if event["reason"] == expected])
    with pytest.raises(grpc.RpcError) as refused:
        transfers(api, spoil(hub.access(agency))).SubmitTransfer(record(api, 50))
    assert (refused.value.code(), reason(refused.value)) == (code, expected)
    after = [event for event in events("ACCESS_REFUSED") if event["reason"] == expected]
    assert len(after) == before + 1
    assert after[-1]["method"] == "sendhub.transfer.v1.TransferService/SubmitTransfer"


def test_a_sender_that_is_not_the_source_school_is_refused_with_the_provision(hub, api, events):
    request = record(api, 51)
    with pytest.raises(grpc.RpcError) as refused:
        transfers(api, hub.access("other-school").channel()).SubmitTransfer(request)
    assert (refused.value.code(), reason(refused.value)) == (DENIED, "SENDER_NOT_SOURCE_SCHOOL")
    [event] = [event for event in events("EXCHANGE_REFUSED") if event.get("request") == request.envelope.request_id]
    assert event["agency"] == "other-school" and "reg 9(3)" in event["provision"]


def test_an_identity_conflict_is_refused_and_nothing_is_merged(hub, api):
    service = transfers(api, hub.access("old-school").channel())
    service.SubmitTransfer(record(api, 52))
    request = record(api, 52)
    request.envelope.subject.forename = "Twin"
    content = request.content.ctf.content.decode()
    request.content.ctf.content = re.sub("<Forename>[^<]+<", "<Forename>Twin<", content, count=1).encode()
    with pytest.raises(grpc.RpcError) as refused:
        service.SubmitTransfer(request)
    assert (refused.value.code(), reason(refused.value)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "IDENTITY_CONFLICT",
    )


@pytest.mark.parametrize(
    ("payload", "code", "expected"),
    [
        (b"\x0a\xff\xff\xff\xff\x0fgarbage", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"),
        (b"\x0a\x04\x08", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"),
        (b"\x12" + b"\x80\x80\x80\x02" + b"x" * (4 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE"),
        (b"", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    ],
)
def test_malformed_and_oversized_messages_are_refused_on_record(hub, events, payload, code, expected):
    before = len([event for event in events("ACCESS_REFUSED") if event["reason"] == expected])
    call = hub.access("old-school").channel().unary_unary("/sendhub.transfer.v1.TransferService/SubmitTransfer")
    with pytest.raises(grpc.RpcError) as refused:
        call(payload)
    assert (refused.value.code(), reason(refused.value)) == (code, expected)
    after = [event for event in events("ACCESS_REFUSED") + events("EXCHANGE_REFUSED") if event["reason"] == expected]
    assert len(after) >= before + 1


def test_an_unknown_method_is_refused_and_its_name_not_repeated(hub, events):
    call = hub.access("old-school").channel().unary_unary("/sendhub.transfer.v1.TransferService/SecretName")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"")
    assert (refused.value.code(), reason(refused.value)) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")
    assert "SecretName" not in json.dumps(events("ACCESS_REFUSED"))


def test_agencies_and_keys_change_while_the_hub_runs(hub, api):
    """A new agency is known, a suspended one shut out, a revoked certificate stopped, all within a second or so."""
    def soon(action, want):
        for _ in range(40):
            try:
                action()
                got = "OK"
            except grpc.RpcError as error:
                got = reason(error)
            if got == want:
                return
            time.sleep(0.1)
        raise AssertionError(f"{got} and not {want}")

    hub.add("latecomer", "--kind", "ACADEMY", "--laestab", "9991009")
    access = hub.access("latecomer")
    directory = api.directory_grpc.DirectoryServiceStub(access.channel())

    def ask():
        directory.GetAgency(api.directory.GetAgencyRequest(agency_id="latecomer"))

    soon(ask, "OK")
    hub.run("agency", "suspend", "--config", str(hub.config), "latecomer")
    soon(ask, "AGENCY_SUSPENDED")
    hub.run("agency", "suspend", "--config", str(hub.config), "latecomer", "--lift")
    soon(ask, "OK")
    operator = api.directory_grpc.DirectoryServiceStub(hub.access("hub-operator").channel())
    known = operator.GetAgency(api.directory.GetAgencyRequest(agency_id="latecomer")).agency
    revoke = api.directory.RevokeCertificateRequest(
        agency_id="latecomer", thumbprint=known.certificates[0].thumbprint
    )
    operator.RevokeCertificate(revoke)
    soon(ask, "CERTIFICATE_REVOKED")


@pytest.mark.parametrize("at", [0, 1], ids=["file", "https"])
def test_a_provider_of_the_configuration_speaks_for_its_school_and_no_other(hub, api, at):
    provider = hub.providers[at]

    def ask(school, **changes):
        access = hub.access(school)
        claims = {"iss": provider.name, "agency": school, "role": "data-manager", **changes}
        token = access.token(key=provider.key, kid=claims.pop("kid", "p1"), **claims)
        stub = api.directory_grpc.DirectoryServiceStub(access.channel(token))
        try:
            stub.GetAgency(api.directory.GetAgencyRequest(agency_id="old-school"))
            return "OK"
        except grpc.RpcError as error:
            return reason(error)

    assert ask("old-school") == "OK"
    assert ask("old-school", agency="new-school") == "TOKEN_WRONG_ISSUER"
    assert ask("old-school", agency=None) == "TOKEN_WRONG_ISSUER"
    assert ask("new-school") == "TOKEN_WRONG_ISSUER"
    assert ask("old-school", iss="https://other.example") == "TOKEN_UNKNOWN_KEY"
    assert ask("old-school", kid="p2") == "TOKEN_UNKNOWN_KEY"
    assert ask("old-school", cnf={"x5t#S256": hub.access("new-school").thumbprint()}) == "TOKEN_NOT_BOUND"
    assert ask("old-school", role="operator") == "SCOPE_MISSING"
    impostor = hub.access("old-school").token(iss=provider.name, agency="old-school", kid="p1")
    stub = api.directory_grpc.DirectoryServiceStub(hub.access("old-school").channel(impostor))
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetAgency(api.directory.GetAgencyRequest(agency_id="old-school"))
    assert reason(refused.value) == "TOKEN_BAD_SIGNATURE"
    if at == 0:
        provider.publish("p2")
        for _ in range(50):
            if ask("old-school", kid="p2") == "OK":
                break
            time.sleep(0.1)
        assert ask("old-school", kid="p2") == "OK"
        assert ask("old-school") == "TOKEN_UNKNOWN_KEY"


def test_nothing_personal_stands_in_log_lines_or_leaves(hub, events):
    text = (hub.folder / "hub.log").read_text(encoding="utf-8")
    for kind in ("EXCHANGE_ACCEPTED", "EXCHANGE_REFUSED", "DISCLOSED", "ACCESS_REFUSED"):
        text += json.dumps(events(kind))
    sample = SAMPLE.read_text(encoding="utf-8")
    for name in ("UPN", "Surname", "Forename", "DOB"):
        value = re.search(f"<{name}>([^<]+)</{name}>", sample).group(1)
        assert value not in text, name
    assert upn(1) not in text
