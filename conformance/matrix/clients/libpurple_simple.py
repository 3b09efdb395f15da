"""libpurple 2.14, the library of Pidgin and BitlBee, as a SIMPLE client over TCP.

It is used itself, not behind BitlBee: IRC would break a text at each line feed and after 425 octets. It subscribes to a
new contact when its timer of 10 s says so, shows "open" as online and "closed" as offline and nothing else, and accepts
every watcher by itself.
"""

from ..client import Client, Shown
from .driven import PROGRAMS, Driven, bare, without_scheme


class LibpurpleSimple(Client):
    program = "libpurple 2.14 (SIMPLE)"
    side = "sip"
    packages = ("deb:libpurple0",)
    cannot = {
        "subject": "its SIMPLE neither sends nor shows a Subject",
        "reads": "its SIMPLE knows no IMDN: reading sends nothing, and no mark is shown",
        "failures": "its SIMPLE tells nothing of the answer to a message",
    }

    # A phone with a presence server publishes; without one it answers each SUBSCRIBE itself.
    publishes = True

    _process = None

    def start(self):
        user = self.address.split("@")[0]
        self._process = Driven(
            self.lab, f"libpurple-{user}", ["/usr/bin/python3", PROGRAMS / "libpurple_simple.py"],
            {"bind": self.lab.next_address(), "proxy": self.server[0], "port": self.server[1],
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
        told = [event["state"] for event in self._process.events("presence") if bare(event["contact"]) == contact]
        return told[-1] if told else None

    def says(self, contact, text, subject=None):
        self._process.orders("say", contact=contact, text=text)

    def shown(self):
        return [Shown(without_scheme(event["sender"]), event["text"]) for event in self._process.events("message")]

    def failures(self):
        return [(event["text"], event["words"]) for event in self._process.events("failure")]

    def types(self, contact):
        self._process.orders("type", contact=contact)

    def typing_seen(self):
        return [without_scheme(event["sender"]) for event in self._process.events("typing")]

    def reads(self, contact):
        """Nothing goes out."""

    def signs_out(self):
        self._process.leaves()

    def comes_back(self):
        self._process.start()
