"""
SIP users watch XMPP users (RFC 8048 §5.3): what the SIP user is shown, and what the XMPP user is asked.

Each story has a SIP user of its own, since a roster remembers.
"""

import pytest

from harness.pidf import Tuple


@pytest.fixture
def watching(juliet, people, town):
    """`watching("tybalt")`: tybalt watches juliet, who grants it and is seen; the phone and its watch."""
    def watch(name):
        phone = people.phone(name)
        subscription = phone.watches(town.uri_of("juliet"))
        subscription.hears("pending")
        juliet.is_told("subscribe", town.jid_of(name))
        juliet.tells("subscribed", to=town.jid_of(name))
        subscription.sees(balcony="")
        return phone, subscription
    return watch


def test_the_xmpp_user_grants_a_request(town, people, juliet):
    romeo, jid = people.phone("suitor"), town.jid_of("suitor")
    watch = romeo.watches(town.uri_of("juliet"), expires=600)
    assert watch.answer["Expires"] == "600"
    first = watch.hears("pending")
    assert (first.body, first["Event"]) == (b"", "presence")
    request = juliet.is_told("subscribe", jid)
    assert request["to"].split("/")[0] == juliet.bare_jid     # ejabberd adds the resource

    juliet.tells("subscribed", to=jid)
    watch.sees(balcony="")
    juliet.shows(show="away", status="at the ball", priority=7)
    seen = watch.sees(balcony="away").tuples["ID-balcony"]
    assert seen.notes == ("at the ball",)
    assert float(seen.priority) == pytest.approx(7 / 127, abs=0.01)

    garden = people.xmpp("juliet", resource="garden")
    watch.sees(balcony="away", garden="")
    garden.shows(show="dnd")
    watch.sees(balcony="away", garden="dnd")
    garden.logout()
    watch.sees(balcony="away")
    juliet.shows(show="chat")
    watch.sees(balcony="chat")
    juliet.logout()
    watch.sees()
    juliet = people.xmpp("juliet")
    watch.sees(balcony="")
    assert juliet.roster()[jid] == "from"
    assert juliet.unseen(jid) == []


def test_the_xmpp_user_was_away_when_the_request_came(town, people):
    """The XMPP server keeps the request; it is as good as one that came while the user was there."""
    romeo, jid = people.phone("forward"), town.jid_of("forward")
    watch = romeo.watches(town.uri_of("tybalt"))
    watch.hears("pending")
    tybalt = people.xmpp("tybalt", resource="street")
    tybalt.is_told("subscribe", jid)
    tybalt.tells("subscribed", to=jid)
    watch.sees(street="")
    tybalt.logout()
    watch.sees()


def test_the_xmpp_user_had_approved_before_the_request(town, people, juliet):
    """RFC 6121 §3.4: the XMPP server grants it by itself, and the user hears nothing of it."""
    romeo, jid = people.phone("expected"), town.jid_of("expected")
    juliet.tells("subscribed", to=jid)
    juliet.roster()
    watch = romeo.watches(town.uri_of("juliet"))
    watch.hears("pending")
    watch.sees(balcony="")
    assert juliet.unseen(jid) == []


def test_a_second_phone_is_shown_the_presence_without_a_word(town, people, watching, juliet):
    _, first = watching("twofold")
    pocket = people.phone("twofold").watches(town.uri_of("juliet"))
    pocket.sees(balcony="")
    juliet.shows(show="xa")
    first.sees(balcony="xa")
    pocket.sees(balcony="xa")
    pocket.ends()
    juliet.shows(show="dnd")
    first.sees(balcony="dnd")
    assert pocket.unheard() == []
    assert juliet.unseen(town.jid_of("twofold")) == []


def test_two_phones_ask_once(town, people, juliet):
    jid = town.jid_of("eager")
    desk, pocket = people.phone("eager").watches(town.uri_of("juliet")), people.phone("eager").watches(town.uri_of("juliet"))
    desk.hears("pending")
    pocket.hears("pending")
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    desk.sees(balcony="")
    pocket.sees(balcony="")
    assert juliet.unseen(jid) == []


