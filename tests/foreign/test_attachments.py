"""Documents up and down through a stock client: in constant memory, whole or not at all, and only to whom they came."""

import hashlib
import pathlib
import time
import uuid

import grpc
import pytest
from law import refusal
from rights import SIXTEEN_IN_JULY, Pupil, delivery
from wire import proven, reason

LAST, PASSED = "2026-06-26", "2026-06-27"
CHUNK = 256 * 1024
LIMIT = 100 * 1024 * 1024
PDF = b"%PDF-1.7\n" + b"1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 50 + b"%%EOF\n"


@pytest.fixture
def child(law, api):
    """A child with a parent's consent, and channels of its own: some are cut."""
    law.move_to(LAST)
    one = Pupil(law, api, SIXTEEN_IN_JULY)
    one.understands("NO", LAST)
    one.consent = one.consents("PARENT", LAST).consent
    return one


def kept(law):
    """The files that lie in the folder of attachments."""
    folder = law.folder / "data/attachments"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def messages(api, size, digest, chunks, media_type="application/pdf"):
    """The messages of an upload: what is declared, then what comes."""
    header = api.attachment.AttachmentHeader(
        file_name="advice.pdf", media_type=media_type, size_bytes=size, sha256=digest
    )
    yield api.attachment.UploadAttachmentRequest(header=header)
    for chunk in chunks:
        yield api.attachment.UploadAttachmentRequest(chunk=chunk)


def pieces(content):
    """A content in chunks."""
    return (content[start : start + CHUNK] for start in range(0, len(content), CHUNK))


def documents(one, agency="authority"):
    """The service as one agency."""
    return one.stub(agency, "attachment", "AttachmentService")


def uploads(one, content, agency="authority", media_type="application/pdf"):
    """Uploads a document as it should be."""
    digest = hashlib.sha256(content).digest()
    sent = messages(one.api, len(content), digest, pieces(content), media_type)
    return documents(one, agency).UploadAttachment(sent)


def with_document(one, uploaded, **more):
    """A plan with a document beside it."""
    request = one.plan(**more)
    request.envelope.attachments.add().CopyFrom(uploaded.attachment)
    return request


def asks(one, uploaded, copy, by="college"):
    """The stream of a download."""
    request = one.api.attachment.DownloadAttachmentRequest(
        attachment=uploaded.attachment.attachment, delivery_id=copy
    )
    return documents(one, by).DownloadAttachment(request)


def refused_download(one, uploaded, copy, by="college"):
    """The reason for which a download is refused; no byte comes."""
    try:
        for _ in asks(one, uploaded, copy, by):
            raise AssertionError("something came")
    except grpc.RpcError as error:
        return reason(error)
    raise AssertionError("was not refused")


def key_of(one):
    """The log's public key."""
    (log,) = [
        log
        for log in one.stub("hub-operator", "audit", "AuditService").ListLogs(one.api.audit.ListLogsRequest()).logs
        if log.origin.endswith("/g1")
    ]
    return log.verifier_key


def test_fifty_mebibytes_up_and_down_in_constant_memory(law, api, child):
    """Memory grows by less than 16 MiB, far less than the document."""
    block = bytes(range(32, 127)) * 2760
    block = block[: CHUNK - 1] + b"\n"
    first = PDF[:9] + block[9:]
    count = 200
    digest = hashlib.sha256(first)
    for _ in range(count - 1):
        digest.update(block)
    size = count * CHUNK

    def content():
        yield first
        for _ in range(count - 1):
            yield block

    # Whatever is made once only, is made before it is measured.
    small = uploads(child, PDF)
    assert proven(small.log, key_of(child))
    pathlib.Path(f"/proc/{law.process.pid}/clear_refs").write_text("5", encoding="ascii")
    before = law.memory("VmRSS")
    started = time.monotonic()
    large = documents(child).UploadAttachment(messages(api, size, digest.digest(), content()))
    up = time.monotonic() - started
    receipt = child.send_plan()(with_document(child, large)).receipt
    copy = delivery(receipt)
    handed = child.collects(copy)
    assert handed.envelope.attachments[0].attachment == large.attachment.attachment
    found, length, started = hashlib.sha256(), 0, time.monotonic()
    for one in asks(child, large, copy):
        found.update(one.chunk)
        length += len(one.chunk)
        assert len(one.chunk) <= CHUNK
    down = time.monotonic() - started
    assert length == size and found.digest() == digest.digest()
    peak, after = law.memory("VmHWM"), law.memory("VmRSS")
    print(
        f"\n50 MiB up {up:.1f} s, down {down:.1f} s; resident {before:.1f} MiB before, {peak:.1f} at most, {after:.1f} after"
    )
    assert peak - before < 16 and after - before < 16


