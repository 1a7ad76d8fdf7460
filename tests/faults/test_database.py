"""PostgreSQL is killed, lost to its standby, or cut off; a gateway is frozen until another holds its log."""

import time

import pytest
from engine import Postgres
from judge import judge
from load import Load
from proxy import Proxy
from servers import Pair


def test_postgresql_killed_under_load(make_hub, server, api, times):
    server.start()
    hub = make_hub(lambda folder: Postgres(folder, server.url))
    load = Load(api, [hub]).start()
    kills = times(3, 30)
    for _ in range(kills):
        load.until_more(50)
        server.kill()
        load.until_refused()
        server.start()
        load.until_more(20)
    judge(load, hub, api, f"PostgreSQL killed {kills} times")


@pytest.fixture
def pair():
    """A primary with a synchronous standby."""
    pair = Pair()
    yield pair
    pair.remove()


def test_the_primary_lost_to_its_synchronous_standby(make_hub, pair, api, times):
    pair.start()
    hub = make_hub(lambda folder: Postgres(folder, pair.url))
    load = Load(api, [hub]).start()
    losses = times(1, 10)
    for _ in range(losses):
        load.until_more(100)
        pair.fail_over()
        load.until_more(100)
    judge(load, hub, api, f"primary killed and its standby promoted {losses} times")


@pytest.fixture
def proxied(make_hub, server):
    """A hub that reaches its database through a proxy."""
    server.start()
    proxy = Proxy(server.port)

    def engine(folder):
        database = Postgres(folder, server.url)
        database.place = database.place.replace(f":{server.port}/", f":{proxy.port}/")
        return database

    yield make_hub(engine), proxy
    proxy.close()


@pytest.mark.parametrize("way", ["cut", "stall", "drop"])
def test_the_network_between_gateway_and_database(proxied, api, times, way):
    hub, proxy = proxied
    load = Load(api, [hub]).start()
    rounds, seconds = times(1, 10), 4
    for _ in range(rounds):
        getattr(proxy, way)()
        time.sleep(seconds)
        proxy.heal()
        load.until_more(50)
    verdict = judge(load, hub, api, f"network {way} for {seconds} s {rounds} times")
    assert verdict.gap > seconds * 0.9


def test_a_frozen_gateway_that_wakes_after_its_log_was_taken(make_hub, server, api, times):
    server.start()
    first = make_hub(lambda folder: Postgres(folder, server.url))
    hubs = [first]
    load = Load(api, hubs).start()
    rounds = times(1, 5)
    for _ in range(rounds):
        holder = hubs[0]
        holder.freeze()
        second = holder.twin()
        second.start_again()
        hubs.append(second)
        load.until_more(50)
        holder.thaw()
        # It must see that its log is another's, write nothing more, and end by itself.
        assert holder.process.wait(timeout=60) != 0
        hubs.remove(holder)
        load.until_more(50)
    judge(load, hubs[0], api, f"gateway frozen until its log was taken {rounds} times")
