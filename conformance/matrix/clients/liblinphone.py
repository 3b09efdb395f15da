"""liblinphone 5.1, the library of the Linphone applications: conversations, ticks, typing and presence."""

from ..client import Client, Shown
from .driven import PROGRAMS, Driven, bare, without_scheme

AWAY_WORDS = ("away", "appointment", "holiday", "in-transit", "meal", "meeting", "permanent-absence", "shopping",
              "sleeping", "spectator", "steering", "travel", "TV", "vacation", "worship")


class LibLinphone(Client):
    program = "liblinphone 5.1"
    side = "sip"
    packages = ("deb:linphone-cli",)
    cannot = {
        "subject": "the library has no subject of a message in its interface, and shows none",
    }

    # A phone with a presence server publishes; without one it answers each SUBSCRIBE itself.
    publishes = True

    _process = None

    def start(self):
        user, domain = self.address.split("@")
        self._process = Driven(
            self.lab, f"liblinphone-{user}", ["/usr/bin/python3", PROGRAMS / "liblinphone.py"],
            {"bind": self.lab.next_address(), "proxy": self.server[0], "port": self.server[1], "user": user,
             "domain": domain, "address": self.address, "password": self.password, "publishes": int(self.publishes)})
        self._process.start()
        return self

    def stop(self):
        if self._process:
            self._process.kill()

    def adds(self, contact):
        self._process.orders("add", contact=contact)

    def asked_by(self):
        waiting = []
        for event in self._process.events():
            if event["event"] == "asked" and event["contact"] not in waiting:
                waiting.append(event["contact"])
        return [contact for contact in waiting if contact not in self.states.get("accepted", ())]

    def accepts(self, contact):
        self.states.setdefault("accepted", []).append(contact)
        self._process.orders("accept", contact=contact)

    def contact_state(self, contact):
        told = [event for event in self._process.events("presence") if bare(event["contact"]) == contact]
        if not told:
            return None
        last = told[-1]
        if not last["open"]:
            return "offline"
        activity = last["activity"].split(":")[0].lower()
        if activity in AWAY_WORDS:
            return "away"
        if activity in ("busy", "on-the-phone", "onthephone") or last["consolidated"] == "do not disturb":
            return "busy"
        return "online"

    def says(self, contact, text, subject=None):
        self._process.orders("say", contact=contact, text=text)

    def shown(self):
        return [Shown(without_scheme(event["room"]), event["text"],
                      window="file" if event["event"] == "file" else "chat")
                for event in self._process.events() if event["event"] in ("message", "file")]

    def failures(self):
        return [(event["text"], event["words"]) for event in self._process.events("failure")]

    def types(self, contact):
        self._process.orders("type", contact=contact)

    def typing_seen(self):
        return [without_scheme(event["room"]) for event in self._process.events("typing") if event["typing"]]

    def receipts_seen(self):
        return [(event["text"], event["mark"]) for event in self._process.events("mark")]

    def reads(self, contact):
        self._process.orders("read", contact=contact)

    def signs_out(self):
        self._process.leaves()

    def comes_back(self):
        self._process.start()
