"""The contracts as a stock Python client sees them: they compile, every service has a stub, the rules can be read."""

import importlib

import pytest

# Compiled contracts and documents: no hub runs.
pytestmark = pytest.mark.any_engine

METHODS = {
    "sendhub.audit.v1.audit": ("AuditService", 6),
    "sendhub.directory.v1.directory": ("DirectoryService", 12),
    "sendhub.mailbox.v1.mailbox": ("MailboxService", 6),
    "sendhub.transfer.v1.transfer": ("TransferService", 7),
}


@pytest.mark.parametrize("module", METHODS)
def test_every_service_has_a_client_and_every_method_a_scope(generated, module):
    options = importlib.import_module("sendhub.options.v1.options_pb2")
    pb2 = importlib.import_module(f"{module}_pb2")
    stubs = importlib.import_module(f"{module}_pb2_grpc")
    name, count = METHODS[module]
    service = pb2.DESCRIPTOR.services_by_name[name]
    assert hasattr(stubs, f"{name}Stub")
    assert len(service.methods) == count
    for method in service.methods:
        assert method.GetOptions().Extensions[options.method].required_scope, method.full_name


def test_the_rules_stand_where_protovalidate_reads_them(generated):
    """Extension 1159 of buf.validate, with upstream's field numbers."""
    validate = importlib.import_module("buf.validate.validate_pb2")
    types = importlib.import_module("sendhub.types.v1.types_pb2")
    envelope = types.DESCRIPTOR.message_types_by_name["Envelope"]
    rules = envelope.fields_by_name["request_id"].GetOptions().Extensions[validate.field]
    assert validate.field.number == 1159
    assert rules.required and rules.string.uuid
    numbers = {field.name: field.number for field in validate.StringRules.DESCRIPTOR.fields}
    assert numbers == {"min_len": 2, "max_len": 3, "len": 19, "uuid": 22}


def test_a_message_made_by_a_stock_client_reads_back(generated):
    transfer = importlib.import_module("sendhub.transfer.v1.transfer_pb2")
    request = transfer.SubmitTransferRequest()
    request.envelope.request_id = "018f0000-0000-7000-8000-000000000001"
    request.content.destination.agency.urn = "100001"
    again = transfer.SubmitTransferRequest.FromString(request.SerializeToString())
    assert again == request and again.content.destination.agency.WhichOneof("identifier") == "urn"
