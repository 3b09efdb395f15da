"""
XMPP users watch SIP users (RFC 8048 §5.2): what the XMPP user sees, and what the SIP side is asked.

Each story has a SIP user of its own, since a roster remembers.
"""

import pytest

from harness.pidf import Tuple
from harness.sip_ua import Answer
from harness.waiting import until


@pytest.fixture
def asked(juliet, people, town):
    """`asked("tybalt")`: juliet wants to see tybalt, whose phone was asked; the phone, and its end of it."""
    def ask(name):
        phone = people.phone(name)
        juliet.tells("subscribe", to=town.jid_of(name))
        return phone, phone.is_asked()
    return ask


@pytest.fixture
def shown(asked, juliet, town):
    """`shown("tybalt")`: tybalt granted it, and juliet sees the device at the desk."""
    def show(name):
        phone, sight = asked(name)
        sight.notifies("active;expires=600", Tuple("desk"))
        juliet.is_told("subscribed", town.jid_of(name))
        juliet.sees(f"{town.jid_of(name)}/desk")
        return phone, sight
    return show


class TestAtAPresenceServer:
    """Kamailio keeps what its clients publish, and sends the NOTIFYs."""

    def test_the_xmpp_user_sees_the_sip_user_come_and_go(self, town, people, juliet):
        paris, jid = people.phone("paris"), town.jid_of("paris")
        juliet.tells("subscribe", to=jid)
        juliet.is_told("subscribed", jid)

        desk = paris.publishes(Tuple("ID-desk"))
        juliet.sees(f"{jid}/desk")
        desk = paris.publishes(Tuple("ID-desk", show="away", notes=("at the tomb",)), etag=desk)
        juliet.sees(f"{jid}/desk", show="away", status="at the tomb")
        desk = paris.publishes(Tuple("ID-desk", notes=("<é> & 👩‍👩‍👧",)), activity="busy", etag=desk)
        juliet.sees(f"{jid}/desk", show="dnd", status="<é> & 👩‍👩‍👧")
        desk = paris.publishes(Tuple("ID-desk"), activity="on-the-phone", etag=desk)
        juliet.sees(f"{jid}/desk", show="dnd")

        pocket = paris.publishes(Tuple("ID-pocket", show="xa"))
        juliet.sees(f"{jid}/pocket", show="xa")
        paris.publishes(etag=pocket, expires=0)
        juliet.sees_gone(f"{jid}/pocket")
        paris.publishes(Tuple("ID-desk", basic="closed"), etag=desk)
        juliet.sees_gone(f"{jid}/desk")
        assert juliet.unseen(jid) == []
        assert juliet.roster()[jid] == "to"

        taken = town.stox.counter("sip_notifies_received")
        juliet.tells("unsubscribe", to=jid)
        assert juliet.roster()[jid] == "none"
        until(lambda: town.stox.counter("sip_notifies_received") > taken, "the last NOTIFY came")
        paris.publishes(Tuple("ID-desk", show="chat"))
        paris.says("farewell", to=town.uri_of("juliet"))
        juliet.hears("farewell")
        assert juliet.unseen(jid) == []

    def test_the_xmpp_user_logs_in_and_the_sip_user_is_there(self, town, people):
        escalus, jid = people.phone("escalus"), town.jid_of("escalus")
        escalus.publishes(Tuple("throne", show="dnd"))
        nurse = people.xmpp("nurse", resource="first")
        nurse.tells("subscribe", to=jid)
        nurse.is_told("subscribed", jid)
        nurse.sees(f"{jid}/throne", show="dnd")
        nurse.logout()
        nurse = people.xmpp("nurse", resource="second")
        nurse.sees(f"{jid}/throne", show="dnd", within=1)


