"""Faults and load: the hub killed while it works loses nothing that it acknowledged; memory stays bounded."""

import json
import os
import random
import threading
import time

import grpc
import pytest
from running import Hub
from wire import proven, record, transfers

KILLS = int(os.environ.get("SENDHUB_KILLS", "20"))
STREAMED = int(os.environ.get("SENDHUB_STREAMED", "100000"))


@pytest.fixture
def own_hub(tmp_path):
    """A hub that a test may ill-treat."""
    hub = Hub(tmp_path)
    yield hub
    if hub.process.poll() is None:
        hub.kill()


def send_until_cut(hub, api, numbers, acknowledged):
    """Callers and a stream that go on until the hub is gone; what was acknowledged is noted with its receipt."""

    def unary(mine):
        service = transfers(api, hub.access("old-school").channel())
        for number in mine:
            request = record(api, number)
            try:
                receipt = service.SubmitTransfer(request).receipt
            except grpc.RpcError:
                return
            acknowledged[request.envelope.request_id] = (request, receipt)

    def stream(mine):
        service = transfers(api, hub.access("old-school").channel())
        sent = {}

        def requests():
            for number in mine:
                request = record(api, number)
                sent[request.envelope.request_id] = request
                yield api.transfer.SubmitTransfersRequest(transfer=request)

        try:
            for result in service.SubmitTransfers(requests()):
                if result.WhichOneof("result") == "receipt":
                    acknowledged[result.request_id] = (sent[result.request_id], result.receipt)
        except grpc.RpcError:
            return

    parts = [numbers[at::4] for at in range(4)]
    threads = [threading.Thread(target=unary, args=[part]) for part in parts[:3]]
    threads.append(threading.Thread(target=stream, args=[parts[3]]))
    for thread in threads:
        thread.start()
    return threads


def collect_all(hub, api):
    """Everything that waits for the new school, by request id; acknowledged, so that it does not come again."""
    mailbox = api.mailbox_grpc.MailboxServiceStub(hub.access("new-school").channel())
    collected = {}
    while True:
        page = mailbox.ListDeliveries(api.mailbox.ListDeliveriesRequest(page_size=256)).deliveries
        if not page:
            return collected
        ids = [notice.delivery_id for notice in page]
        for result in mailbox.CollectDeliveries(api.mailbox.CollectDeliveriesRequest(delivery_ids=ids)):
            assert result.WhichOneof("result") == "delivery", result
            request_id = result.delivery.envelope.request_id
            assert request_id not in collected
            collected[request_id] = result.delivery
        taken = api.mailbox.ACKNOWLEDGE_OUTCOME_TAKEN
        mailbox.AcknowledgeDeliveries(
            api.mailbox.AcknowledgeDeliveriesRequest(delivery_ids=ids, outcome=taken)
        )


def test_a_hub_killed_under_load_loses_nothing_that_it_acknowledged(own_hub, api):
    hub, chance = own_hub, random.Random(20261124)
    acknowledged, collected = {}, {}
    for round_number in range(KILLS):
        before = len(acknowledged)
        numbers = range(round_number * 100_000, (round_number + 1) * 100_000)
        threads = send_until_cut(hub, api, numbers, acknowledged)
        deadline = time.monotonic() + 30
        while len(acknowledged) < before + 50 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        hub.kill()
        for thread in threads:
            thread.join(timeout=60)
        assert len(acknowledged) > before
        hub.start()
        collected.update(collect_all(hub, api))
    audit = api.audit_grpc.AuditServiceStub(hub.access("old-school").channel())
    keys = {log.origin: log.verifier_key for log in audit.ListLogs(api.audit.ListLogsRequest()).logs}
    for request_id, (request, receipt) in acknowledged.items():
        assert collected[request_id].transfer == request.content
        assert collected[request_id].envelope == request.envelope
        assert proven(receipt.log, keys[receipt.log.origin])
    assert hub.stop() == 0
    verified = json.loads(hub.run("--json", "audit", "verify", str(hub.folder / "data/hub.db")))
    assert verified["fault_count"] == 0 and verified["exchanges"] == len(collected)
    print(f"killed {KILLS} times; acknowledged {len(acknowledged)}, lost 0; stored {len(collected)}; faults 0")


def test_memory_is_small_when_idle_and_bounded_under_a_stream_of_many(own_hub, api):
    time.sleep(1)
    idle = own_hub.memory("VmRSS")
    service = transfers(api, own_hub.access("old-school").channel())
    requests = (api.transfer.SubmitTransfersRequest(transfer=record(api, number)) for number in range(STREAMED))
    accepted = sum(1 for result in service.SubmitTransfers(requests) if result.WhichOneof("result") == "receipt")
    most = own_hub.memory("VmHWM")
    print(f"idle {idle:.1f} MiB; at most {most:.1f} MiB while taking {accepted} records")
    assert accepted == STREAMED
    assert idle < 40
    assert most < 250
