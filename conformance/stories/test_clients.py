"""Clients that people really use on the SIP side."""

import subprocess

import pytest

from harness.baresip import Baresip
from harness.certificates import Certificates
from harness.linphone import Linphone
from harness.sip_ua import spoken_text
from harness.sipp import Sipp
from harness.tls_front import TlsFront
from harness.town import password_of


@pytest.fixture
def bob(town, people):
    return people.starts(Baresip(town.lab, "sip:bob@sip.test", town.kamailio.target, [town.uri_of("juliet")]))


@pytest.fixture
def dave(town, people):
    return people.starts(Linphone(town.lab, "sip:dave@sip.test", town.kamailio.target))


def test_baresip(town, juliet, bob):
    """It refuses CPIM with 415, so this is the text form of every message."""
    juliet.says("Good morrow, 👩‍👩‍👧 <cousin>.", to=town.jid_of("bob"))
    bob.hears("Good morrow, 👩‍👩‍👧 <cousin>.", sender=town.uri_of("juliet"))

    bob.says("Is the day so young? <é>", to=town.uri_of("juliet"))
    juliet.hears("Is the day so young? <é>", sender=town.jid_of("bob"))

    juliet.says("But new struck nine.", to=town.jid_of("bob"))
    bob.hears("But new struck nine.")
    assert juliet.unheard() == []


def test_linphone(town, juliet, dave):
    """It reads CPIM, and nothing but CPIM as it likes it."""
    juliet.says("Ay me! sad hours <é> seem long.", to=town.jid_of("dave"))
    dave.hears("Ay me! sad hours <é> seem long.", sender=town.uri_of("juliet"))
    assert "[CPIM] Message is invalid" not in dave.log_text(), dave.log_tail()

    # of a DateTime in January it would say 488, and get bare text
    juliet.sends_raw(
        f"<message to='{town.jid_of('dave')}' type='chat' xml:lang='en'><subject>Hi!</subject>"
        "<subject xml:lang='cs'>Ahoj \\ nazdar</subject><body>What light is light?</body>"
        "<nick xmlns='http://jabber.org/protocol/nick'>Juliet \"Jule\" Capulet</nick>"
        "<delay xmlns='urn:xmpp:delay' stamp='2020-06-01T00:00:00Z'/></message>")
    dave.hears("What light is light?", sender=town.uri_of("juliet"))
    assert "[CPIM] Message is invalid" not in dave.log_text(), dave.log_tail()

    dave.says("Was that my father?", to=town.uri_of("juliet"))
    juliet.hears("Was that my father?", sender=town.jid_of("dave"))
    # its own delivery reports must never show as text
    assert juliet.unheard() == []


def test_one_user_with_two_clients_at_once(town, people, juliet):
    """
    Kamailio forks to both. Linphone's 200 hides Baresip's 415, so until Baresip has said something its user reads
    juliet with Linphone alone; from then on both show everything. She is told of no error and hears nobody twice.
    """
    linphone = people.starts(Linphone(town.lab, "sip:twice@sip.test", town.kamailio.target, name="linphone-twice"))
    baresip = people.starts(Baresip(town.lab, "sip:twice@sip.test", town.kamailio.target, ["sip:juliet@xmpp.test"],
                                    name="baresip-twice"))
    juliet.says("to whoever reads it", to="twice@sip.xmpp.test")
    linphone.hears("to whoever reads it", sender="sip:juliet@xmpp.test")

    baresip.says("on my desk", to="sip:juliet@xmpp.test")
    juliet.hears("on my desk", sender="twice@sip.xmpp.test")
    juliet.says("to both of you", to="twice@sip.xmpp.test")
    linphone.hears("to both of you", sender="sip:juliet@xmpp.test")
    baresip.hears("to both of you", sender="sip:juliet@xmpp.test")

    linphone.says("and in my pocket", to="sip:juliet@xmpp.test")
    juliet.hears("and in my pocket", sender="twice@sip.xmpp.test")
    assert juliet.unheard() == []


def test_sipp(town, people, juliet):
    """SIPp sends a hundred MESSAGEs by its own state machine, and each gets one 200."""
    sipp = Sipp(town.lab, target=town.kamailio.target, user="sipp", domain="sip.test", to="sip:juliet@xmpp.test")
    assert sipp.sends(100) == {"successful": 100, "failed": 0, "retransmitted": 0}
    heard = [juliet.hears().body for _ in range(100)]
    assert sorted(heard, key=int) == [str(number) for number in range(1, 101)]
    assert juliet.unheard() == []


@pytest.fixture
def direct_tls(town, tmp_path):
    """XMPP with TLS from the first octet before Prosody's clear port; go-sendxmpp logs in by nothing less."""
    certificates = Certificates(tmp_path, town.xmpp_server.address, "xmpp.test")
    front = TlsFront((town.xmpp_server.address, 5223), (town.xmpp_server.address, 5222), certificates)
    yield f"{town.xmpp_server.address}:5223"
    front.stop()


def test_go_sendxmpp(town, romeo, direct_tls):
    """A command line client, of another library than slixmpp, writes to a SIP user."""
    sent = subprocess.run(
        ["go-sendxmpp", "-t", "-n", "-u", "nurse@xmpp.test", "-p", password_of("nurse"), "-j", direct_tls,
         "romeo@sip.xmpp.test"],
        input="from a shell, <é> & 👩‍👩‍👧", text=True, capture_output=True, timeout=30, check=False)
    assert sent.returncode == 0, sent.stderr
    assert spoken_text(romeo.gets()).strip() == "from a shell, <é> & 👩‍👩‍👧"
