"""A program of `programs/`: it takes orders as lines of JSON, and writes down what it shows as lines of JSON."""

import json
import threading
from pathlib import Path

from harness.process import PeerFailed, Process
from harness.waiting import PATIENCE, until

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
# What is installed for the matrix alone lies here.
INSTALLED = Path(__file__).resolve().parents[3] / "target" / "matrix"


class Driven(Process):
    """`words` start it; the path of the file for its events comes after them, and its settings as the first order."""

    def __init__(self, lab, name, words, settings):
        super().__init__(lab, name)
        self._words, self._settings = words, settings
        self._events_path = self.folder / "events.jsonl"
        self._events, self._read_to, self._started_at = [], 0, 0
        self._reading = threading.Lock()

    def start(self):
        # a program that starts again is ready when it says so again
        self._started_at = len(self.events())
        return super().start()

    def launch(self):
        super().launch()
        self.orders("settings", **self._settings)

    def command(self):
        return [*self._words, self._events_path]

    def environment(self):
        return {"HOME": str(self.folder), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}

    def ready(self):
        return any(event["event"] == "ready" for event in self.events()[self._started_at:])

    def orders(self, order, **what):
        """Tell the program what its user does."""
        if not self.running:
            raise PeerFailed(f"{self.name} does not run\n{self.log_tail()}")
        self._popen.stdin.write(json.dumps({"order": order, **what}).encode() + b"\n")
        self._popen.stdin.flush()

    def events(self, name=None):
        """What it wrote down since its first start, or the events of one name."""
        with self._reading:
            self._read_on()
            return [event for event in self._events if name in (None, event["event"])]

    def leaves(self):
        """The user closes it: the program logs out and ends."""
        if self.running:
            self.orders("quit")
            self.wait_for_exit(self.stop_within)

    def waits_for(self, name, what, within=PATIENCE):
        """The first event of this name for which `what(event)` is true."""
        def found():
            return next((event for event in self.events(name) if what(event)), None)

        return until(found, lambda: f"{self.name}: {name}\n{self.log_tail()}", within=within)

    def _read_on(self):
        if not self._events_path.exists():
            return
        with open(self._events_path, "rb") as file:
            file.seek(self._read_to)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read_to += len(line)
                self._events.append(json.loads(line))


def without_scheme(uri):
    """The address in a URI or a name-addr, with its parameters."""
    uri = uri.strip()
    if "<" in uri:
        uri = uri[uri.index("<") + 1:uri.rindex(">")]
    for scheme in ("sip:", "sips:", "im:", "pres:"):
        uri = uri.removeprefix(scheme)
    return uri


def bare(uri):
    """The address in a URI or a name-addr, without scheme and parameters."""
    return without_scheme(uri).split(";")[0].split("?")[0]
