"""The proxy is a name: NAPTR, SRV and a first server that is dead (RFC 3263)."""

import pytest

from harness.name_server import NameServer
from harness.town import Town

NOBODY = 98     # the last octet of an address where nothing answers


def zone_of(town, transport="udp"):
    """core.test has two servers: first one that is dead, then Kamailio."""
    return {
        ("core.test", "NAPTR"): [f'10 50 "s" "SIP+D2{transport[0].upper()}" "" _sip._{transport}.core.test.'],
        (f"_sip._{transport}.core.test", "SRV"): ["1 10 5060 dead.core.test.", "2 10 5060 alive.core.test."],
        ("dead.core.test", "A"): [town.lab.address(NOBODY)],
        ("alive.core.test", "A"): [town.kamailio.address],
    }


def by_name(town, **zone):
    """The same town, and the gateway knows the proxy by its name."""
    town.names = NameServer(town.lab, zone_of(town, **zone))
    [peer] = town.stox.config["sip"]["peers"]
    peer["uri"] = "sip:core.test"
    town.stox.config["sip"].update(dns={"servers": [town.names.server]})
    return town


@pytest.fixture(params=["udp", "tcp"])
def town(request):
    with by_name(Town(transport=request.param), transport=request.param) as town:
        town.by = request.param
        yield town


def test_the_first_server_is_dead_and_people_talk(town, juliet, romeo):
    juliet.says("by the second server", to="romeo@sip.xmpp.test")
    heard = romeo.hears("by the second server")
    assert heard.vias[-1].startswith(f"SIP/2.0/{town.by.upper()} ")
    romeo.says("and back", to="juliet@xmpp.test")
    juliet.hears("and back")

    before = len(town.names.asked)
    for number in range(20):
        juliet.says(f"{number}", to="romeo@sip.xmpp.test")
    for number in range(20):
        romeo.hears(f"{number}")
    assert len(town.names.asked) == before, "each message asks the DNS"


class TestBeforeAnybodyIsKnownToBeDead:
    @pytest.fixture
    def town(self):
        """Peers are not watched, so the first message finds out."""
        town = by_name(Town(transport="tcp"), transport="tcp")
        town.stox.config["sip"].update(options_interval="0s")
        town.stox.start_within = 30
        town.stox.ready = lambda: all(link["state"] == "up" for link in (town.stox.status() or {"links": [{"state": ""}]})["links"])
        with town:
            yield town

    def test_the_message_goes_on_to_the_second(self, town, juliet, romeo):
        juliet.says("refused there, taken here", to="romeo@sip.xmpp.test")
        romeo.hears("refused there, taken here")
        assert town.stox.counter("xmpp_to_sip_rerouted") == 1
        assert juliet.unheard() == []


class TestWithoutNaptr:
    @pytest.fixture
    def town(self):
        """Both transports have SRV; a message takes the one that controls congestion (MSG-015)."""
        town = by_name(Town(transport="tcp"))
        del town.names.zone["core.test", "NAPTR"]
        for transport in ("udp", "tcp"):
            town.names.zone[f"_sip._{transport}.core.test", "SRV"] = ["1 10 5060 alive.core.test."]
        with town:
            yield town

    def test_msg_015_tcp_is_chosen(self, juliet, romeo):
        juliet.says("by TCP", to="romeo@sip.xmpp.test")
        assert romeo.hears("by TCP").vias[-1].startswith("SIP/2.0/TCP ")


def test_a_name_that_leads_nowhere_is_told(town, juliet):
    town.stox.stop()
    town.names.zone.clear()
    town.stox.launch_with_config()
    town.stox.waits_for_link("up")
    town.stox.complains("its name leads to no address")
    juliet.says("anybody?", to="romeo@sip.xmpp.test", id="lost")
    juliet.gets_error("lost", condition="internal-server-error")
    checked = town.stox.check("--connect")
    assert checked.returncode != 0
    assert "leads to no address" in checked.stdout + checked.stderr