def test_the_xmpp_user_refuses(town, people, juliet):
    romeo, jid = people.phone("refused"), town.jid_of("refused")
    watch = romeo.watches(town.uri_of("juliet"))
    watch.hears("pending")
    juliet.is_told("subscribe", jid)
    juliet.tells("unsubscribed", to=jid)
    end = watch.hears("terminated")
    assert (end.why, end.body) == ("rejected", b"")
    romeo.watches(town.uri_of("juliet"), expect=403)
    assert juliet.unseen(jid) == []


def test_the_xmpp_user_revokes_it_later(town, people, watching, juliet):
    romeo, watch = watching("dismissed")
    pocket = people.phone("dismissed").watches(town.uri_of("juliet"))
    pocket.sees(balcony="")
    juliet.tells("unsubscribed", to=town.jid_of("dismissed"))
    for each in (watch, pocket):
        while (end := each.hears()).state != "terminated":
            assert not [one for one in end.tuples.values() if one.basic == "open"], end
        assert (end.why, end.body) == ("rejected", b"")
    juliet.shows(show="away")
    romeo.says("goodbye", to=town.uri_of("juliet"))
    juliet.hears("goodbye")
    assert watch.unheard() == [] and pocket.unheard() == []


def test_a_sip_user_watches_no_more(town, watching, juliet):
    """That is no "unsubscribe": the SIP user may still see the XMPP user."""
    jid = town.jid_of("weary")
    phone, watch = watching("weary")
    end = watch.ends()
    assert end.why == "timeout"
    assert {each.basic for each in end.tuples.values()} == {"closed"}
    juliet.sees_gone(jid)
    assert juliet.roster()[jid] == "from"
    phone.watches(town.uri_of("juliet")).sees(balcony="")
    assert juliet.unseen(jid) == []


def test_the_sip_user_refreshes(town, watching, juliet):
    phone, watch = watching("steady")
    assert watch.refreshes(expires=300).final["Expires"] == "300"
    again = watch.hears("active")
    assert again["Subscription-State"].startswith("active;expires=")
    assert [each.id for each in again.tuples.values()] == ["ID-balcony"]
    assert juliet.unseen(town.jid_of("steady")) == []


def test_a_sip_user_fetches_the_presence_once(town, people, watching, juliet):
    """SUBSCRIBE with Expires: 0 outside a dialog: one NOTIFY, with what is known."""
    phone, _ = watching("curious")
    answer = phone.watches(town.uri_of("juliet"), expires=0).hears("terminated")
    assert answer.why == "timeout"
    assert [(each.id, each.basic) for each in answer.tuples.values()] == [("ID-balcony", "open")]

    stranger = people.phone("stranger")
    answer = stranger.watches(town.uri_of("juliet"), expires=0).hears("terminated")
    assert (answer.why, answer.body) == ("timeout", b"")
    stranger.says("marker", to=town.uri_of("juliet"))
    juliet.hears("marker")
    assert juliet.unseen(town.jid_of("stranger")) == []


def test_nobody_of_that_name(town, people, juliet):
    """It looks like somebody who has not decided: who exists is nobody's business."""
    romeo = people.phone("lost")
    watch = romeo.watches("sip:nobody@xmpp.test")
    watch.hears("pending")
    romeo.says("marker", to=town.uri_of("juliet"))
    juliet.hears("marker")
    assert watch.unheard() == []
    watch.refreshes()
    watch.hears("pending")


def test_a_device_whose_name_is_no_xml_id(town, people, juliet, watching):
    _, watch = watching("linguist")
    kitchen = people.xmpp("juliet", resource="Küche & <1>")
    documents = [each.id for each in open_tuples(watch, 2)]
    juliet.logout()
    [left] = open_tuples(watch, 1)
    assert left.id in documents and left.id != "ID-balcony"
    kitchen.shows(show="away")
    [same] = open_tuples(watch, 1)
    assert (same.id, same.show) == (left.id, "away")


def open_tuples(watch, count):
    """Of the next document that shows so many devices as open, these."""
    while True:
        found = [each for each in watch.hears("active").tuples.values() if each.basic == "open"]
        if len(found) == count:
            return found


