"""A hub for the faults: two schools, a process that is killed and frozen, and a second process with the same name."""

import copy
import os
import signal
import time

from running import Hub

SENDER, RECIPIENT = "old-school", "new-school"


class IllTreated(Hub):
    """A hub of which nobody expects that it ends well."""

    def __init__(self, folder, engine, before=lambda folder: None, settings=""):
        folder.mkdir()
        before(folder)
        self.settings = settings
        self.processes = []
        super().__init__(folder, engine(folder))

    def prepare(self):
        """Two schools, and what the test wants set."""
        text = self.config.read_text(encoding="utf-8")
        self.config.write_text(text + self.settings, encoding="utf-8")
        self.add(SENDER, "--kind", "MAINTAINED_SCHOOL", "--laestab", "9991001")
        self.add(RECIPIENT, "--kind", "MAINTAINED_SCHOOL", "--laestab", "9984001")

    def start(self):
        """Starts it, and remembers the process."""
        try:
            super().start()
        finally:
            self.processes.append(self.process)

    def start_again(self, patience=60):
        """Starts it until it stays: what it stands on may need its time too. Gives the seconds that it took."""
        began = time.monotonic()
        while True:
            try:
                self.start()
                return time.monotonic() - began
            except AttributeError:
                # It ended without a line that says where it listens.
                self.kill()
                assert time.monotonic() - began < patience, "the hub does not start again"
                time.sleep(0.2)

    def twin(self):
        """A second process of the same configuration, not yet started."""
        return copy.copy(self)

    def freeze(self):
        """SIGSTOP: it does nothing, and does not know."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        """SIGCONT: it goes on where it was."""
        os.kill(self.process.pid, signal.SIGCONT)

    def runs(self):
        """Whether the process lives."""
        return self.process.poll() is None

    def end(self):
        """Every process goes. The database goes with the server, which is the test's own."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=60)
