"""Clients that people really use on the SIP side."""

import json
import subprocess

import pytest

from harness.baresip import Baresip
from harness.certificates import Certificates
from harness.linphone import Linphone
from harness.sip_ua import spoken_text
from harness.sipp import Sipp
from harness.tls_front import TlsFront
from harness.town import password_of
from harness.waiting import until


@pytest.fixture
def bob(town, people):
    return people.starts(Baresip(town.lab, "sip:bob@sip.test", town.kamailio.target, [town.uri_of("juliet")]))


@pytest.fixture
def dave(town, people):
    return people.starts(Linphone(town.lab, "sip:dave@sip.test", town.kamailio.target))


def test_baresip(town, juliet, bob):
    """It reads bare text alone, and gets nothing else."""
    juliet.says("Good morrow, 👩‍👩‍👧 <cousin>.", to=town.jid_of("bob"))
    bob.hears("Good morrow, 👩‍👩‍👧 <cousin>.", sender=town.uri_of("juliet"))

    bob.says("Is the day so young? <é>", to=town.uri_of("juliet"))
    juliet.hears("Is the day so young? <é>", sender=town.jid_of("bob"))

    juliet.says("But new struck nine.", to=town.jid_of("bob"))
    bob.hears("But new struck nine.")
    assert juliet.unheard() == []


def test_linphone(town, juliet, dave):
    """It reads CPIM, and nothing but CPIM as it likes it: so it gets objects, once it has said its name."""
    juliet.says("Ay me! sad hours <é> seem long.", to=town.jid_of("dave"))
    dave.hears("Ay me! sad hours <é> seem long.", sender=town.uri_of("juliet"))

    # of a DateTime in January it would say 488, and get bare text
    juliet.sends_raw(
        f"<message to='{town.jid_of('dave')}' type='chat' xml:lang='en'><subject>Hi!</subject>"
        "<subject xml:lang='cs'>Ahoj \\ nazdar</subject><body>What light is light?</body>"
        "<nick xmlns='http://jabber.org/protocol/nick'>Juliet \"Jule\" Capulet</nick>"
        "<delay xmlns='urn:xmpp:delay' stamp='2020-06-01T00:00:00Z'/></message>")
    dave.hears("What light is light?", sender=town.uri_of("juliet"))
    assert "[CPIM] Message is invalid" not in dave.log_text(), dave.log_tail()
    # the 200 to the first message named it, and nothing has refused an object since
    assert form_of(town, "dave") == "cpim"

    dave.says("Was that my father?", to=town.uri_of("juliet"))
    juliet.hears("Was that my father?", sender=town.jid_of("dave"))
    # its own delivery reports must never show as text
    assert juliet.unheard() == []


def test_linphone_shows_every_line_of_a_thread(town, juliet, dave):
    """It takes a second MESSAGE of one Call-ID for a copy of the first, says 200, and shows nothing."""
    lines = [f"line {number}" for number in range(1, 21)]
    for line in lines:
        juliet.says(line, to=town.jid_of("dave"), thread="balcony")
    dave.hears(lines[-1])
    assert dave.shown() == lines, dave.log_tail(60)
    assert juliet.unheard() == []


def test_linphone_shows_what_it_refused_as_an_object(town, people, juliet):
    """It refuses every DateTime of a January: the same message comes again as text, under the same Call-ID."""
    erin = people.starts(Linphone(town.lab, "sip:erin@sip.test", town.kamailio.target, name="linphone-erin", traced=True))
    juliet.says("first", to=town.jid_of("erin"))
    erin.hears("first")
    juliet.sends_raw(f"<message to='{town.jid_of('erin')}' type='chat'><body>kept since winter</body>"
                     "<delay xmlns='urn:xmpp:delay' stamp='2020-01-07T00:00:00Z'/></message>")
    erin.hears("kept since winter")
    assert "[CPIM] Message is invalid" in erin.log_text()

    first, refused, again = until(lambda: erin.taken() if erin.taken()[-1][2] else None, "it answers the last")
    assert [first[1:], refused[1:], again[1:]] == [
        ("text/plain", 200), ("message/cpim", 488), ("text/plain", 200)]
    assert refused[0] == again[0] != first[0]
    assert erin.shown() == ["first", "kept since winter"]
    assert juliet.unheard() == []


def test_one_user_with_two_clients_at_once(town, people, juliet):
    """
    Kamailio forks to both, and the 200 of one would hide the 415 of the other. Nobody misses anything: both get bare
    text, before either has said a word and after, as one of them is not known to read objects.
    """
    linphone = people.starts(Linphone(town.lab, "sip:twice@sip.test", town.kamailio.target, name="linphone-twice"))
    baresip = people.starts(Baresip(town.lab, "sip:twice@sip.test", town.kamailio.target, ["sip:juliet@xmpp.test"],
                                    name="baresip-twice"))
    juliet.says("to whoever reads it", to="twice@sip.xmpp.test")
    linphone.hears("to whoever reads it", sender="sip:juliet@xmpp.test")
    baresip.hears("to whoever reads it", sender="sip:juliet@xmpp.test")

    baresip.says("on my desk", to="sip:juliet@xmpp.test")
    juliet.hears("on my desk", sender="twice@sip.xmpp.test")
    linphone.says("and in my pocket", to="sip:juliet@xmpp.test")
    juliet.hears("and in my pocket", sender="twice@sip.xmpp.test")
    assert form_of(town, "twice") == "text"

    juliet.says("to both of you", to="twice@sip.xmpp.test")
    linphone.hears("to both of you", sender="sip:juliet@xmpp.test")
    baresip.hears("to both of you", sender="sip:juliet@xmpp.test")
    assert linphone.shown() == ["to whoever reads it", "to both of you"]
    assert juliet.unheard() == []


def form_of(town, sip_user):
    """The form in which the gateway would write to a SIP user now."""
    known = town.stox.run_command("explain", town.jid_of(sip_user), "--json", within=20)
    return json.loads(known.stdout)["target"]["form"]


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
