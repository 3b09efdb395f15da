"""What every program of the matrix can be asked to do, and what it has on its screen.

One file in `clients/` wraps one program. It starts the program as its users do, with default settings, and tells what a
person in front of it would see. It judges nothing: `scenario.py` does.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shown:
    """One line on the screen that somebody else caused."""

    sender: str         # the address that the program shows or files it under, without scheme; with parameters if any
    text: str           # exactly what is shown
    subject: str = ""   # where the program shows one
    window: str = "chat"    # "chat", or what else opens: "mail", "request", ...


@dataclass
class Client:
    """One program with one account. `lab` gives addresses and a folder, as in `harness/lab.py`."""

    program = ""        # name and version, as the table prints it
    side = ""           # "xmpp" or "sip"
    packages = ()       # what must be installed: "deb:bitlbee-libpurple", "pypi:NAME==2.15.1", "npm:NAME@3.13.8"
    # What the program itself cannot do: an ability or the name of a step in matrix.toml -> the reason. Such a cell is
    # an exclusion.
    cannot = {}
    # It shows a long line in pieces that end where a blank was.
    wraps = False

    lab: object
    address: str        # "romeo@sip.test" or "juliet@xmpp.test", without a scheme
    password: str
    server: tuple       # (address, port) of the XMPP server or the SIP proxy
    states: dict = field(default_factory=dict)

    def start(self):
        """Log in or register; returns self once the server has taken it."""
        raise NotImplementedError

    def stop(self):
        """End the program; never raises for a program that is gone already."""
        raise NotImplementedError

    # contacts

    def adds(self, contact):
        """Put somebody on the contact list, and ask to see their presence."""
        raise NotImplementedError

    def asked_by(self):
        """Who has asked to see this user and waits for an answer: a list of addresses."""
        raise NotImplementedError

    def accepts(self, contact):
        """Say yes to such a request; nothing to do for a program that says yes by itself."""
        raise NotImplementedError

    def contact_state(self, contact):
        """"online", "away", "busy", "offline", or None while the program shows nothing of the contact."""
        raise NotImplementedError

    # messages

    def says(self, contact, text, subject=None):
        """Write to somebody, as typed into the program."""
        raise NotImplementedError

    def shares(self, contact, url):
        """Send a picture that lies at this address already, as the program does it: a link, XEP-0066."""
        raise NotImplementedError

    def shown(self):
        """All lines from others since the start, in the order on the screen: a list of Shown."""
        raise NotImplementedError

    def failures(self):
        """What the program tells its user about own messages that failed: (own text or "", words) pairs."""
        raise NotImplementedError

    def types(self, contact):
        """Begin to type to somebody without sending."""
        raise NotImplementedError

    def typing_seen(self):
        """Who was shown as typing since the start: a list of addresses."""
        return []

    def receipts_seen(self):
        """Marks on own messages since the start, as the program shows them: a list of (own text, mark)."""
        return []

    def reads(self, contact):
        """Open the conversation, so that a program that sends read marks sends them."""
        raise NotImplementedError

    # presence on the network

    def signs_out(self):
        """Leave as its user would: log out or unregister; the program may end."""
        raise NotImplementedError

    def comes_back(self):
        """Log in or register again."""
        raise NotImplementedError
