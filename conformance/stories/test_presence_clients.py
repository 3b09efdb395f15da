"""Presence with clients that people really use on the SIP side."""

import pytest

from harness.baresip import Baresip
from harness.linphone import Linphone
from harness.waiting import until


@pytest.fixture
def baresip(town, people):
    def start(name, presence):
        return people.starts(Baresip(town.lab, f"sip:{name}@sip.test", town.kamailio.target, [town.uri_of("juliet")],
                                     presence=presence, name=f"baresip-{name}"))
    return start


@pytest.fixture
def linphone(town, people):
    def start(name, **options):
        return people.starts(Linphone(town.lab, f"sip:{name}@sip.test", town.kamailio.target, name=f"linphone-{name}",
                                      **options))
    return start


def test_baresip_watches_and_answers_by_itself(town, people, juliet, baresip):
    """Peer to peer, as it has no presence server: SUBSCRIBE goes to the phone, over the proxy."""
    jid = town.jid_of("balthasar")
    bare = baresip("balthasar", presence="answers")
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    bare.sees(town.uri_of("juliet"), "Online")
    juliet.shows(type="unavailable")
    bare.sees(town.uri_of("juliet"), "Offline")
    juliet.shows(show="dnd")
    bare.sees(town.uri_of("juliet"), "Busy")

    bare.shows("online")
    juliet.tells("subscribe", to=jid)
    juliet.is_told("subscribed", jid)
    device = juliet.sees(jid).sender
    bare.shows("offline")
    juliet.sees_gone(device)
    bare.shows("online")
    juliet.sees(device)


def test_baresip_publishes(town, people, juliet, baresip):
    jid = town.jid_of("benvolio")
    bare = baresip("benvolio", presence="publishes")
    # A SUBSCRIBE that meets its first PUBLISH in the proxy is told neither then nor later.
    witness = people.phone("witness")
    until(lambda: witness.watches("sip:benvolio@sip.test", expires=0).hears().tuples, "it has published")
    juliet.tells("subscribe", to=jid)
    juliet.is_told("subscribed", jid)
    device = juliet.sees(jid).sender
    bare.shows("offline")
    juliet.sees_gone(device)


def test_linphone_watches(town, juliet, linphone):
    """Its Contact is a GRUU of the proxy's domain; its NOTIFYs are answered, and it stays subscribed."""
    jid = town.jid_of("gregory")
    taken = town.stox.counter("sip_notifies_sent")
    linphone("gregory", friends=[town.uri_of("juliet")])
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    until(lambda: town.stox.counter("sip_notifies_sent") >= taken + 2, "it is notified")
    juliet.shows(show="away")
    until(lambda: town.stox.counter("sip_notifies_sent") >= taken + 3, "it is notified of a change")
    juliet.shows(show="dnd")
    until(lambda: town.stox.counter("sip_notifies_sent") >= taken + 4, "it has answered, and is notified of the next")
    assert juliet.unseen(jid) == []


def test_linphone_answers_by_itself(town, juliet, linphone):
    jid = town.jid_of("sampson")
    linphone("sampson", friends=[town.uri_of("juliet")])
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribe", to=jid)
    juliet.is_told("subscribed", jid)
    juliet.sees(jid, priority=102)


def test_linphone_publishes(town, juliet, linphone):
    jid = town.jid_of("mercutio")
    linphone("mercutio", publish=True)
    juliet.tells("subscribe", to=jid)
    juliet.is_told("subscribed", jid)
    juliet.sees(jid, priority=102)      # its tuple's contact has a priority of 0.8
