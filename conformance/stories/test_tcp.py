"""The gateway and the proxy talk over TCP."""

import pytest

from harness.town import Town

from conftest import PRESENT
from test_watched_by_sip_users import (  # noqa: F401 (the same here)
    test_both_see_each_other, test_the_xmpp_user_grants_a_request)
from test_watching_sip_users import TestAtAPresenceServer  # noqa: F401


@pytest.fixture(scope="module")
def town():
    with Town(transport="tcp", present=PRESENT, limits={"queue_per_target": 2000},
              sip={"options_interval": "1s"}, presence={"notify_interval": "0s"}) as town:
        yield town


def test_they_talk(juliet, romeo):
    juliet.says("hello <é> & 👩‍👩‍👧", to="romeo@sip.xmpp.test")
    assert romeo.hears("hello <é> & 👩‍👩‍👧").vias[-1].startswith("SIP/2.0/TCP ")
    romeo.says("good day", to="juliet@xmpp.test")
    juliet.hears("good day")


def test_many_messages_keep_their_order(juliet, romeo):
    for number in range(200):
        juliet.says(f"{number}", to="romeo@sip.xmpp.test")
    for number in range(200):
        romeo.says(f"{number}", to="juliet@xmpp.test")
    for number in range(200):
        romeo.hears(f"{number}", within=30)
        juliet.hears(f"{number}")


def test_a_proxy_that_restarts(town, people):
    """Connections die with it; the next message opens a new one."""
    juliet = people.xmpp("juliet")
    town.kamailio.stop()
    town.kamailio.start()
    town.stox.waits_for_peer("core", "up")
    romeo = people.sip("romeo")
    juliet.says("back?", to="romeo@sip.xmpp.test")
    romeo.hears("back?")
    romeo.says("back", to="juliet@xmpp.test")
    juliet.hears("back")


def test_a_proxy_that_is_away_while_the_presence_changes(town, people, juliet):
    """What could not be told is told when the proxy is back, without another change."""
    watch = people.phone("steadfast").watches(town.uri_of("juliet"))
    watch.hears("pending")
    juliet.is_told("subscribe", town.jid_of("steadfast"))
    juliet.tells("subscribed", to=town.jid_of("steadfast"))
    watch.sees(balcony="")
    town.kamailio.kill()
    juliet.shows(show="dnd")
    juliet.asks("<ping xmlns='urn:xmpp:ping'/>", to=town.component)     # the gateway has read that
    town.kamailio.start()
    watch.sees(balcony="dnd")
