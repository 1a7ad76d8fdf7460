"""The disk is full, or does not answer: what was acknowledged is there, and service comes back with the disk."""

import subprocess
import sys
import time

import pytest
from disk import SmallDisk
from engine import Postgres, Sqlite
from judge import judge
from load import Load
from servers import Server, own_folder, owner

# Room for all records of the long form beside the log.
MEBIBYTES = 64
HOLD_LOCK = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
database.execute("ROLLBACK")
"""


@pytest.fixture
def disks():
    """Small disks, which go after the test."""
    mounted = []

    def mount(folder, mebibytes, owner=None):
        mounted.append(SmallDisk(folder, mebibytes, owner))
        return mounted[-1]

    yield mount
    for disk in mounted:
        disk.unmount()


def fill_and_free(load, disk, seconds):
    """Fills the disk until calls fail, holds it full for so long, and frees it."""
    disk.fill()
    load.until_refused()
    time.sleep(seconds)
    disk.free()


def test_a_full_disk_under_the_embedded_engine(make_hub, disks, api, times):
    mounted = []
    hub = make_hub(Sqlite, before=lambda folder: mounted.append(disks(folder / "data", MEBIBYTES)))
    load = Load(api, [hub]).start()
    rounds = times(2, 20)
    for _ in range(rounds):
        fill_and_free(load, mounted[0], 2)
        load.until_more(50)
    assert hub.runs(), "a full disk ends no hub"
    verdict = judge(load, hub, api, f"disk full {rounds} times (Sqlite)")
    assert verdict.gap > 1.5


def test_a_full_disk_under_postgresql(make_hub, disks, api, times):
    folder = own_folder()
    user = owner()[4]
    small = ("wal_keep_size=0", "min_wal_size=2MB", "max_wal_size=8MB")
    disk = disks(folder, 128, user)
    server = Server(folder, init=["--wal-segsize=1"], settings=small)
    try:
        server.start()
        hub = make_hub(lambda folder: Postgres(folder, server.url))
        load = Load(api, [hub]).start()
        rounds = times(1, 10)
        for _ in range(rounds):
            fill_and_free(load, disk, 2)
            if not server.runs():
                # It ends itself when it cannot write its log: its operator starts it again.
                server.start()
            load.until_more(50)
        verdict = judge(load, hub, api, f"disk full {rounds} times (Postgres)")
        assert verdict.gap > 1.5
    finally:
        server.remove()


def test_an_embedded_engine_whose_lock_is_held_by_another(make_hub, api, times):
    hub = make_hub(Sqlite)
    load = Load(api, [hub]).start()
    rounds, seconds = times(1, 10), 10
    for _ in range(rounds):
        command = [sys.executable, "-c", HOLD_LOCK, hub.engine.place, str(seconds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout.readline() == "held\n"
            assert holder.wait(timeout=60) == 0
        load.until_more(50)
    assert hub.runs()
    verdict = judge(load, hub, api, f"lock held by another for {seconds} s {rounds} times (Sqlite)")
    assert verdict.gap > seconds * 0.9


def test_a_database_that_does_not_answer(make_hub, server, api, times):
    server.start()
    hub = make_hub(lambda folder: Postgres(folder, server.url))
    load = Load(api, [hub]).start()
    rounds, seconds = times(1, 10), 5
    for _ in range(rounds):
        server.freeze()
        time.sleep(seconds)
        server.thaw()
        load.until_more(50)
    verdict = judge(load, hub, api, f"every process frozen for {seconds} s {rounds} times (Postgres)")
    assert verdict.gap > seconds * 0.9
