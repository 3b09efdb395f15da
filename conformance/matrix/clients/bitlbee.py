"""BitlBee over libpurple, the library of Pidgin and Finch: one user, one account of any protocol, driven by IRC."""

import re
import shutil
import socket
import subprocess
import threading

from harness.process import Process
from harness.waiting import PATIENCE, until

# :nick!user@host PRIVMSG target :text
SAID = re.compile(r"^:(?P<nick>[^!\s]+)!(?P<user>[^@\s]*)@(?P<host>\S+) PRIVMSG (?P<target>\S+) :(?P<text>.*)$")
CONTROL = "&bitlbee"
ROOT = "root"


class Bitlbee(Process):
    """`lines` is everything that it said, in order; `replies` what its control channel said."""

    def __init__(self, lab, name, nick):
        super().__init__(lab, name)
        self.nick = nick
        self.lines = []
        self._socket = None

    # Process

    def before_start(self):
        (self.folder / "bitlbee.conf").write_text(
            f"[settings]\nRunMode = Inetd\nAuthMode = Open\nConfigDir = {self.folder}\n", encoding="utf-8")

    def command(self):
        return [bitlbee(), "-I", "-c", self.folder / "bitlbee.conf", "-d", self.folder]

    def launch(self):
        """As inetd starts it: its input and output are one socket."""
        self._socket, other = socket.socketpair()
        with other, open(self.log_path, "ab") as log:
            self._popen = subprocess.Popen([str(word) for word in self.command()], cwd=self.folder, stdin=other,
                                           stdout=other, stderr=log, start_new_session=True)
        self.lab.janitor.watch_group(self._popen.pid)
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()
        self.sends(f"NICK {self.nick}")
        self.sends(f"USER {self.nick} {self.nick} {self.nick} :{self.nick}")

    def ready(self):
        return any(f"JOIN :{CONTROL}" in line for line in self.lines)

    # IRC

    def sends(self, line):
        self._socket.sendall(f"{line}\r\n".encode())

    def orders(self, command, answer=None, within=PATIENCE):
        """A command of the control channel; waits for a line of `root` in which `answer` is found."""
        before = len(self.lines)
        self.sends(f"PRIVMSG {CONTROL} :{command}")
        if answer:
            until(lambda: any(answer in line for line in self.lines[before:]),
                  lambda: f"bitlbee answers {command!r} with {answer!r}: {self.lines[before:]}", within=within)

    def answers(self, command, last, within=PATIENCE):
        """What the control channel says to a command, up to the line in which `last` is found."""
        before = len(self.lines)
        self.sends(f"PRIVMSG {CONTROL} :{command}")

        def told():
            lines = [said["text"] for said in self.said(before) if said["nick"] == ROOT]
            ends = [index for index, line in enumerate(lines) if last in line]
            return lines[:ends[0] + 1] if ends else None
        return until(told, lambda: f"bitlbee answers {command!r}: {self.lines[before:]}", within=within)

    def said(self, since=0):
        """Everything that was said: to the user, or in the control channel."""
        return [said for said in map(SAID.match, list(self.lines)[since:]) if said]

    # helpers

    def _listen(self, connection):
        rest = b""
        with open(self.log_path, "ab") as log:
            while octets := received(connection):
                log.write(octets)
                log.flush()
                *lines, rest = (rest + octets).split(b"\n")
                self.lines += [line.rstrip(b"\r").decode("utf-8", "replace") for line in lines]

    def _forget(self):
        self._socket.close()
        super()._forget()


def received(connection):
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def bitlbee():
    """Debian keeps it where only root's PATH looks."""
    return shutil.which("bitlbee") or "/usr/sbin/bitlbee"
