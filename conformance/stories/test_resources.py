"""
Devices whose names have characters newer than Unicode 3.2, which the servers' stringprep does not know.

Prosody 0.12.3 and ejabberd 23.01 bind no such resource for users of their own, but stanzas that come from elsewhere, as
from another server or from a bridge, may have one: here a bridge, a second component, speaks for somebody.
"""

import hashlib
import socket
from xml.etree import ElementTree

import pytest

from harness.town import SECRET, Town
from harness.waiting import PATIENCE

PHONE = "\N{MOBILE PHONE}"          # Unicode 6.0
ROBOT = "\N{ROBOT FACE}"            # Unicode 8.0
ESCAPED = {PHONE: "%F0%9F%93%B1", ROBOT: "%F0%9F%A4%96"}
BRIDGE = "bridge.test"
RULES = "to_sip: { resource: gr }\nto_xmpp: { resource: gr }\n"


class Bridge:
    """A component in the server's clear text (XEP-0114)."""

    def __init__(self, server):
        self._socket = socket.create_connection((server.address, 5347), timeout=PATIENCE)
        self._reader = ElementTree.XMLPullParser(events=("start", "end"))
        self._depth = 0
        self._writes("<stream:stream xmlns='jabber:component:accept' "
                     f"xmlns:stream='http://etherx.jabber.org/streams' to='{BRIDGE}'>")
        header = self._next(opening=True)
        digest = hashlib.sha1((header.get("id") + SECRET).encode()).hexdigest()
        self._writes(f"<handshake>{digest}</handshake>")
        assert self.hears().tag.endswith("}handshake")

    def _writes(self, text):
        self._socket.sendall(text.encode())

    def says(self, stanza):
        self._writes(stanza)

    def hears(self):
        """The next stanza."""
        return self._next(opening=False)

    def close(self):
        self._socket.close()

    def _next(self, opening):
        while True:
            for event, element in self._reader.read_events():
                self._depth += 1 if event == "start" else -1
                if (opening and event == "start") or (not opening and event == "end" and self._depth == 1):
                    return element
            octets = self._socket.recv(65_536)
            assert octets, "the server closed the stream"
            self._reader.feed(octets)


def town_with(kind):
    town = Town(xmpp_server=kind, rules="rules", routes=[BRIDGE], stream_components={BRIDGE: SECRET})
    town.stox.config["domains"].append({"xmpp": BRIDGE, "sip": BRIDGE})
    folder = town.stox.folder / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "addresses.yaml").write_text(RULES, encoding="utf-8")
    return town


@pytest.fixture(scope="class")
def bridge(town):
    bridge = Bridge(town.xmpp_server)
    yield bridge
    bridge.close()


def condition(stanza):
    """The condition of an error (RFC 6120 §8.3.3)."""
    [error] = [child for child in stanza if child.tag.endswith("}error")]
    return error[0].tag.split("}")[1]


class TestWithProsody:
    """It lets them pass as they are."""

    @pytest.fixture(scope="class")
    def town(self):
        with town_with("prosody") as town:
            yield town

    @pytest.mark.parametrize("name", [PHONE, ROBOT])
    def test_addr_049_messages_cross_both_ways(self, bridge, romeo, name):
        sender = f"juliet@{BRIDGE}/{name}"
        bridge.says(f"<message from='{sender}' to='romeo@sip.xmpp.test' type='chat' id='m1'><body>from {name}</body></message>")
        heard = romeo.hears(f"from {name}")
        assert f"juliet@{BRIDGE};gr={ESCAPED[name]}" in heard["From"], heard["From"]

        romeo.says("an answer", to=f"juliet@{BRIDGE};gr={ESCAPED[name]}", from_uri=f"{romeo.uri};gr={ESCAPED[name]}")
        answer = bridge.hears()
        assert (answer.get("from"), answer.get("to")) == (f"romeo@sip.xmpp.test/{name}", sender)
        assert answer.findtext("{jabber:component:accept}body") == "an answer"

    def test_a_request_is_answered_to_the_device_that_asked(self, bridge):
        sender = f"juliet@{BRIDGE}/{PHONE}"
        bridge.says(f"<iq from='{sender}' to='sip.xmpp.test' type='get' id='q1'>"
                    "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
        answer = bridge.hears()
        assert (answer.get("type"), answer.get("to")) == ("result", sender)


class TestWithEjabberd:
    """It refuses them itself, and its streams stand."""

    @pytest.fixture(scope="class")
    def town(self):
        with town_with("ejabberd") as town:
            yield town

    def test_nothing_comes_to_the_gateway(self, town, bridge):
        bridge.says(f"<message from='juliet@{BRIDGE}/{PHONE}' to='romeo@sip.xmpp.test' id='m1'><body>x</body></message>")
        assert condition(bridge.hears()) == "bad-request"
        assert town.stox.counter("xmpp_malformed") == 0

    def test_a_sip_user_with_such_a_device_is_told(self, bridge, romeo):
        refused = romeo.says("from a robot", to=f"juliet@{BRIDGE}", from_uri=f"{romeo.uri};gr={ESCAPED[ROBOT]}",
                             expect=None).final
        assert refused.status == 400, refused
        romeo.says("without a name", to=f"juliet@{BRIDGE}")
        assert bridge.hears().findtext("{jabber:component:accept}body") == "without a name"
