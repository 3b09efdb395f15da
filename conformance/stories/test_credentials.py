"""The proxy wants to know who the gateway is (RFC 3261 §22): Kamailio challenges what comes from it."""

import pytest

from harness.pidf import Tuple
from harness.town import Town


@pytest.fixture(scope="module")
def town():
    town = Town()
    town.kamailio.defines.append("WITH_TRUNK_CHALLENGE")
    [peer] = town.stox.config["sip"]["peers"]
    peer["auth"] = {"realm": "sip.test", "username": "gateway", "password": "trunkpw"}
    with town:
        yield town


def test_the_gateway_says_who_it_is(town, juliet, romeo):
    juliet.says("let me in", to="romeo@sip.xmpp.test")
    romeo.hears("let me in")
    romeo.says("come in", to="juliet@xmpp.test")
    juliet.hears("come in")
    assert town.stox.counter("sip_authorized") == 1


def test_it_says_so_when_it_asks_for_presence(town, people, juliet):
    romeo, jid = people.phone("gatekeeper"), town.jid_of("gatekeeper")
    juliet.tells("subscribe", to=jid)
    sight = romeo.is_asked()
    sight.notifies("active;expires=600", Tuple("desk"))
    juliet.is_told("subscribed", jid)
    juliet.sees(f"{jid}/desk")
    juliet.tells("unsubscribe", to=jid)
    assert sight.is_refreshed()["Expires"] == "0"
    juliet.sees_gone(f"{jid}/desk")


def test_it_is_asked_once_and_not_for_each_message(town, juliet, romeo):
    juliet.says("first", to="romeo@sip.xmpp.test")
    romeo.hears("first")
    before = town.stox.counter("sip_authorized")
    for number in range(10):
        juliet.says(f"{number}", to="romeo@sip.xmpp.test")
    for number in range(10):
        romeo.hears(f"{number}")
    assert town.stox.counter("sip_authorized") == before


def test_a_wrong_password_is_told_to_the_sender(town, juliet, romeo):
    [peer] = town.stox.config["sip"]["peers"]
    town.stox.stop()
    peer["auth"]["password"] = "wrong"
    town.stox.start()
    juliet.says("let me in", to="romeo@sip.xmpp.test", id="shut-out")
    juliet.gets_error("shut-out", condition="registration-required")
    assert "wrong" not in town.stox.log_text().replace("wrong password", "")

    town.stox.stop()
    peer["auth"]["password"] = "trunkpw"
    town.stox.start()
    juliet.says("once more", to="romeo@sip.xmpp.test")
    romeo.hears("once more")
