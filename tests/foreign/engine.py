"""The engine under a hub: the embedded file, or a PostgreSQL database of the hub's own."""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import urllib.parse
import uuid

ENGINES = ("sqlite", "postgres")


def chosen():
    """The engine of this run, as `SENDHUB_TEST_ENGINE` names it."""
    engine = os.environ.get("SENDHUB_TEST_ENGINE", "sqlite")
    assert engine in ENGINES, f"SENDHUB_TEST_ENGINE is {engine}: it is one of {', '.join(ENGINES)}"
    return engine


class Sqlite:
    """The file that `sendhub init` names."""

    def __init__(self, folder):
        self.place = str(folder / "data/hub.db")
        self.options = []

    def drop(self):
        """Goes with its folder."""


class Postgres:
    """A database on a server that the tests were given."""

    def __init__(self, folder, admin=None):
        self.admin = admin or server()
        self.name = f"sendhub_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {self.name}")
        self.place = urllib.parse.urlsplit(self.admin)._replace(path=f"/{self.name}").geturl()

    @property
    def options(self):
        """What `sendhub init` is told of it."""
        return ["--store", self.place]

    def drop(self):
        """The database goes, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def execute(self, statement):
        """Runs a statement as the administrator."""
        return ask(self.admin, statement)


def programs():
    """The folder of PostgreSQL's programs: the one that `cargo xtask` found, or the newest of the machine."""
    given = os.environ.get("SENDHUB_POSTGRES_BIN")
    if given:
        return pathlib.Path(given)
    found = [pathlib.Path(path).parent for path in glob.glob("/usr/lib/postgresql/*/bin/postgres")]
    on_path = shutil.which("postgres")
    assert found or on_path, "PostgreSQL is missing: `cargo xtask postgres` installs it"
    if not found:
        return pathlib.Path(on_path).resolve().parent
    return max(found, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0))


def ask(url, statement):
    """Runs a statement on a server and gives what it prints: a line a row, columns parted by `|`."""
    command = [programs() / "psql", "--no-psqlrc", "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def server():
    """The administrator's URL of the server of the tests."""
    url = os.environ.get("SENDHUB_TEST_POSTGRES")
    assert url, "SENDHUB_TEST_POSTGRES is not set: run `cargo xtask postgres` in another shell and do as it says"
    return url


def of_run(folder):
    """What a hub of this run keeps its records in."""
    return Postgres(folder) if chosen() == "postgres" else Sqlite(folder)
