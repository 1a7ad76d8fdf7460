"""Messages for the wire, and what their answers say: transfer records, refusals, proofs."""

import base64
import hashlib
import re
import uuid

from cryptography.hazmat.primitives.asymmetric import ed25519
from grpc_status import rpc_status
from running import ROOT

SAMPLE = ROOT / "crates/ctf/tests/samples/9991001_CTF_9984001_001.xml"


def reason(error):
    """The reason in the `ErrorInfo` of a refused call."""
    from google.rpc import error_details_pb2

    for detail in rpc_status.from_call(error).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return None


def wrong_fields(error):
    """The fields in the `BadRequest` of a refused call."""
    from google.rpc import error_details_pb2

    for detail in rpc_status.from_call(error).details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            return sorted(violation.field for violation in bad.field_violations)
    return []


LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
TEXT = SAMPLE.read_text(encoding="utf-8")
BEFORE, AFTER = re.split("<UPN>[^<]+</UPN>", TEXT, maxsplit=1)
TAKEN = {name: re.search(f"<{name}>([^<]+)</{name}>", TEXT).group(1) for name in ("Surname", "Forename", "DOB")}


def upn(number):
    """A UPN with its check letter."""
    body = f"999{number:09d}"
    total = sum(int(digit) * place for place, digit in enumerate(body, start=2))
    return LETTERS[total % 23] + body


def record(api, pupil, request_id=None):
    """A transfer request for a pupil, from the sample file with another number."""
    request = api.transfer.SubmitTransferRequest()
    request.envelope.request_id = request_id or str(uuid.uuid4())
    subject = request.envelope.subject
    subject.surname, subject.forename = TAKEN["Surname"], TAKEN["Forename"]
    year, month, day = map(int, TAKEN["DOB"].split("-"))
    subject.date_of_birth.year, subject.date_of_birth.month, subject.date_of_birth.day = year, month, day
    subject.identifiers.add(system=api.types.IDENTIFIER_SYSTEM_UPN, value=upn(pupil))
    request.content.kind = api.record.TRANSFER_KIND_FULL
    request.content.destination.agency.laestab = "9984001"
    request.content.leaving_date.year, request.content.leaving_date.month = 2026, 7
    request.content.leaving_date.day = 17
    request.content.ctf.file_name = SAMPLE.name
    request.content.ctf.content = f"{BEFORE}<UPN>{upn(pupil)}</UPN>{AFTER}".encode()
    return request


def transfers(api, channel):
    """The transfer service."""
    return api.transfer_grpc.TransferServiceStub(channel)


def proven(place, vkey):
    """Whether a leaf stands in the tree of a signed checkpoint: RFC 9162 section 2.1.3.2 and a C2SP signed note."""
    name, _, key = vkey.split("+", 2)
    body, signatures = place.checkpoint.split("\n\n", 1)
    origin, size, root = body.split("\n")[:3]
    signature = base64.b64decode(signatures.split(" ")[2])[4:]
    public = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    public.verify(signature, (body + "\n").encode())
    if origin != name or int(size) != place.inclusion.tree_size:
        return False
    found = hashlib.sha256(b"\0" + place.leaf_entry).digest()
    index, last = place.inclusion.leaf_index, place.inclusion.tree_size - 1
    for sibling in place.inclusion.path:
        if last == 0:
            return False
        if index % 2 or index == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        index, last = index >> 1, last >> 1
    return last == 0 and found == base64.b64decode(root)
