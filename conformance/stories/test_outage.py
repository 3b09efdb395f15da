"""The XMPP server goes away and comes back while people talk. The gateway is never restarted."""

import pytest

from harness.prosody import Prosody
from harness.town import SECRET, Town
from harness.waiting import until

PROXY_PATIENCE_MS = 30_000      # Kamailio's own default; it must be longer than the gateway's grace of 5 s
PATIENCE = 25                   # longer than the grace, shorter than a SIP transaction's 32 s


@pytest.fixture(scope="module")
def town():
    with Town(patience_ms=PROXY_PATIENCE_MS) as town:
        yield town


def test_a_message_sent_in_a_short_outage_arrives_once(town, people):
    romeo, juliet = people.sip("romeo"), people.xmpp("juliet")
    romeo.says("before", to="juliet@xmpp.test")
    juliet.hears("before")

    town.xmpp_server.stop()
    pending = romeo.sends("during", to="juliet@xmpp.test")
    town.xmpp_server.start()
    juliet = people.xmpp("juliet", resource="again", keep_offline=True)

    assert pending.wait(PATIENCE).status == 200
    juliet.hears("during")
    town.stox.waits_for_link("up")
    romeo.says("after", to="juliet@xmpp.test")
    juliet.hears("after")
    assert juliet.unheard() == []


def test_a_killed_server_comes_back(town, people):
    romeo = people.sip("romeo")
    town.xmpp_server.kill()
    town.xmpp_server.start()
    juliet = people.xmpp("juliet")
    town.stox.waits_for_link("up")

    romeo.says("still there?", to="juliet@xmpp.test")
    juliet.hears("still there?")
    juliet.says("yes", to="romeo@sip.xmpp.test")
    romeo.hears("yes")


class TestBehindNoProxy:
    """A proxy must turn a 503 into something else (RFC 3261 §16.7), so here romeo stands in its place."""

    @pytest.fixture
    def town(self):
        with Town(scripted_proxy=True) as town:
            yield town

    @pytest.fixture
    def romeo(self, town):
        return town.proxy

    def test_a_long_outage_is_told_to_sip(self, town, people, romeo):
        assert options_status(romeo, town) == 200
        town.xmpp_server.stop()

        refusal = romeo.says("hello?", to="juliet@xmpp.test", expect=503, within=PATIENCE).final
        assert seconds_of(refusal["Retry-After"]) > 0
        until(lambda: options_status(romeo, town) == 503, "OPTIONS is answered 503", within=PATIENCE, every=0.5)

        town.xmpp_server.start()
        juliet = people.xmpp("juliet")
        until(lambda: options_status(romeo, town) == 200, "OPTIONS is answered 200", within=40, every=0.5)
        romeo.says("back again?", to="juliet@xmpp.test")
        juliet.hears("back again?")
        juliet.says("back again", to="romeo@sip.xmpp.test")
        romeo.hears("back again")


class TestTwoServers:
    @pytest.fixture
    def town(self):
        """xmpp.test and mantua.test behind one gateway."""
        town = Town(scripted_proxy=True)
        town.mantua = Prosody(town.lab, hosts=["mantua.test"], components={"sip.mantua.test": SECRET}, octet=14,
                              name="mantua").start()
        links = [("sip.xmpp.test", town.xmpp_server), ("sip.mantua.test", town.mantua)]
        town.stox.config["xmpp"] = {"components": [
            {"component": name, "server": server.component_address, "secret": SECRET} for name, server in links]}
        town.stox.config["domains"] += [{"xmpp": "sip.mantua.test", "sip": "sip.test"},
                                        {"xmpp": "mantua.test", "sip": "mantua.test"}]
        with town:
            yield town

    def test_err_096_one_away_then_both_then_one_back(self, town, people):
        romeo, juliet = town.proxy, people.xmpp("juliet")

        town.mantua.stop()
        refusal = romeo.says("hello, Mantua?", to="juliet@mantua.test", expect=480, within=PATIENCE).final
        assert seconds_of(refusal["Retry-After"]) > 0
        romeo.says("hello, Verona?", to="juliet@xmpp.test")
        juliet.hears("hello, Verona?")

        town.xmpp_server.stop()
        refusal = romeo.says("anybody?", to="juliet@xmpp.test", expect=503).final
        assert seconds_of(refusal["Retry-After"]) > 0

        town.xmpp_server.start()
        until(lambda: link_is_up(town, "sip.xmpp.test"), "Verona's link is up", within=40, every=0.1)
        town.xmpp_server.stop()
        pending = romeo.sends("once only", to="juliet@xmpp.test")
        town.xmpp_server.start()
        juliet = people.xmpp("juliet", resource="back", keep_offline=True)
        assert pending.wait(PATIENCE).status == 200
        juliet.hears("once only")
        romeo.says("a marker", to="juliet@xmpp.test")
        juliet.hears("a marker")


def options_status(romeo, town):
    return romeo.asks("OPTIONS", f"sip:{town.stox.address}", target=town.stox.target).status


def link_is_up(town, component):
    return any(link["component"] == component and link["state"] == "up" for link in town.stox.status()["links"])


def seconds_of(retry_after):
    """RFC 3261 §20.33: seconds, then perhaps a comment and parameters."""
    return int(retry_after.split("(")[0].split(";")[0])
