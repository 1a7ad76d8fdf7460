"""What the fault tests share: the form of the run, the contracts, hubs that may be ill-treated, and their engines."""

import os
import pathlib
import sys

import pytest

# A client of the hub is a client of the hub, whatever is done to the hub: keys, tokens and messages are theirs.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "foreign"))

import contracts  # noqa: E402
from engine import Postgres, Sqlite  # noqa: E402
from ill_treated import IllTreated  # noqa: E402
from servers import Server  # noqa: E402


@pytest.fixture(scope="session")
def api(tmp_path_factory):
    """The generated modules by short name."""
    return contracts.load(contracts.compile_into(tmp_path_factory.mktemp("generated")))


@pytest.fixture(scope="session")
def times():
    """Chooses how often a fault is injected: few times in the short form, often in the long one."""
    form = os.environ.get("SENDHUB_FAULTS", "short")
    assert form in ("short", "long"), f"SENDHUB_FAULTS is {form}: it is short or long"
    return lambda short, long: long if form == "long" else short


@pytest.fixture
def server():
    """A PostgreSQL of the test's own."""
    server = Server()
    yield server
    server.remove()


@pytest.fixture
def make_hub(tmp_path):
    """Makes hubs that a test may ill-treat, and ends them whatever became of them."""
    made = []

    def make(engine=None, **options):
        made.append(IllTreated(tmp_path / f"hub-{len(made)}", engine, **options))
        return made[-1]

    yield make
    for hub in made:
        hub.end()


@pytest.fixture(params=["sqlite", "postgres"])
def hub(request, make_hub):
    """A hub on each engine."""
    if request.param == "sqlite":
        return make_hub(Sqlite)
    server = request.getfixturevalue("server").start()
    return make_hub(lambda folder: Postgres(folder, server.url))
