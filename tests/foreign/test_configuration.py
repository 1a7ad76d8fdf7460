"""`config check`: a configuration is called safe only when its database was asked and keeps what it confirms."""

import json
import os
import subprocess

import pytest
from engine import server
from running import ROOT

pytestmark = pytest.mark.any_engine
BINARY = os.environ.get("SENDHUB_BIN") or str(ROOT / "target/debug/sendhub")
GONE = "postgres://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """What `config check` says of a new hub whose database has a URL, and how it ends."""
    folder = tmp_path_factory.mktemp("checked")
    subprocess.run([BINARY, "init", str(folder), "--name", "checked.example"], check=True, capture_output=True)
    config = folder / "hub.toml"
    made = config.read_text(encoding="utf-8")
    embedded = 'url = "sqlite://data/hub.db"'
    assert embedded in made

    def ask(url=None, *options):
        config.write_text(made.replace(embedded, f'url = "{url}"') if url else made, encoding="utf-8")
        command = [BINARY, "--json", "config", "check", "--config", str(config), *options]
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        return ran.returncode, json.loads(ran.stdout)

    return ask


def test_one_database_keeps_what_it_confirms_on_one_disk(check):
    for url in (None, server()):
        assert check(url) == (0, {"usable": True, "fault": None, "kept": "ONE_DISK"})


def test_what_was_not_asked_is_not_called_safe(check):
    code, said = check(GONE)
    assert (code, said["usable"], said["kept"]) == (1, False, None)
    assert "cannot be reached" in said["fault"]
    assert check(GONE, "--offline") == (0, {"usable": True, "fault": None, "kept": "NOT_ASKED"})


def test_several_servers_without_a_synchronous_standby_are_not_safe(check):
    start, rest = server().rsplit("@", 1)
    host, database = rest.split("/", 1)
    code, said = check(f"{start}@{host},{host}/{database}")
    assert (code, said["usable"]) == (1, False)
    assert "synchronous_standby_names" in said["fault"]
