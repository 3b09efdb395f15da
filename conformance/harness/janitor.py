"""Cleans up behind a lab whose own process has died.

Runs as a process of its own and reads orders from a pipe: `group N`, `ended N` and `folder PATH`. The end of the
pipe means that the lab is gone, by whatever death: every process group still alive is killed, every folder removed.
A peer that forks (Kamailio, ejabberd) is covered too, which a parent-death signal to the first process would not do.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path


def main():
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups, folders = [], []
    for line in sys.stdin:
        order, _, value = line.rstrip("\n").partition(" ")
        if order == "group":
            groups.append(int(value))
        elif order == "ended" and int(value) in groups:
            groups.remove(int(value))
        elif order == "folder":
            folders.append(value)
    for group in groups:
        kill_group(group)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


class Janitor:
    """The lab's end of the pipe."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE, text=True, start_new_session=True, cwd="/",
        )

    def watch_group(self, group):
        self._order(f"group {group}")

    def group_ended(self, group):
        self._order(f"ended {group}")

    def watch_folder(self, folder):
        self._order(f"folder {folder}")

    def dismiss(self):
        """Close the pipe: whatever is still running is killed, every folder removed."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
            self._process.wait(timeout=30)

    def _order(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()


if __name__ == "__main__":
    main()
