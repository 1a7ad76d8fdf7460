"""What the foreign clients' tests share: the contracts, one hub for all, one for the law, and their logs."""

import json

import contracts
import engine
import pytest

# Their assertions say what was compared, like those of the tests.
pytest.register_assert_rewrite("law", "casework")

from running import Hub  # noqa: E402


def pytest_configure(config):
    """The marks that tests carry."""
    config.addinivalue_line("markers", "any_engine: no engine makes a difference to it; run once, on the embedded one")


def pytest_report_header():
    """Which engine this run is about."""
    return f"engine: {engine.chosen()}"


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """Compiles proto/ with grpcio-tools, as a vendor would."""
    return contracts.compile_into(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="session")
def api(generated):
    """The generated modules by short name."""
    return contracts.load(generated)


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """One hub for all tests of a run; it must end well when told to."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    yield hub
    assert hub.stop() == 0
    assert hub.verified()["fault_count"] == 0
    hub.engine.drop()


@pytest.fixture(scope="session")
def law(tmp_path_factory):
    """One hub that rehearses, with agencies of every kind; its log must verify in the end."""
    from law import LawHub

    hub = LawHub(tmp_path_factory.mktemp("law"))
    yield hub
    assert hub.stop() == 0
    assert hub.verified()["fault_count"] == 0
    hub.engine.drop()


@pytest.fixture
def events(hub, api):
    """The log as the operator sees it: all entries of a kind, as dictionaries."""
    return log_of(hub, api)


@pytest.fixture
def law_events(law, api):
    """The same of the hub of the law's tests; every entry when no kind is named."""
    return log_of(law, api)


def log_of(hub, api):
    """Reads a hub's log as its operator."""

    def read(kind=""):
        audit = api.audit_grpc.AuditServiceStub(hub.access("hub-operator").channel())
        found, token = [], ""
        while True:
            page = audit.ListEvents(api.audit.ListEventsRequest(kind=kind, page_size=1000, page_token=token))
            found += [json.loads(event.leaf_entry) for event in page.events]
            token = page.next_page_token
            if not token:
                return found

    return read
