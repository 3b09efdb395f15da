"""Clients that people really use on the SIP side."""

import pytest

from harness.baresip import Baresip
from harness.linphone import Linphone


@pytest.fixture
def bob(town, people):
    return people.starts(Baresip(town.lab, "sip:bob@sip.test", town.kamailio.target, ["sip:juliet@xmpp.test"]))


@pytest.fixture
def dave(town, people):
    return people.starts(Linphone(town.lab, "sip:dave@sip.test", town.kamailio.target))


def test_baresip(juliet, bob):
    """It refuses CPIM with 415, so this is the text form of every message."""
    juliet.says("Good morrow, 👩‍👩‍👧 <cousin>.", to="bob@sip.xmpp.test")
    bob.hears("Good morrow, 👩‍👩‍👧 <cousin>.", sender="sip:juliet@xmpp.test")

    bob.says("Is the day so young? <é>", to="sip:juliet@xmpp.test")
    juliet.hears("Is the day so young? <é>", sender="bob@sip.xmpp.test")

    juliet.says("But new struck nine.", to="bob@sip.xmpp.test")
    bob.hears("But new struck nine.")
    assert juliet.unheard() == []


def test_linphone(juliet, dave):
    """It reads CPIM, and nothing but CPIM as it likes it."""
    juliet.says("Ay me! sad hours <é> seem long.", to="dave@sip.xmpp.test")
    dave.hears("Ay me! sad hours <é> seem long.", sender="sip:juliet@xmpp.test")
    assert "[CPIM] Message is invalid" not in dave.log_text(), dave.log_tail()

    # of a DateTime in January it would say 488, and get bare text
    juliet.sends_raw(
        "<message to='dave@sip.xmpp.test' type='chat' xml:lang='en'><subject>Hi!</subject>"
        "<subject xml:lang='cs'>Ahoj \\ nazdar</subject><body>What light is light?</body>"
        "<nick xmlns='http://jabber.org/protocol/nick'>Juliet \"Jule\" Capulet</nick>"
        "<delay xmlns='urn:xmpp:delay' stamp='2020-06-01T00:00:00Z'/></message>")
    dave.hears("What light is light?", sender="sip:juliet@xmpp.test")
    assert "[CPIM] Message is invalid" not in dave.log_text(), dave.log_tail()

    dave.says("Was that my father?", to="sip:juliet@xmpp.test")
    juliet.hears("Was that my father?", sender="dave@sip.xmpp.test")
    # its own delivery reports must never show as text
    assert juliet.unheard() == []