def test_words_too_long_for_a_datagram(town, juliet, watching):
    """A NOTIFY over 1300 octets goes to the proxy by TCP (RFC 3261 §18.1.1)."""
    _, watch = watching("reader")
    words = "<é> & 👩‍👩‍👧 " * 80      # 960 characters in 2,960 octets
    juliet.shows(show="away", status=words)
    notify = watch.sees(balcony="away")
    assert notify.tuples["ID-balcony"].notes == (words,)
    assert notify.vias[-1].startswith("SIP/2.0/TCP ")
    juliet.shows()
    watch.sees(balcony="")


def test_presence_for_one_only(town, people, juliet, watching):
    """Directed presence goes to whom it is for; and a phone that was not let in sees nothing of it."""
    _, watch = watching("confidant")
    stranger = people.phone("onlooker")
    other = stranger.watches(town.uri_of("juliet"))
    other.hears("pending")
    juliet.is_told("subscribe", town.jid_of("onlooker"))
    juliet.shows(show="chat", status="for you alone", to=town.jid_of("confidant"))
    assert watch.sees(balcony="chat").tuples["ID-balcony"].notes == ("for you alone",)
    juliet.shows(show="dnd", to=town.jid_of("onlooker"))
    stranger.says("marker", to=town.uri_of("juliet"))
    juliet.hears("marker")
    assert other.unheard() == []


def test_what_cannot_be_a_subscription(town, people):
    phone = people.phone("novice")
    assert phone.watches(town.uri_of("juliet"), expires=5, expect=423).answer["Min-Expires"] == "60"
    assert "presence" in phone.watches(town.uri_of("juliet"), event="dialog", expect=489).answer["Allow-Events"]
    phone.watches(f"sip:{town.xmpp_in_sip}", expect=404)
    phone.watches("sip:juliet@elsewhere.test", expect=404)
    refused = phone.asks("SUBSCRIBE", town.uri_of("juliet"), headers=[("Event", "presence"), ("Expires", "600")])
    assert refused.status == 400, refused.final     # no Contact
    refused = phone.asks("SUBSCRIBE", town.uri_of("juliet"), to_header=f"<{town.uri_of('juliet')}>;tag=gone",
                         headers=[("Event", "presence"), ("Expires", "600"), ("Contact", f"<{phone.contact}>")])
    assert refused.status == 481, refused.final


def test_both_see_each_other(town, people, juliet):
    """Both ask at once, and both let the other: one direction does not disturb the other."""
    romeo, jid = people.phone("beloved"), town.jid_of("beloved")
    juliet.tells("subscribe", to=jid)
    watch = romeo.watches(town.uri_of("juliet"))
    sight = romeo.is_asked()
    watch.hears("pending")
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    watch.sees(balcony="")
    sight.notifies("active;expires=600", Tuple("desk"))
    juliet.is_told("subscribed", jid)
    juliet.sees(f"{jid}/desk")
    assert juliet.roster()[jid] == "both"

    # while juliet sees the SIP user, the end of that user's watch makes nobody vanish
    watch.ends()
    sight.notifies("active;expires=600", Tuple("desk", show="away"))
    juliet.sees(f"{jid}/desk", show="away")
    assert juliet.unseen(jid) == []


def test_the_xmpp_user_removes_the_contact_from_the_roster(town, people, juliet):
    """Both directions end, and each side is told once."""
    romeo, jid = people.phone("banished"), town.jid_of("banished")
    juliet.tells("subscribe", to=jid)
    sight = romeo.is_asked()
    sight.notifies("active;expires=600", Tuple("desk"))
    juliet.sees(f"{jid}/desk")
    watch = romeo.watches(town.uri_of("juliet"))
    watch.hears("pending")
    juliet.is_told("subscribed", jid)
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    watch.sees(balcony="")

    juliet.asks(f"<query xmlns='jabber:iq:roster'><item jid='{jid}' subscription='remove'/></query>",
                to=juliet.bare_jid, type="set")
    assert sight.is_refreshed()["Expires"] == "0"
    while (end := watch.hears()).state != "terminated":
        assert not [one for one in end.tuples.values() if one.basic == "open"], end
    assert end.why == "rejected"
    sight.notifies("terminated;reason=timeout")
    romeo.says("marker", to=town.uri_of("juliet"))
    juliet.hears("marker")
    assert len(sight.refreshes) == 1 and watch.unheard() == []
    assert jid not in juliet.roster()
