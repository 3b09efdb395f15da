"""
Messages that are as large as somebody can make them: they concern who made them, and nobody else.

Two bystanders talk meanwhile, and everything that they say arrives.
"""

import pytest

from harness.town import Town
from harness.waiting import until

from test_watched_by_sip_users import watching  # noqa: F401
from test_watching_sip_users import asked, shown  # noqa: F401

# The largest datagram that Kamailio takes from a phone and still sends on with what it adds.
THROUGH_A_PROXY = 65_369


@pytest.fixture(scope="module")
def ejabberd():
    """The component's listener as in examples/ejabberd-listener.yml, with the same bound as the gateway."""
    with Town(xmpp_domain="ejab.test", component="sip.ejab.test", xmpp_server="ejabberd",
              presence={"notify_interval": "0s"}) as town:
        yield town


@pytest.fixture(scope="module")
def by_tcp():
    """Kamailio closes a TCP connection for a message of 15 to 20 kB."""
    with Town(transport="tcp", presence={"notify_interval": "0s"}) as town:
        yield town


@pytest.fixture
def bystanders(people, town):
    """`bystanders(10)`: nurse and benvolio say ten things each, and hear all of them."""
    nurse, friend = people.xmpp("nurse"), people.sip("friend")
    said = iter(range(1_000_000))

    def talk(count):
        texts = [f"bystander {next(said)}" for _ in range(count)]
        for text in texts:
            nurse.says(text, to=town.jid_of("friend"))
            friend.says(text, to=town.uri_of("nurse"))
        for text in texts:
            friend.hears(text)
            nurse.hears(text)
    talk(1)
    return talk


def is_calm(town):
    """Neither a link nor a peer was lost, and nobody was told of a failure."""
    counters = town.stox.status()["counters"]
    assert counters["xmpp_quarantined"] == counters["xmpp_replayed"] == 0
    assert counters["xmpp_to_sip_failed"] == counters["sip_servers_lost"] == 0
    log = town.stox.log_text()
    assert "component link down" not in log and "SIP peer down" not in log


def filled(phone, method, to, octets, **request):
    """A request whose Call-ID fills it up to so many octets."""
    request = phone.make(method, to, call_id="x", **request)
    rest = octets - len(request.to_bytes())
    request.headers = [(name, value + "x" * rest if name == "Call-ID" else value) for name, value in request.headers]
    assert len(request.to_bytes()) == octets
    return request


class TestAServerThatClosesForALargeStanza:
    @pytest.fixture
    def town(self, ejabberd):
        return ejabberd

    def test_arch_044_a_note_of_sixty_thousand_characters(self, town, juliet, shown, bystanders):  # noqa: F811
        """Each becomes five octets in a stanza."""
        _, sight = shown("verbose")
        jid = town.jid_of("verbose")
        document = ("<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:verbose@sip.test'><tuple id='desk'><status>"
                    f"<basic>open</basic></status><note><![CDATA[{'&' * 62_000}]]></note></tuple></presence>")
        sight.notifies("active;expires=600", body=document.encode())
        juliet.sees(f"{jid}/desk", status="&" * 1_023 + "…")
        bystanders(10)
        sight.notifies("active;expires=600", body=document.encode())
        bystanders(10)
        assert juliet.unseen(jid) == []
        is_calm(town)

        town.stox.stop()
        town.stox.start()
        town.stox.waits_for_link("up")
        juliet.sees(f"{jid}/desk", status="&" * 1_023 + "…")
        bystanders(10)
        is_calm(town)

    def test_arch_044_a_message_that_makes_too_large_a_stanza(self, town, juliet, romeo, bystanders):
        for text, headers in (("&" * 4_000, [("Subject", "&" * 55_000)]), ("&" * 55_000, [])):
            for _ in range(3):
                romeo.says(text, to=town.uri_of("juliet"), headers=headers, expect=413)
                bystanders(3)
        assert juliet.unheard() == []
        is_calm(town)

    def test_msg_034_a_language_that_is_none(self, town, juliet, romeo, bystanders):
        """ejabberd answers such an xml:lang with an error, RFC 6120 §4.7.4."""
        for number, language in enumerate(("-", "1-", "en-", "en_US!", "a" * 20_000)):
            romeo.says(f"word {number}", to=town.uri_of("juliet"), headers=[("Content-Language", language)])
            juliet.hears(f"word {number}")
            bystanders(1)
        is_calm(town)


class TestAProxyByUdp:
    @pytest.fixture
    def town(self, verona):
        return verona

    def test_a_request_that_fills_a_datagram(self, town, people, juliet, romeo, bystanders):
        """Its response would not fit into one, and fails nothing that is on its way to the same address."""
        slow = people.sip("slow")
        slow.loses(1)
        juliet.says("on its way", to=town.jid_of("slow"))
        before = town.stox.status()["counters"]
        for octets in range(THROUGH_A_PROXY - 400, THROUGH_A_PROXY + 1, 50):
            romeo.begin(filled(romeo, "MESSAGE", town.uri_of("juliet"), octets, body=b"x", content_type="text/plain"))
            bystanders(1)
        slow.hears("on its way", within=30)
        after = town.stox.status()["counters"]
        for name in ("xmpp_to_sip_failed", "sip_servers_lost", "xmpp_to_sip_rerouted"):
            assert after[name] == before[name], name
        romeo.forget()


class TestAProxyByTcp:
    @pytest.fixture
    def town(self, by_tcp):
        return by_tcp

    def test_a_status_of_a_hundred_thousand_octets(self, town, juliet, watching, bystanders):  # noqa: F811
        _, watch = watching("patient")
        for length in (14_000, 20_000, 30_000):
            juliet.shows(status="&" * length)
            notes = watch.hears("active").tuples["ID-balcony"].notes
            assert notes == ("&" * 1_023 + "…",)
            bystanders(5)
            juliet.shows(status="short")
            until(lambda: watch.hears("active").tuples["ID-balcony"].notes == ("short",), "the next status is told")
        is_calm(town)
        assert town.stox.counter("sip_quarantined") == 0

    def test_more_devices_than_a_document_holds(self, town, people, juliet, watching, bystanders):  # noqa: F811
        _, watch = watching("curious")
        devices = [people.xmpp("juliet", resource=f"{number}-{'d' * 300}") for number in range(24)]
        for device in devices:
            device.shows(status="w" * 900)
        bystanders(5)
        until(lambda: town.stox.counter("sip_too_large_cut") > 0, "a document was made smaller")
        while notifies := watch.unheard():
            heard = [watch.hears("active") for _ in notifies]
            assert all(len(notify.body) <= 8_192 for notify in heard)
        is_calm(town)