class TestThePhoneAnswers:
    def test_the_sip_user_grants_it(self, town, juliet, asked):
        romeo, sight = asked("watched")
        jid = town.jid_of("watched")
        assert (sight.subscribe.from_uri, sight.subscribe.to_uri) == (town.uri_of("juliet"), "sip:watched@sip.test")
        sight.notifies("pending;expires=600")
        assert juliet.roster()[jid] == "none+ask"
        sight.notifies("active;expires=600", Tuple("ID-desk", show="away"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk", show="away")
        sight.notifies("active;expires=600", Tuple("ID-desk", show="away"))
        sight.notifies("active;expires=600", Tuple("ID-desk"), Tuple("ID-pocket", show="chat"), note="twice here")
        juliet.sees(f"{jid}/desk", status="twice here")
        juliet.sees(f"{jid}/pocket", show="chat", status="twice here")
        sight.notifies("active;expires=600", Tuple("ID-pocket", show="chat"), note="twice here")
        juliet.sees_gone(f"{jid}/desk")
        assert juliet.unseen(jid) == []

    @pytest.mark.parametrize("status", [403, 603])
    def test_the_sip_user_declines(self, town, people, juliet, status):
        name = f"declines{status}"
        romeo, jid = people.phone(name), town.jid_of(name)
        romeo.answers_subscribe(status)
        juliet.tells("subscribe", to=jid)
        juliet.is_told("unsubscribed", jid)
        assert juliet.roster()[jid] == "none"
        assert romeo.sights == []

    def test_the_sip_user_declines_after_a_thought(self, town, juliet, asked):
        _, sight = asked("thinks")
        sight.notifies("pending;expires=600")
        sight.notifies("terminated;reason=rejected")
        juliet.is_told("unsubscribed", town.jid_of("thinks"))
        assert juliet.unseen(town.jid_of("thinks")) == []

    def test_the_sip_user_revokes_it_later(self, town, juliet, shown):
        jid = town.jid_of("fickle")
        _, sight = shown("fickle")
        sight.notifies("terminated;reason=rejected")
        juliet.sees_gone(f"{jid}/desk")
        juliet.is_told("unsubscribed", jid)
        assert juliet.roster()[jid] == "none"

    def test_the_xmpp_user_watches_no_more(self, town, juliet, shown):
        jid = town.jid_of("left")
        romeo, sight = shown("left")
        juliet.tells("unsubscribe", to=jid)
        end = sight.is_refreshed()
        assert (end["Expires"], end.uri) == ("0", romeo.contact)
        assert end.cseq[0] == sight.subscribe.cseq[0] + 1
        juliet.sees_gone(f"{jid}/desk")
        assert juliet.roster()[jid] == "none"
        sight.notifies("terminated;reason=timeout", Tuple("desk"))
        romeo.says("farewell", to=town.uri_of("juliet"))
        juliet.hears("farewell")
        assert juliet.unseen(jid) == []

    def test_the_xmpp_user_changes_it_back_at_once(self, town, people, juliet, shown):
        """The new request is not undone by the end of the old one."""
        jid = town.jid_of("pendulum")
        witness = people.phone("bystander")
        romeo, sight = shown("pendulum")
        # The answer comes after the new request for certain: a message behind it has crossed.
        romeo.answers_subscribe(None)
        juliet.tells("unsubscribe", to=jid)
        juliet.tells("subscribe", to=jid)
        juliet.says("marker", to=town.jid_of("bystander"))
        witness.hears("marker")
        end = sight.is_refreshed()
        assert end["Expires"] == "0"
        romeo.answers_late(end, Answer(200, headers=(("Expires", "0"), ("Contact", f"<{romeo.contact}>"))))
        new = romeo.is_asked()
        new.notifies("active;expires=600", Tuple("desk", show="away"))
        while juliet.sees_or_not(f"{jid}/desk") != "away":
            pass
        assert juliet.roster()[jid] == "to"

    def test_the_xmpp_user_asks_and_thinks_better_of_it(self, town, people, juliet):
        """A NOTIFY that comes after the unsubscribe is answered, ended, and shown to nobody."""
        romeo, jid = people.phone("toolate"), town.jid_of("toolate")
        romeo.answers_subscribe(None)
        juliet.tells("subscribe", to=jid)
        request = romeo.gets("SUBSCRIBE")
        sight = romeo.accepts_silently(request)
        juliet.tells("unsubscribe", to=jid)
        assert juliet.roster()[jid] == "none"
        romeo.says("marker", to=town.uri_of("juliet"))
        juliet.hears("marker")
        sight.notifies("active;expires=600", Tuple("desk"))
        assert sight.is_refreshed()["Expires"] == "0"
        sight.notifies("terminated;reason=timeout")
        romeo.says("marker", to=town.uri_of("juliet"))
        juliet.hears("marker")
        assert [stanza for stanza in juliet.unseen(jid) if stanza.type not in ("unsubscribed", "unavailable")] == []

    def test_the_xmpp_user_logs_out_and_in(self, town, people, asked):
        """Each login is a probe, and is answered from what is known, within a second."""
        nurse = people.xmpp("nurse", resource="first")
        romeo, jid = people.phone("awaited"), town.jid_of("awaited")
        nurse.tells("subscribe", to=jid)
        sight = romeo.is_asked()
        sight.notifies("active;expires=600", Tuple("desk", show="away"))
        nurse.sees(f"{jid}/desk", show="away")
        nurse.logout()
        sight.notifies("active;expires=600", Tuple("desk", show="dnd"))
        nurse = people.xmpp("nurse", resource="second")
        nurse.sees(f"{jid}/desk", show="dnd", within=1)
        assert len(romeo.sights) == 1

    def test_an_unknown_user(self, town, juliet):
        asked = juliet.tells("subscribe", to=town.jid_of("answer604"))
        error = juliet.is_told("error", town.jid_of("answer604"))
        assert error.id == asked
        assert error.error.condition == "item-not-found"

    def test_the_sip_user_wants_longer_subscriptions(self, town, people, juliet):
        romeo, jid = people.phone("patient"), town.jid_of("patient")
        romeo.answers_subscribe(Answer(423, "Interval Too Brief", headers=(("Min-Expires", "7200"),)))
        juliet.tells("subscribe", to=jid)
        sight = romeo.is_asked()
        assert sight.subscribe["Expires"] == "7200"
        sight.notifies("active;expires=7200", Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")

    @pytest.mark.parametrize("status", [404, 480])
    def test_the_sip_user_is_away_for_now(self, town, people, juliet, status):
        """404 and 480 say nothing of what romeo wants: juliet goes on waiting, until something is heard of romeo."""
        name = f"away{status}"
        romeo, jid = people.phone(name), town.jid_of(name)
        romeo.answers_subscribe(status)
        juliet.tells("subscribe", to=jid)
        romeo.gets("SUBSCRIBE")
        assert juliet.roster()[jid] == "none+ask"
        assert juliet.unseen(jid) == []
        romeo.answers_subscribe()
        romeo.says("marker", to=town.uri_of("juliet"))
        juliet.hears("marker")
        romeo.is_asked().notifies("active;expires=600", Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")

    def test_a_notify_of_nobodys_subscription(self, town, juliet, shown):
        _, sight = shown("forked")
        sight.own_tag = "another"
        sight.notifies("active;expires=600", Tuple("pocket"), expect=481)
        assert juliet.unseen(town.jid_of("forked")) == []

    def test_a_broken_document_changes_nothing(self, town, juliet, shown):
        jid = town.jid_of("clumsy")
        _, sight = shown("clumsy")
        sight.notifies("active;expires=600", body=b"<presence", expect=400)
        sight.notifies("active;expires=600", Tuple("desk", show="xa"))
        juliet.sees(f"{jid}/desk", show="xa")
        assert juliet.unseen(jid) == []

    def test_two_xmpp_users_watch_one_sip_user(self, town, people, juliet):
        """Each has an own subscription, and what the SIP user hides from one the other may be shown."""
        nurse = people.xmpp("nurse")
        romeo, jid = people.phone("popular"), town.jid_of("popular")
        juliet.tells("subscribe", to=jid)
        for_juliet = romeo.is_asked()
        nurse.tells("subscribe", to=jid)
        for_nurse = romeo.is_asked()
        assert for_nurse.other == town.uri_of("nurse")
        for_juliet.notifies("active;expires=600", Tuple("desk"))
        for_nurse.notifies("active;expires=600", Tuple("desk", show="dnd"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")
        nurse.is_told("subscribed", jid)
        nurse.sees(f"{jid}/desk", show="dnd")
        for_nurse.notifies("terminated;reason=rejected")
        nurse.sees_gone(f"{jid}/desk")
        nurse.is_told("unsubscribed", jid)
        for_juliet.notifies("active;expires=600", Tuple("desk", show="away"))
        juliet.sees(f"{jid}/desk", show="away")
        assert juliet.unseen(jid) == [] and nurse.unseen(jid) == []

    def test_a_document_of_many_devices(self, town, juliet, shown):
        jid = town.jid_of("collector")
        _, sight = shown("collector")
        sight.notifies("active;expires=600", *(Tuple(f"d{n}", notes=("w" * 200,)) for n in range(40)))
        for n in range(40):
            juliet.sees(f"{jid}/d{n}", status="w" * 200)
        juliet.sees_gone(f"{jid}/desk")
        sight.notifies("active;expires=600", body=b"<?xml version='1.0'?><presence xmlns='urn:ietf:params:xml:ns:pidf' "
                       b"entity='pres:collector@sip.test'/>")
        for n in range(40):
            juliet.sees_gone(f"{jid}/d{n}")

    def test_a_forked_subscription(self, town, people, juliet):
        """Two phones were asked, as the proxy knows both; the first that says something has the dialog."""
        desk, pocket, jid = people.phone("forker"), people.phone("forker"), town.jid_of("forker")
        juliet.tells("subscribe", to=jid)
        first, second = desk.is_asked(), pocket.is_asked()
        first.notifies("active;expires=600", Tuple("desk"))
        second.notifies("active;expires=600", Tuple("pocket"), expect=481)
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")
        assert juliet.unseen(jid) == []

    def test_a_notify_overtakes_the_answer_to_subscribe(self, town, people, juliet):
        romeo, jid = people.phone("hasty"), town.jid_of("hasty")
        romeo.answers_subscribe(None)
        juliet.tells("subscribe", to=jid)
        request = romeo.gets("SUBSCRIBE")
        sight = romeo.accepts_silently(request)
        sight.notifies("active;expires=600", Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")
        romeo.answers_late(request, Answer(200, to_tag=sight.own_tag, headers=(
            ("Expires", "600"), ("Contact", f"<{romeo.contact}>"))))
        sight.notifies("active;expires=600", Tuple("desk", show="away"))
        juliet.sees(f"{jid}/desk", show="away")
        assert juliet.unseen(jid) == []
