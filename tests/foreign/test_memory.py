"""Load: memory is small when idle, and bounded under a stream of many. The faults themselves are in tests/faults."""

import os
import time

import pytest
from running import Hub
from wire import record, transfers

STREAMED = int(os.environ.get("SENDHUB_STREAMED", "100000"))


@pytest.fixture
def own_hub(tmp_path):
    """A hub that a test may ill-treat."""
    hub = Hub(tmp_path)
    yield hub
    if hub.process.poll() is None:
        hub.kill()
    hub.engine.drop()


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
