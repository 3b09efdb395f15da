"""baresip 1.0: plain text on a terminal, and presence.

Its contacts stand in a file that it reads at its start. It accepts every watcher by itself, and shows somebody who is
away as offline.
"""

import re

from harness.baresip import COLOUR, Baresip as Phone

from ..client import Client, Shown
from .driven import without_scheme

# A text may have several lines: it ends with the quotation mark at the end of one.
LINE = re.compile(r'^(sip:\S+): "(.*?)"$', re.MULTILINE | re.DOTALL)
# The answer to a message that failed, in red, with nothing else on the line.
FAILED = re.compile(r"^ ([3-6]\d\d .*)$", re.MULTILINE)
STATES = {"online": "online", "offline": "offline", "busy": "busy"}


class Baresip(Client):
    program = "baresip 1.0"
    side = "sip"
    packages = ("deb:baresip-core",)
    cannot = {
        "subject": "it neither sends nor shows a Subject",
        "typing": "it has no isComposing",
        "reads": "it knows no IMDN: reading sends nothing, and no mark is shown",
        "long-out": "a line of its commands holds about 1,000 octets",
        "long-in": "its terminal shows nothing of a text over about 500 octets, and it answers 200",
        "long-out": "its control connection takes no command over about 1,000 octets",
    }

    # A phone with a presence server publishes; without one it answers each SUBSCRIBE itself.
    publishes = True
    # Addresses in its file of contacts from the beginning: with them it need not start anew for the first line to each.
    contacts = ()

    _phone = None

    def start(self):
        user = self.address.split("@")[0]
        self._phone = Phone(
            self.lab, f"sip:{self.address}", self.server, [f"sip:{contact}" for contact in self.contacts],
            password=self.password, presence="publishes" if self.publishes else "answers", name=f"baresip-{user}")
        self.comes_back()
        return self

    def stop(self):
        if self._phone:
            self._phone.stop()

    def adds(self, contact):
        """Write the file of contacts, and start anew."""
        uri = f"sip:{contact}"
        if uri not in self._phone.contacts:
            self._phone.contacts.append(uri)
            self._phone.leaves()
            self.comes_back()

    def asked_by(self):
        return []

    def accepts(self, contact):
        """It has said yes by itself."""

    def contact_state(self, contact):
        listed = re.search(rf"(\w+)\s.*<sip:{re.escape(contact)}>", self._asks("contacts"))
        return STATES.get(listed.group(1).lower()) if listed else None

    def says(self, contact, text, subject=None):
        self.adds(contact)
        self._phone.says(text, f"sip:{contact}")

    def shown(self):
        return [Shown(without_scheme(sender), text) for sender, text in LINE.findall(self._screen())]

    def failures(self):
        return [("", words) for words in FAILED.findall(self._screen())]

    def types(self, contact):
        """Nothing goes out."""

    def reads(self, contact):
        """Nothing goes out."""

    def signs_out(self):
        self._phone.leaves()

    def comes_back(self):
        self._phone.start()
        if not self.publishes:
            # to who asks the phone itself it says "offline" until its user says otherwise
            self._phone.shows("online")

    def _screen(self):
        return COLOUR.sub("", self._phone.log_text()).replace("\r", "")

    def _asks(self, command):
        return COLOUR.sub("", self._phone._command(command))