CASES = {
    "fewer bytes than declared": (len(PDF) + 1, None, PDF, "application/pdf", "ATTACHMENT_TRUNCATED"),
    "more bytes than declared": (len(PDF) - 1, None, PDF, "application/pdf", "ATTACHMENT_TOO_LARGE"),
    "larger than the hub takes": (LIMIT + 1, None, PDF, "application/pdf", "ATTACHMENT_TOO_LARGE"),
    "another hash": (len(PDF), bytes(32), PDF, "application/pdf", "ATTACHMENT_HASH_WRONG"),
    "declared a PDF, and is none": (2000, None, b"MZ" * 1000, "application/pdf", "ATTACHMENT_TYPE_REFUSED"),
    "a type that is not taken": (2000, None, b"MZ" * 1000, "application/x-msdownload", "ATTACHMENT_TYPE_REFUSED"),
    "nothing at all": (0, None, b"", "application/pdf", "INVALID_REQUEST"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_refused_and_not_kept(law, api, child, case):
    """Refused with its reason, in the log, and nothing lies in the folder."""
    size, digest, content, media_type, expected = CASES[case]
    before = kept(law)
    refused = len(child.leaves("ATTACHMENT_STORED"))
    sent = messages(api, size, digest or hashlib.sha256(content).digest(), pieces(content), media_type)
    code, _, _ = refusal(documents(child).UploadAttachment, sent)
    assert code == expected
    assert kept(law) == before
    leaves = child.leaves("ATTACHMENT_STORED")
    assert len(leaves) == refused + 1
    assert leaves[-1][1]["outcome"] == "REFUSED" and leaves[-1][1]["reason"] == expected


def test_a_large_document_that_is_wrong_at_its_end_is_not_kept(law, api, child):
    """Many blocks were written when it shows."""
    before = kept(law)
    content = PDF[:9] + b"x" * (12 * 1024 * 1024)
    sent = messages(api, len(content), bytes(32), pieces(content))
    assert refusal(documents(child).UploadAttachment, sent)[0] == "ATTACHMENT_HASH_WRONG"
    sent = messages(api, len(content) + 5, hashlib.sha256(content).digest(), pieces(content))
    assert refusal(documents(child).UploadAttachment, sent)[0] == "ATTACHMENT_TRUNCATED"
    assert kept(law) == before


def test_a_cut_connection_leaves_nothing(law, api, child):
    """The client goes away in the middle, once politely and once not."""
    before = kept(law)
    content = PDF[:9] + b"x" * (24 * 1024 * 1024)
    for politely in (True, False):
        channel = law.access("authority").channel()
        gone = []

        def cut():
            for number, chunk in enumerate(pieces(content)):
                if number == 60:
                    while not gone:
                        time.sleep(0.01)
                    return
                yield chunk

        stub = api.attachment_grpc.AttachmentServiceStub(channel)
        call = stub.UploadAttachment.future(messages(api, len(content), hashlib.sha256(content).digest(), cut()))
        deadline = time.monotonic() + 20
        # Something of it must lie there first, or nothing is shown.
        while kept(law) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert kept(law) != before
        if politely:
            call.cancel()
        else:
            channel.close()
        gone.append(True)
        deadline = time.monotonic() + 20
        while kept(law) != before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert kept(law) == before
        channel.close()


def test_only_ones_own_documents_can_be_named(law, api, child):
    """Somebody else's, and one that does not exist."""
    others = uploads(child, PDF, agency="school")
    assert refusal(child.send_plan(), with_document(child, others))[0] == "ATTACHMENT_NOT_FOUND"
    others.attachment.attachment = f"attachments/{uuid.uuid4()}"
    assert refusal(child.send_plan(), with_document(child, others))[0] == "ATTACHMENT_NOT_FOUND"


def test_a_document_opens_with_its_delivery_only(law, api, child):
    """Not before it is collected, not to others, not with another delivery, and not once rights have passed."""
    uploaded = uploads(child, PDF)
    receipt = child.send_plan()(with_document(child, uploaded)).receipt
    without = child.sends()
    copy = delivery(receipt)
    assert refused_download(child, uploaded, copy) == "DELIVERY_ENDED"
    child.collects(copy)
    child.collects(delivery(without))
    assert refused_download(child, uploaded, copy, by="next-school") in ("DELIVERY_NOT_FOUND", "ATTACHMENT_NOT_FOUND")
    assert refused_download(child, uploaded, delivery(without)) == "ATTACHMENT_NOT_FOUND"
    assert refused_download(child, uploaded, str(uuid.uuid4())) == "DELIVERY_NOT_FOUND"
    law.move_to(PASSED)
    assert refused_download(child, uploaded, copy) == "CONSENT_LAPSED"
    law.move_to(LAST)
    assert b"".join(one.chunk for one in asks(child, uploaded, copy)) == PDF


def test_a_withdrawal_closes_the_document(law, child):
    """What was stopped, and what was collected before."""
    uploaded, second = uploads(child, PDF), uploads(child, PDF)
    had = child.send_plan()(with_document(child, uploaded)).receipt
    open_one = child.send_plan()(with_document(child, second)).receipt
    child.collects(delivery(had))
    assert child.withdraws(child.consent, LAST).stopped_deliveries == 1
    assert refused_download(child, second, delivery(open_one)) == "DELIVERY_ENDED"
    assert refused_download(child, uploaded, delivery(had)) == "CONSENT_WITHDRAWN"


def test_a_download_stands_in_the_log_before_its_first_byte(law, child):
    """A disclosure like collecting."""
    uploaded = uploads(child, PDF)
    receipt = child.send_plan()(with_document(child, uploaded)).receipt
    copy = delivery(receipt)
    child.collects(copy)

    def downloads():
        return [
            leaf
            for _, leaf in child.leaves("DISCLOSED", receipt)
            if leaf["method"].endswith("/DownloadAttachment")
        ]

    assert downloads() == []
    stream = asks(child, uploaded, copy)
    first = next(stream)
    assert first.header.size_bytes == len(PDF)
    (leaf,) = downloads()
    assert leaf["agency"] == "college" and leaf["delivery"] == copy
    assert leaf["attachment"] == uploaded.attachment.attachment.removeprefix("attachments/")
    assert b"".join(one.chunk for one in stream) == PDF
    assert child.state(receipt) == ["COLLECTED"]
