"""A hub of the tests' own: made, filled with agencies and run by the binary under test."""

import json
import os
import pathlib
import re
import subprocess

from access import Access, Provider
from engine import of_run

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Hub:
    """A running hub and the folder that it was made in."""

    def __init__(self, folder, engine=None):
        self.folder = folder
        self.binary = os.environ.get("SENDHUB_BIN") or str(ROOT / "target/debug/sendhub")
        self.config = folder / "hub.toml"
        self.engine = engine or of_run(folder)
        make = ["init", str(folder), "--name", "foreign.example", "--listen", "127.0.0.1:0"]
        self.run(*make, *self.engine.options)
        self.providers = [Provider(folder, "file"), Provider(folder, "https")]
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text + "".join(one.settings for one in self.providers), encoding="utf-8")
        self.prepare()
        self.start()

    def prepare(self):
        """The agencies, before the hub starts."""
        school = ["--kind", "MAINTAINED_SCHOOL"]
        self.add("old-school", *school, "--laestab", "9991001")
        self.add("new-school", *school, "--laestab", "9984001")
        self.add("other-school", *school, "--laestab", "9991002")
        self.add("shut-out", *school, "--laestab", "9991003")
        self.run("agency", "suspend", "--config", str(self.config), "shut-out")
        self.add("careless", *school, "--laestab", "9991004")
        keep = self.folder / "access/careless-old"
        (self.folder / "access/careless").rename(keep)
        rotate = ["agency", "rotate", "--config", str(self.config), "careless", "--revoke-old"]
        self.run(*rotate, "--out", str(self.folder / "access/careless"))

    def start(self):
        """Starts the binary and waits until it listens."""
        self.log = open(self.folder / "hub.log", "a", encoding="utf-8")
        command = [self.binary, "serve", "--config", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        self.address = "localhost:" + re.search(r":(\d+)\s*$", line).group(1)

    def run(self, *arguments):
        """Runs a command of the binary; it must succeed."""
        return subprocess.run([self.binary, *arguments], check=True, capture_output=True, text=True).stdout

    def add(self, agency, *options):
        """Adds an agency with keys issued by the hub's authority."""
        command = ["agency", "add", "--config", str(self.config), "--id", agency, "--name", agency]
        self.run(*command, *options, "--out", str(self.folder / "access" / agency))

    def access(self, agency):
        """An agency's keys and settings."""
        return Access(self, self.folder / "access" / agency)

    def kill(self):
        """SIGKILL: nothing is finished, nothing is flushed."""
        self.process.kill()
        self.process.wait(timeout=60)
        self.log.close()

    def verified(self, *keys):
        """What `audit verify` says of all that the hub keeps, held against these keys."""
        command = [self.binary, "--json", "audit", "verify", self.engine.place]
        command += [word for key in keys for word in ("--key", key)]
        return json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout)

    def memory(self, field):
        """Resident memory of the hub in MiB, now (`VmRSS`) or at most so far (`VmHWM`)."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        """SIGTERM, and the exit code."""
        self.process.terminate()
        code = self.process.wait(timeout=60)
        self.log.close()
        return code
