"""The same talk with ejabberd as the XMPP server."""

import pytest

from harness.town import Town

from conftest import PRESENT
from test_clients import bob, dave, test_baresip, test_linphone  # noqa: F401 (the same stories, in this town)
from test_watched_by_sip_users import (  # noqa: F401
    test_a_sip_user_watches_no_more, test_both_see_each_other, test_the_xmpp_user_grants_a_request,
    test_the_xmpp_user_refuses, test_the_xmpp_user_removes_the_contact_from_the_roster,
    test_the_xmpp_user_revokes_it_later, watching)
from test_watching_sip_users import TestAtAPresenceServer, TestThePhoneAnswers, asked, shown  # noqa: F401


@pytest.fixture(scope="module")
def town():
    with Town(xmpp_domain="ejab.test", component="sip.ejab.test", xmpp_server="ejabberd", present=PRESENT,
              presence={"notify_interval": "0s"}) as town:
        yield town


def test_they_talk(juliet, romeo):
    juliet.says("hello <é> & 👩‍👩‍👧", to="romeo@sip.ejab.test")
    romeo.hears("hello <é> & 👩‍👩‍👧")
    romeo.says("good day <é> & 👩‍👩‍👧", to="juliet@ejab.test")
    juliet.hears("good day <é> & 👩‍👩‍👧", sender="romeo@sip.ejab.test")


def test_an_unknown_sip_user(juliet):
    sent = juliet.says("hello", to="nobody@sip.ejab.test")
    juliet.gets_error(sent, "item-not-found", "cancel")


def test_an_unknown_xmpp_user_is_never_a_success(juliet, romeo):
    for number in range(20):
        romeo.says("hello", to="nobody@ejab.test", expect=403)
        romeo.says(f"{number}", to="juliet@ejab.test")
        juliet.hears(f"{number}")


def test_they_talk_on_after_a_restart(town, people):
    romeo = people.sip("romeo")
    town.xmpp_server.stop()
    town.xmpp_server.start()
    juliet = people.xmpp("juliet")
    town.stox.waits_for_link("up")
    romeo.says("still there?", to="juliet@ejab.test")
    juliet.hears("still there?")
