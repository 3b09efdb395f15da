"""libpurple as an XMPP client, the engine of Pidgin, through BitlBee."""

import re

from harness.waiting import until

from ..client import Client, Shown
from .bitlbee import CONTROL, ROOT, Bitlbee

ASKS = re.compile(r"New request: (\S+) wants to add you")
CERTIFICATE = "Accept certificate"      # asked once
STATES = {"online": "online", "available": "online", "away": "away", "busy": "busy", "offline": "offline"}


class LibpurpleXmpp(Client):
    program = "libpurple 2.14 (XMPP)"
    side = "xmpp"
    packages = ("deb:bitlbee-libpurple",)
    cannot = {
        "subject": "IRC has no subjects",
        "picture": "IRC has text alone",
        "reads": "libpurple 2 sends neither receipts nor markers",
        "long-out": "BitlBee takes no line of that length: it ends the connection",
        "failures": "BitlBee shows none of the notices that libpurple has for a failed message; Pidgin does",
    }
    wraps = True        # at about 425 octets, which is what a line of IRC holds

    _bitlbee = None

    def start(self):
        user = self.address.split("@")[0]
        self._bitlbee = Bitlbee(self.lab, f"libpurple-xmpp-{user}", nick=user).start()
        self._accepted = set()
        self._added = set()
        self._bitlbee.orders("register secret", answer="successfully created")
        self._bitlbee.orders(f"account add jabber {self.address} {self.password}", answer="added")
        # a server that has no name in DNS, with a certificate that nobody signed
        for setting in (f"connect_server {self.server[0]}", f"port {self.server[1]}",
                        "connection_security opportunistic_tls", "auth_plain_in_clear true"):
            self._bitlbee.orders(f"account 0 set {setting}", answer=setting.split()[0])
        self.comes_back()
        return self

    def stop(self):
        if self._bitlbee:
            self._bitlbee.kill()

    # contacts

    def adds(self, contact):
        self._added.add(contact)
        self._bitlbee.sends(f"PRIVMSG {CONTROL} :add 0 {contact}")

    def asked_by(self):
        asked = [found[1] for said in self._bitlbee.said() if (found := ASKS.search(said["text"]))]
        return [contact for contact in dict.fromkeys(asked) if contact not in self._accepted]

    def accepts(self, contact):
        self._accepted.add(contact)
        self._bitlbee.sends(f"PRIVMSG {CONTROL} :yes")

    def contact_state(self, contact):
        for line in self._bitlbee.answers("blist all", last="buddies ("):
            words = line.split()
            if len(words) >= 3 and words[1].startswith(contact):
                return STATES.get(words[-1].strip("()").lower(), words[-1])
        return None

    # messages

    def says(self, contact, text, subject=None):
        if contact not in self._added:      # it knows no nick for anybody else
            self.adds(contact)
        self._bitlbee.sends(f"PRIVMSG {contact.split('@')[0]} :{text}")

    def shown(self):
        return [self._line(said) for said in self._bitlbee.said() if said["nick"] != ROOT]

    def types(self, contact):
        """Some IRC programs say it in this way, and BitlBee tells libpurple."""
        self._bitlbee.sends(f"PRIVMSG {contact.split('@')[0]} :\x01TYPING 1\x01")

    def failures(self):
        return []

    # presence on the network

    def signs_out(self):
        self._bitlbee.orders("account 0 off", answer="Signing off")

    def comes_back(self):
        before = len(self._bitlbee.lines)

        def said(words):
            return any(words in line for line in self._bitlbee.lines[before:])
        self._bitlbee.orders("account 0 on")
        until(lambda: said("Logged in") or said(CERTIFICATE),
              lambda: f"bitlbee logs in: {self._bitlbee.lines[before:]}")
        if not said("Logged in"):
            self._bitlbee.orders("yes", answer="Logged in")

    # helpers

    def _line(self, said):
        sender = f"{said['user']}@{said['host']}".split("/")[0]
        if said["target"] == CONTROL:       # somebody who is not on the list
            return Shown(sender, said["text"].removeprefix(f"{self._bitlbee.nick}: "), window="chat")
        return Shown(sender, said["text"])
