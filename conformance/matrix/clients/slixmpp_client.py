"""slixmpp, writing what today's XMPP programs write: threads, chat states, receipts, chat markers."""

import secrets
from importlib.metadata import version
from xml.sax.saxutils import escape, quoteattr

from harness.xmpp_user import XmppUser

from ..client import Client, Shown

CHAT_STATES = "http://jabber.org/protocol/chatstates"
RECEIPTS = "urn:xmpp:receipts"
MARKERS = "urn:xmpp:chat-markers:0"
OUT_OF_BAND = "jabber:x:oob"

SHOWN_AS = {None: "online", "chat": "online", "away": "away", "xa": "away", "dnd": "busy"}
# RFC 6121 §5.2.2: a client opens a conversation for "chat" alone; Psi shows "normal" as a letter.
WINDOWS = {"chat": "chat", None: "mail", "normal": "mail"}


class Slixmpp(Client):
    program = f"slixmpp {version('slixmpp')}"
    side = "xmpp"
    packages = ("deb:python3-slixmpp",)

    _user = None

    def start(self):
        self._user = XmppUser(self.address, self.password, self.server).login()
        self._thread = secrets.token_hex(8)     # one conversation
        self._own = {}                          # id -> own text
        self._accepted = set()
        return self

    def stop(self):
        if self._user:
            self._user.logout()

    # contacts

    def adds(self, contact):
        self._user.tells("subscribe", to=contact)

    def asked_by(self):
        asked = {bare(stanza.sender) for stanza in self._presences() if stanza.type == "subscribe"}
        return sorted(asked - self._accepted)

    def accepts(self, contact):
        self._accepted.add(contact)
        self._user.tells("subscribed", to=contact)

    def contact_state(self, contact):
        devices = {}
        for stanza in self._presences():
            if stanza.type in (None, "unavailable") and bare(stanza.sender) == contact:
                devices[stanza.sender] = stanza
        shows = [stanza.text("show") for stanza in devices.values() if stanza.type is None]
        if shows:
            return SHOWN_AS.get(shows[-1], "online")
        return "offline" if devices else None

    # messages

    def says(self, contact, text, subject=None):
        subject = f"<subject>{escape(subject)}</subject>" if subject else ""
        self._sends(contact, text, subject)

    def shares(self, contact, url):
        self._sends(contact, url, f"<x xmlns='{OUT_OF_BAND}'><url>{escape(url)}</url></x>")

    def shown(self):
        return [Shown(bare(stanza.sender), stanza.body, stanza.subject or "", WINDOWS.get(stanza.type, stanza.type))
                for stanza in self._messages() if stanza.type != "error" and stanza.body]

    def failures(self):
        return [(self._own.get(stanza.id, ""), stanza.error.text or stanza.error.condition)
                for stanza in self._messages() if stanza.type == "error"]

    def types(self, contact):
        self._user.sends_raw(f"<message to={quoteattr(contact)} type='chat'><composing xmlns='{CHAT_STATES}'/>"
                             f"<thread>{self._thread}</thread></message>")

    def typing_seen(self):
        return [bare(stanza.sender) for stanza in self._messages()
                if stanza.find(f"{{{CHAT_STATES}}}composing") is not None]

    def receipts_seen(self):
        marks = []
        for stanza in self._messages():
            for name, tag in (("received", f"{{{RECEIPTS}}}received"), ("displayed", f"{{{MARKERS}}}displayed")):
                mark = stanza.find(tag)
                if mark is not None and stanza.type != "error":
                    marks.append((self._own.get(mark.get("id"), ""), name))
        return marks

    def reads(self, contact):
        last = [stanza for stanza in self._messages()
                if stanza.type != "error" and stanza.body and bare(stanza.sender) == contact][-1:]
        for stanza in last:
            asked = [(f"{{{RECEIPTS}}}request", f"<received xmlns='{RECEIPTS}' id={quoteattr(stanza.id or '')}/>"),
                     (f"{{{MARKERS}}}markable", f"<displayed xmlns='{MARKERS}' id={quoteattr(stanza.id or '')}/>")]
            for question, answer in asked:
                if stanza.find(question) is not None:
                    self._user.sends_raw(f"<message to={quoteattr(stanza.sender)} type='chat'>{answer}</message>")

    # presence on the network

    def signs_out(self):
        self._user.logout()

    def comes_back(self):
        self._user.login()

    # helpers

    def _sends(self, contact, text, more):
        id = f"m-{secrets.token_hex(6)}"
        self._own[id] = text
        self._user.sends_raw(
            f"<message to={quoteattr(contact)} type='chat' id='{id}'><body>{escape(text)}</body>{more}"
            f"<thread>{self._thread}</thread><active xmlns='{CHAT_STATES}'/><request xmlns='{RECEIPTS}'/>"
            f"<markable xmlns='{MARKERS}'/></message>")

    def _messages(self):
        return [stanza for stanza in list(self._user.received) if stanza.kind == "message"]

    def _presences(self):
        return [stanza for stanza in list(self._user.received) if stanza.kind == "presence" and stanza.sender]


def bare(jid):
    return jid.split("/")[0]
