"""The gateway is killed, and its clock jumps: on each engine nothing is lost."""

import random

import grpc
import pytest
from judge import judge
from load import Load


def engine(hub):
    """The engine's name, for the line of counts."""
    return type(hub.engine).__name__


def test_a_gateway_killed_under_load(hub, api, times):
    kills, chance = times(5, 100), random.Random(20261124)
    load = Load(api, [hub]).start()
    starts = []
    for _ in range(kills):
        load.until_more(chance.randrange(20, 120))
        hub.kill()
        starts.append(hub.start_again())
        load.until_more(20)
    verdict = judge(load, hub, api, f"gateway killed {kills} times ({engine(hub)})")
    print(f"started again within {max(starts):.2f} s at most")
    assert verdict.acknowledged >= kills * 40


CLOCK = '\n[rehearsal]\nclock_file = "clock"\n'


@pytest.fixture
def wrong_hub(request, make_hub):
    """A hub on each engine whose clock a test sets wrong."""
    from engine import Postgres, Sqlite

    if request.param == "sqlite":
        return make_hub(Sqlite, settings=CLOCK)
    server = request.getfixturevalue("server").start()
    return make_hub(lambda folder: Postgres(folder, server.url), settings=CLOCK)


@pytest.mark.parametrize("wrong_hub", ["sqlite", "postgres"], indirect=True)
def test_a_clock_that_jumps_an_hour_both_ways(wrong_hub, api, times):
    hub = wrong_hub
    # Tokens made by the right clock are refused while the hub's is wrong, and the other way round.
    load = Load(api, [hub], passing=[grpc.StatusCode.UNAUTHENTICATED]).start()
    rounds = times(1, 10)
    for _ in range(rounds):
        for hours in (1, 0, -1, 0):
            (hub.folder / "clock").write_text(f"{'-' if hours < 0 else ''}PT{abs(hours)}H\n", encoding="ascii")
            load.wrong_by = hours * 3600
            load.until_more(100)
    verdict = judge(load, hub, api, f"clock jumped by an hour {rounds * 4} times ({engine(hub)})")
    assert load.failures.get("UNAUTHENTICATED", 0) > 0, "the hub did not see the jump"
    assert verdict.acknowledged >= rounds * 400
