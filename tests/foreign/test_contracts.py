"""The contracts as a stock Python client sees them: they compile, and stock protovalidate judges them as we do."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """Compiles proto/ with grpcio-tools; the annotations' own proto is protovalidate's stock one."""
    out = tmp_path_factory.mktemp("generated")
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto" / "sendhub").rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "proto")]
    subprocess.run([*command, f"--python_out={out}", f"--grpc_python_out={out}", *protos], check=True)
    sys.path.insert(0, str(out))
    return out


def violations(message):
    import protovalidate

    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        return sorted(protovalidate_path(one) for one in error.to_proto().violations)
    return []


def protovalidate_path(violation):
    path = ""
    for element in violation.field.elements:
        path += ("." if path else "") + element.field_name
        if element.HasField("index"):
            path += f"[{element.index}]"
    return path


def test_every_service_has_a_client(generated):
    from sendhub.audit.v1 import audit_pb2_grpc
    from sendhub.directory.v1 import directory_pb2_grpc
    from sendhub.mailbox.v1 import mailbox_pb2_grpc
    from sendhub.transfer.v1 import transfer_pb2_grpc

    assert transfer_pb2_grpc.TransferServiceStub
    assert mailbox_pb2_grpc.MailboxServiceStub
    assert directory_pb2_grpc.DirectoryServiceStub
    assert audit_pb2_grpc.AuditServiceStub


def test_stock_protovalidate_names_the_same_fields(generated):
    """The same request as `every_wrong_field_is_named_by_its_path` in crates/contracts/src/validate.rs."""
    from sendhub.transfer.v1 import transfer_pb2

    request = transfer_pb2.SubmitTransferRequest()
    envelope = request.envelope
    envelope.request_id = "not-a-uuid"
    envelope.case_reference = "x" * 65
    envelope.subject.identifiers.add(system=1, value="A")
    envelope.subject.identifiers.add(system=99, value="")
    envelope.subject.forename = "F"
    envelope.subject.date_of_birth.year = 2012
    envelope.subject.date_of_birth.month = 13
    envelope.subject.date_of_birth.day = 1
    request.content.destination.open = 7
    assert violations(request) == [
        "content.ctf",
        "content.destination.open",
        "content.kind",
        "envelope.case_reference",
        "envelope.request_id",
        "envelope.subject.date_of_birth.month",
        "envelope.subject.identifiers[1].system",
        "envelope.subject.identifiers[1].value",
        "envelope.subject.surname",
    ]


def test_stock_protovalidate_finds_what_is_missing(generated):
    from sendhub.transfer.v1 import transfer_pb2

    assert violations(transfer_pb2.SubmitTransferRequest()) == ["content", "envelope"]
