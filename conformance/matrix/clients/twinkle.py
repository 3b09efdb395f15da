"""Twinkle 1.10.2 in its console: lines of text both ways, each failure with the proxy's words."""

import re
import socket
import threading
import time

from harness.process import Process

from ..client import Client, Shown
from .driven import without_scheme

# A text may have several lines; what comes after it is an empty line, a prompt, or the echo of the next command.
RECEIVED = re.compile(
    r"^Received message\nFrom:\t+([^\n]*)\nTo:\t[^\n]*\n(?:Subject:\t+([^\n]*)\n)?\n"
    r"(.*?)\n\n(?=\n|Twinkle> |message |quit|\Z)",
    re.MULTILINE | re.DOTALL)
FAILED = re.compile(r"^Failed to send MESSAGE\.\n(.*)$", re.MULTILINE)
# What its line of commands cannot hold: there is no escape for either.
UNTYPABLE = re.compile(r'["\n\r]')


# It seeds its Call-IDs and tags with the second of its start: two that start in one second are one to a SIP server.
STARTING = threading.Lock()


class Console(Process):
    """twinkle-console reads its commands from standard input."""

    def __init__(self, lab, name, profile, settings):
        super().__init__(lab, name)
        self._profile, self._settings = profile, settings
        self._begun = 0

    def start(self):
        with STARTING:
            super().start()
            time.sleep(1.05 - time.time() % 1)
        return self

    def before_start(self):
        self._begun = len(self.log_text())
        home = self.folder / ".twinkle"
        home.mkdir(exist_ok=True)
        (home / f"{self._profile}.cfg").write_text(lines_of(self._settings), encoding="utf-8")
        # it binds its port on every address of the machine, so that 5060 may be somebody else's
        (home / "twinkle.sys").write_text(lines_of({"sip_port": free_port()}), encoding="utf-8")

    def command(self):
        return ["twinkle-console", f"{self._profile}.cfg"]

    def environment(self):
        return {"HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def ready(self):
        return "registration succeeded" in self.log_text()[self._begun:]

    def types_in(self, line):
        self._popen.stdin.write(line.encode() + b"\n")
        self._popen.stdin.flush()

    def stop(self):
        return self.kill()      # it takes no notice of SIGTERM

    def leaves(self):
        """Its user quits: it takes its publication back and unregisters."""
        if self.running:
            self.types_in("quit")
            self.wait_for_exit(self.stop_within)


class Twinkle(Client):
    program = "Twinkle 1.10.2"
    side = "sip"
    packages = ("deb:twinkle-console",)
    cannot = {
        "seen-by-sip": "its console has no contacts and shows nobody's presence; it publishes its own",
        "typing": "its console sends and shows no typing notices",
        "reads": "it knows no IMDN: reading sends nothing, and no mark is shown",
    }

    _console = None

    def start(self):
        user, domain = self.address.split("@")
        self._console = Console(self.lab, f"twinkle-{user}", user, {
            "user_name": user, "user_domain": domain, "auth_name": user, "auth_pass": self.password,
            "outbound_proxy": f"{self.server[0]}:{self.server[1]}", "all_requests_to_proxy": "yes",
            "registrar": f"{self.server[0]}:{self.server[1]}", "register_at_startup": "yes",
        })
        self._console.start()
        return self

    def stop(self):
        if self._console:
            self._console.kill()

    def adds(self, contact):
        """Its console has no contacts."""

    def asked_by(self):
        return []

    def accepts(self, contact):
        """Nobody is asked."""

    def contact_state(self, contact):
        return None

    def says(self, contact, text, subject=None):
        if UNTYPABLE.search(f"{text}{subject or ''}"):
            raise ValueError(f"Twinkle's console has no way to type {text!r}")
        about = f'-s "{subject}" ' if subject else ""
        self._console.types_in(f'message {about}sip:{contact} "{text}"')

    def shown(self):
        return [Shown(without_scheme(sender), text, subject or "")
                for sender, subject, text in RECEIVED.findall(self._console.log_text())]

    def failures(self):
        return [("", words) for words in FAILED.findall(self._console.log_text())]

    def types(self, contact):
        """Nothing goes out."""

    def reads(self, contact):
        """Nothing goes out."""

    def signs_out(self):
        self._console.leaves()

    def comes_back(self):
        self._console.start()


def lines_of(settings):
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def free_port():
    """A port that nobody on this machine holds, for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
            datagrams.bind(("", 0))
            port = datagrams.getsockname()[1]
            try:
                streams.bind(("", port))
            except OSError:     # free for UDP, and held by a connection
                continue
            return port
