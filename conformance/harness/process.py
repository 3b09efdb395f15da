"""One peer's process: its own group, its log in a file, a start that waits until it is ready."""

import os
import signal
import socket
import subprocess
from pathlib import Path

from .waiting import TooLate, until


class PeerFailed(AssertionError):
    """A peer did not start, or died; the text ends with the end of its log."""


class Process:
    """Base of every peer. A subclass says how to start (`command`) and when it is ready (`ready`)."""

    name = "peer"
    start_within = 30.0
    stop_within = 20.0

    def __init__(self, lab, name=None):
        self.lab = lab
        self.name = name or self.name
        self.folder = Path(lab.folder) / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log_path = self.folder / "output.log"
        self._popen = None
        lab.adopt(self)

    # what a subclass provides

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def ready(self):
        return True

    def before_start(self):
        """Write configuration files."""

    # what a story uses

    def start(self):
        """Start the process and return when it is ready."""
        if self.running:
            raise PeerFailed(f"{self.name} is running already")
        self.before_start()
        self.launch()
        try:
            until(self._ready_or_dead, f"{self.name} is ready", within=self.start_within, every=0.05)
        except TooLate as late:
            raise PeerFailed(f"{late}\n{self.log_tail()}") from None
        return self

    def launch(self):
        """Start the process without waiting."""
        with open(self.log_path, "ab") as log:
            self._popen = subprocess.Popen(
                [str(word) for word in self.command()],
                cwd=self.folder, env={**os.environ, **self.environment()},
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self.lab.janitor.watch_group(self._popen.pid)

    def stop(self):
        """Ask the process to end, wait for it, and return its exit code; None when it was not running."""
        return self._end(signal.SIGTERM)

    def kill(self):
        """End it as a power cut would."""
        return self._end(signal.SIGKILL)

    def freeze(self):
        """It stands still until thaw(): its sockets stay open, nothing is read or answered."""
        os.killpg(self._popen.pid, signal.SIGSTOP)

    def thaw(self):
        os.killpg(self._popen.pid, signal.SIGCONT)

    def wait_for_exit(self, within):
        """The exit code of a process that ends by itself."""
        try:
            code = self._popen.wait(timeout=within)
        except subprocess.TimeoutExpired:
            raise TooLate(f"{self.name} did not end within {within:g} s\n{self.log_tail()}") from None
        self._forget()
        return code

    @property
    def running(self):
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self):
        return self._popen.pid if self._popen else None

    def log_text(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines=40):
        """The end of the log, for error messages."""
        tail = "\n".join(self.log_text().splitlines()[-lines:])
        return f"--- end of the log of {self.name} ({self.log_path}) ---\n{tail}\n---"

    # helpers

    def _ready_or_dead(self):
        if self._popen.poll() is not None:
            code = self._popen.returncode
            self._forget()
            raise PeerFailed(f"{self.name} ended with code {code} while starting\n{self.log_tail()}")
        return self.ready()

    def _end(self, how):
        if self._popen is None:
            return None
        code = self._signal_and_wait(how)
        self._forget()
        return code

    def _signal_and_wait(self, how):
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, how)
        try:
            return self._popen.wait(timeout=self.stop_within)
        except subprocess.TimeoutExpired:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait(timeout=self.stop_within)
            late = f"{self.name} did not stop within {self.stop_within:g} s of {how.name}"
            raise TooLate(f"{late}\n{self.log_tail()}") from None

    def _forget(self):
        group = self._popen.pid
        sweep_group(group)
        self.lab.janitor.group_ended(group)
        if self._popen.stdin:
            try:
                self._popen.stdin.close()
            except OSError:
                pass
        self._popen = None


def sweep_group(group):
    """Kill what a peer left behind in its group, and wait until it is gone."""

    def gone():
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return True
        return False

    until(gone, f"process group {group} is gone", within=10, every=0.01)


def listens(address, port, protocol="tcp"):
    """True when a socket is bound there (and listening, for TCP); looks from outside, the peer notices nothing."""
    wanted = f"{socket.inet_aton(address)[::-1].hex().upper()}:{port:04X}"
    with open(f"/proc/net/{protocol}", encoding="ascii") as table:
        rows = [row.split() for row in list(table)[1:]]
    return any(row[1] == wanted and (protocol != "tcp" or row[3] == "0A") for row in rows)
