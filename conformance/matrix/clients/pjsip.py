"""PJSIP, the library inside MicroSIP, Telephone and many dialers: it hands every text up, whatever its type.

As its own pjsua, the program here accepts every watcher by itself.
"""

from harness.process import PeerFailed

from ..client import Client, Shown
from .driven import INSTALLED, PROGRAMS, Driven, bare, without_scheme


def python():
    """The Python into which conformance/matrix/install puts the wheel (there is one for CPython 3.11)."""
    found = INSTALLED / "venv" / "bin" / "python"
    if not found.exists():
        raise PeerFailed(f"no {found}: run conformance/matrix/install")
    return found


class Pjsip(Client):
    program = "PJSIP 2.15.1"
    side = "sip"
    packages = ("pypi:pjsua2-python==2.15.1.post1",)
    cannot = {
        "subject": "the library neither sends nor hands up a Subject of a MESSAGE",
        "reads": "the library knows no IMDN: reading sends nothing, and no mark is shown",
    }

    # A phone with a presence server publishes; without one it answers each SUBSCRIBE itself.
    publishes = True

    _process = None

    def start(self):
        user = self.address.split("@")[0]
        self._process = Driven(
            self.lab, f"pjsip-{user}", [python(), PROGRAMS / "pjsip.py"],
            {"bind": self.lab.next_address(), "proxy": self.server[0], "port": self.server[1], "user": user,
             "address": self.address, "password": self.password, "publishes": self.publishes})
        self._process.start()
        return self

    def stop(self):
        if self._process:
            self._process.kill()

    def adds(self, contact):
        self._process.orders("add", contact=contact)

    def asked_by(self):
        return []

    def accepts(self, contact):
        """It has said yes by itself."""

    def contact_state(self, contact):
        told = [event for event in self._process.events("presence") if bare(event["contact"]) == contact]
        if not told:
            return None
        return (told[-1]["state"] == "online" and told[-1]["activity"]) or told[-1]["state"]

    def says(self, contact, text, subject=None):
        self._process.orders("say", contact=contact, text=text)

    def shown(self):
        return [Shown(without_scheme(event["sender"]), event["text"]) for event in self._process.events("message")]

    def failures(self):
        return [(event["text"], event["words"]) for event in self._process.events("failure")]

    def types(self, contact):
        self._process.orders("type", contact=contact)

    def typing_seen(self):
        return [without_scheme(event["sender"]) for event in self._process.events("typing") if event["typing"]]

    def reads(self, contact):
        """Nothing goes out."""

    def signs_out(self):
        self._process.leaves()

    def comes_back(self):
        self._process.start()
