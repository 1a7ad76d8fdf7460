"""PostgreSQL servers of a test's own: one, or a primary with a synchronous standby that takes over."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from engine import ask, programs

STANDBY = "standby"
PATIENCE = 60


def owner():
    """How a command is run as somebody whom initdb accepts: root is refused. It ends when the tests do."""
    command = ["setpriv", "--pdeathsig", "INT"]
    if os.getuid() != 0:
        return [*command, "--"]
    for user in ("postgres", "nobody"):
        found = subprocess.run(["id", "-g", user], check=False, capture_output=True, text=True)
        if found.returncode == 0:
            return [*command, "--reuid", user, "--regid", found.stdout.strip(), "--init-groups", "--"]
    raise AssertionError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def own_folder():
    """A new folder of the owner's, directly below the machine's temporary one: others are out of its reach."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sendhub-faults-"))
    if os.getuid() == 0:
        user = owner()[4]
        subprocess.run(["chown", user, str(folder)], check=True)
    return folder


class Server:
    """One server with its data. `fsync` is on: durability is what is tested."""

    def __init__(self, folder=None, name="primary", init=(), settings=()):
        self.folder = folder or own_folder()
        self.data = self.folder / "data"
        self.name, self.init, self.settings = name, init, settings
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        """The administrator's URL."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self):
        """Starts the server, making its data first when there are none, and waits until it answers."""
        if not self.data.exists():
            make = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", *self.init]
            self.run("initdb", *make, "--pgdata", str(self.data))
        self.launch()
        began = time.monotonic()
        while not self.answers():
            assert self.runs(), f"PostgreSQL ended: {self.said()}"
            assert time.monotonic() - began < PATIENCE, f"PostgreSQL does not answer: {self.said()}"
            time.sleep(0.05)
        return self

    def launch(self):
        """Starts the server without waiting."""
        settings = [f"port={self.port}", f"unix_socket_directories={self.folder}", "listen_addresses=127.0.0.1"]
        settings += ["fsync=on", f"cluster_name={self.name}", *self.settings]
        command = [*owner(), str(programs() / "postgres"), "-D", str(self.data)]
        for setting in settings:
            command += ["-c", setting]
        with open(self.folder / "server.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def answers(self):
        """Whether it takes connections."""
        command = [programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def runs(self):
        """Whether the process that leads the server lives."""
        return self.process is not None and self.process.poll() is None

    def ask(self, statement):
        """Runs a statement as the administrator."""
        return ask(self.url, statement)

    def run(self, program, *arguments):
        """Runs one of PostgreSQL's programs as the owner."""
        command = [*owner(), str(programs() / program), *arguments]
        ran = subprocess.run(command, check=False, cwd="/", capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr

    def every(self):
        """The leading process, then all others of the server."""
        leader = self.process.pid
        children = pathlib.Path(f"/proc/{leader}/task/{leader}/children").read_text(encoding="ascii")
        return [leader, *map(int, children.split())]

    def signal(self, number):
        """Sends a signal to every process of the server."""
        for pid in self.every():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                # One session ended meanwhile.
                continue

    def kill(self):
        """SIGKILL to every process: nothing is finished, nothing is flushed."""
        # Frozen first: who leads the server would start others in the place of the first that dies.
        self.freeze()
        self.signal(signal.SIGKILL)
        self.process.wait(timeout=60)

    def freeze(self):
        """SIGSTOP to every process, the leading one first so that no other is started."""
        self.signal(signal.SIGSTOP)

    def thaw(self):
        """SIGCONT to every process."""
        self.signal(signal.SIGCONT)

    def stop(self):
        """A fast shutdown."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)

    def said(self):
        """The last lines of its log."""
        log = self.folder / "server.log"
        return "\n".join(log.read_text(encoding="utf-8").splitlines()[-8:]) if log.exists() else "nothing"

    def remove(self):
        """The server and its folder go."""
        if self.runs():
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pair:
    """A primary and a synchronous standby: what is confirmed is on both disks."""

    def __init__(self):
        self.primary, self.standby = Server(name="one"), Server(name="two")

    @property
    def url(self):
        """Both servers; whichever takes writes is meant."""
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in sorted((self.primary, self.standby), key=id))
        return f"postgres://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def start(self):
        """Starts both; from then on the primary waits for the standby."""
        self.primary.start()
        self.follow()
        self.require()
        return self

    def follow(self):
        """Makes the standby from the primary, and waits until it has caught up."""
        shutil.rmtree(self.standby.data, ignore_errors=True)
        source = f"host=127.0.0.1 port={self.primary.port} user=postgres"
        backup = ["--pgdata", str(self.standby.data), "--write-recovery-conf", "--checkpoint=fast"]
        self.standby.run("pg_basebackup", "-d", source, *backup)
        self.standby.start()
        self.wait(self.primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1")

    def require(self):
        """From now on a commit waits for any standby, on whichever server is the primary: the setting is copied."""
        self.primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.ask("SELECT pg_reload_conf()")
        self.wait(self.primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1")
        # A standby's own settings do not come by replication: what it will ask for as a primary is said to it.
        with open(self.standby.data / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write("synchronous_standby_names = '*'\n")
        self.standby.ask("SELECT pg_reload_conf()")

    def fail_over(self):
        """The primary is lost; the standby takes over, and the lost one comes back as its standby, made anew."""
        self.primary.kill()
        self.standby.ask("SELECT pg_promote(true, 60)")
        self.primary, self.standby = self.standby, self.primary
        self.follow()

    def wait(self, server, question, answer):
        """Waits until a server gives an answer."""
        began = time.monotonic()
        while server.ask(question) != answer:
            assert time.monotonic() - began < PATIENCE, f"{question} is not {answer}: {server.said()}"
            time.sleep(0.1)

    def remove(self):
        """Both go."""
        self.primary.remove()
        self.standby.remove()
