"""The gateway and the proxy talk over TCP."""

import pytest

from harness.town import Town


@pytest.fixture(scope="module")
def town():
    with Town(transport="tcp", limits={"queue_per_target": 2000}) as town:
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
