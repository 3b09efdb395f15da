"""
Presence over restarts, losses and expiries: people are told what is so, and never that a process ended.

The gateway here has a small T1, so that what is never answered is given up within a few seconds, and takes short
subscriptions.
"""

import time

import pytest

from harness.pidf import Tuple
from harness.town import Town
from harness.waiting import until


@pytest.fixture(scope="module")
def town():
    with Town(sip={"t1": "60ms"}, presence={"notify_interval": "300ms", "min_expires": "1s", "probe_timeout": "1s"}) as town:
        yield town


@pytest.fixture
def couple(town, people, juliet):
    """`couple("romeo")`: each sees the other; the phone, how juliet sees romeo, how romeo sees juliet."""
    def make(name):
        phone, jid = people.phone(name), town.jid_of(name)
        juliet.tells("subscribe", to=jid)
        sight = phone.is_asked()
        sight.notifies("active;expires=600", Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")
        watch = phone.watches(town.uri_of("juliet"))
        watch.hears("pending")
        juliet.is_told("subscribe", jid)
        juliet.tells("subscribed", to=jid)
        watch.sees(balcony="")
        juliet.sees(f"{jid}/desk")      # Prosody asks again for who sees juliet
        return phone, sight, watch
    return make


def worse_news(juliet, jid):
    """
    What juliet was told of the SIP user and should not: anything but that the user is there. When the link is back
    juliet is shown the user once more; while it was down Prosody gave juliet's own presence back.
    """
    return [str(stanza) for stanza in juliet.unseen(jid) if stanza.type not in (None, "error")]


def subscriptions(town):
    """How many dialogs of XMPP users there are."""
    return town.stox.status()["gauges"]["subscriptions_of_xmpp_users"]


def test_a_phone_that_never_notifies(town, people, juliet):
    """Neither an answer nor a NOTIFY until Timer N: nobody is told anything, and a NOTIFY that comes too late belongs to
    nothing."""
    phone, jid = people.phone("mute"), town.jid_of("mute")
    before = subscriptions(town)
    phone.answers_subscribe(None)
    juliet.tells("subscribe", to=jid)
    sight = phone.accepts_silently(phone.gets("SUBSCRIBE"))
    until(lambda: subscriptions(town) == before, "it is given up")
    sight.notifies("active;expires=600", Tuple("desk"), expect=481)
    assert juliet.unseen(jid) == []
    assert juliet.roster()[jid] == "none+ask"


def test_a_notify_that_comes_when_its_owner_has_decided(town, people, juliet):
    """A 2xx is waited on for as long as it granted: nobody is told anything, or asked again, until the NOTIFY."""
    phone, jid = people.phone("ponders"), town.jid_of("ponders")
    juliet.tells("subscribe", to=jid)
    sight = phone.is_asked()
    time.sleep(64 * 0.06 + 1)       # Timer N
    assert juliet.unseen(jid) == []
    assert juliet.roster()[jid] == "none+ask"
    sight.notifies("active;expires=600", Tuple("desk"))
    juliet.is_told("subscribed", jid)
    juliet.sees(f"{jid}/desk")
    assert len(phone.sights) == 1


class TestAKilledGateway:
    def test_goes_on_in_the_same_dialogs(self, town, juliet, couple):
        jid = town.jid_of("romeo")
        phone, sight, watch = couple("romeo")
        last = watch.notified[-1].cseq[0]
        town.stox.kill()
        town.stox.start()

        watch.refreshes()
        again = watch.sees(balcony="")
        assert again.cseq[0] > last
        juliet.sees(f"{jid}/desk")
        sight.notifies("active;expires=600", Tuple("desk", show="away"))
        juliet.sees(f"{jid}/desk", show="away")
        juliet.shows(show="dnd")
        watch.sees(balcony="dnd")
        assert juliet.unseen(jid) == []
        assert juliet.roster()[jid] == "both"
        assert len(phone.sights) == 1

    def test_has_asked_the_sip_side_what_it_missed(self, town, juliet, couple):
        """Its own subscription is refreshed, in the same dialog and with a higher CSeq."""
        jid = town.jid_of("missed")
        phone, sight, watch = couple("missed")
        town.stox.kill()
        town.stox.start()
        refresh = sight.is_refreshed()
        assert refresh.cseq[0] > sight.subscribe.cseq[0]
        juliet.sees(f"{jid}/desk")
        sight.notifies("active;expires=600", Tuple("desk", show="xa"))
        juliet.sees(f"{jid}/desk", show="xa")
        assert juliet.unseen(jid) == []

    def test_learns_the_presence_of_the_xmpp_user(self, town, juliet, couple):
        jid = town.jid_of("learns")
        _, _, watch = couple("learns")
        town.stox.kill()
        juliet.shows(show="chat")
        town.stox.start()
        watch.sees(balcony="chat")
        assert worse_news(juliet, jid) == []

    def test_does_not_trust_what_it_remembers(self, town, people, juliet):
        """What is on disk of a device is up to a second older than what was seen; it is again as it was before that."""
        watch = people.phone("shown").watches(town.uri_of("juliet"))
        watch.hears("pending")
        juliet.is_told("subscribe", town.jid_of("shown"))
        juliet.tells("subscribed", to=town.jid_of("shown"))
        watch.sees(balcony="")
        town.stox.stop()
        town.stox.start()
        juliet.shows(show="away")       # with it numbers for NOTIFYs are reserved, and all is written
        watch.sees(balcony="away")
        juliet.shows(show="xa")
        watch.sees(balcony="xa")
        town.stox.kill()
        juliet.shows(show="away")
        town.stox.start()
        watch.sees(balcony="away")

    def test_still_waits_for_the_xmpp_user(self, town, people, juliet):
        phone, jid = people.phone("unsure"), town.jid_of("unsure")
        watch = phone.watches(town.uri_of("juliet"))
        watch.hears("pending")
        juliet.is_told("subscribe", jid)
        town.stox.kill()
        town.stox.start()
        juliet.tells("subscribed", to=jid)
        watch.sees(balcony="")

    def test_missed_that_the_xmpp_user_grants_it(self, town, people, juliet):
        phone, jid = people.phone("overjoyed"), town.jid_of("overjoyed")
        watch = phone.watches(town.uri_of("juliet"))
        watch.hears("pending")
        juliet.is_told("subscribe", jid)
        town.stox.kill()
        juliet.tells("subscribed", to=jid)
        juliet.roster()
        town.stox.start()
        watch.sees(balcony="")

    def test_missed_that_the_xmpp_user_revokes_it(self, town, juliet, couple):
        """The XMPP server does not say so, but it shows nothing of the user any more."""
        _, _, watch = couple("jilted")
        town.stox.kill()
        juliet.tells("unsubscribed", to=town.jid_of("jilted"))
        juliet.roster()
        town.stox.start()
        watch.sees()
        juliet.shows(show="dnd")
        juliet.roster()
        watch.refreshes()
        assert not [each for each in watch.hears("active").tuples.values() if each.basic == "open"]

    def test_still_waits_for_the_sip_user(self, town, people, juliet):
        phone, jid = people.phone("shy"), town.jid_of("shy")
        juliet.tells("subscribe", to=jid)
        sight = phone.is_asked()
        sight.notifies("pending;expires=600")
        town.stox.kill()
        town.stox.start()
        sight.notifies("active;expires=600", Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")


    def test_asks_again_where_nothing_was_answered(self, town, people, juliet):
        phone, jid = people.phone("asleep"), town.jid_of("asleep")
        phone.answers_subscribe(None)
        juliet.tells("subscribe", to=jid)
        phone.gets("SUBSCRIBE")
        town.stox.kill()
        phone.answers_subscribe()
        town.stox.start()
        phone.is_asked().notifies("active;expires=600", Tuple("desk"))
        juliet.is_told("subscribed", jid)
        juliet.sees(f"{jid}/desk")


def test_a_stopped_gateway_says_nothing(town, juliet, couple):
    jid = town.jid_of("quiet")
    phone, sight, watch = couple("quiet")
    town.stox.stop()
    town.stox.start()
    watch.refreshes()
    watch.sees(balcony="")
    juliet.sees(f"{jid}/desk")
    assert juliet.unseen(jid) == []
    assert not [notify for notify in watch.notified if notify["Subscription-State"].startswith("terminated")]


def test_a_damaged_store_is_learnt_again(town, people, juliet, couple):
    """The phone begins anew at its next refresh, and juliet is not asked; juliet sees the user from the next login."""
    jid = town.jid_of("bereft")
    phone, sight, watch = couple("bereft")
    town.stox.stop()
    file = town.stox.folder / "var" / "stox.redb"
    octets = bytearray(file.read_bytes())
    octets[64:4096] = bytes(4096 - 64)
    file.write_bytes(octets)
    town.stox.start()
    assert any("store damaged" in alarm for alarm in town.stox.status()["alarms"])
    assert worse_news(juliet, jid) == []

    watch.refreshes(expect=481)
    new = phone.watches(town.uri_of("juliet"))
    new.hears("pending")
    new.sees(balcony="")
    assert juliet.roster()[jid] == "both"
    juliet.logout()
    juliet = people.xmpp("juliet")
    sight = phone.is_asked()
    sight.notifies("active;expires=600", Tuple("desk", show="away"))
    juliet.sees(f"{jid}/desk", show="away")
    sight.notifies("active;expires=600", Tuple("desk", show="dnd"))
    juliet.sees(f"{jid}/desk", show="dnd")
    assert juliet.roster()[jid] == "both"


def test_prosody_is_killed(town, people, couple):
    """The phone sees what was known, then that juliet is gone, then juliet again; juliet sees what has changed."""
    jid = town.jid_of("patient")
    phone, sight, watch = couple("patient")
    town.xmpp_server.kill()
    watch.refreshes()
    watch.sees(balcony="")
    sight.notifies("active;expires=600", Tuple("desk", show="away"))
    town.xmpp_server.start()
    town.stox.waits_for_link("up")
    watch.sees()
    juliet = people.xmpp("juliet")
    juliet.sees(f"{jid}/desk", show="away")
    watch.sees(balcony="")
    assert not [notify for notify in watch.notified if notify["Subscription-State"].startswith("terminated")]


def test_kamailio_restarts_while_the_presence_changes(town, juliet, couple):
    phone, sight, watch = couple("cutoff")
    town.kamailio.kill()
    juliet.shows(show="dnd")
    town.kamailio.start()
    watch.sees(balcony="dnd")


def test_the_xmpp_user_is_away_for_longer_than_it_lasts(town, people, juliet, couple):
    """Nobody is there to be told: it is not refreshed. When juliet is back the phone is asked anew."""
    jid = town.jid_of("longing")
    phone, sight, watch = couple("longing")
    juliet.logout()
    watch.sees()
    before = subscriptions(town)
    sight.notifies("active;expires=1", Tuple("desk"))
    lapses = time.monotonic() + 1.1
    until(lambda: time.monotonic() > lapses and subscriptions(town) < before, "it has lapsed")
    assert sight.refreshes == []
    juliet = people.xmpp("juliet")
    watch.sees(balcony="")
    phone.is_asked().notifies("active;expires=600", Tuple("desk", show="away"))
    juliet.sees(f"{jid}/desk", show="away")
    assert juliet.roster()[jid] == "both"


def test_many_changes_are_a_few_documents(town, juliet, couple):
    """RFC 3856 §6.10: at most one document in an interval, the newest state last."""
    _, _, watch = couple("calm")
    before, began = len(watch.notified), time.monotonic()
    for show in ("away", "xa", "dnd", "chat") * 10:
        juliet.shows(show=show)
    juliet.shows(show="xa", status="the last")
    while (seen := watch.hears("active").tuples["ID-balcony"]).notes != ("the last",):
        pass
    assert seen.show == "xa"
    assert len(watch.notified) - before <= 2 + (watch.notified[-1].seen_at - began) / 0.3


class TestThePhoneIsGone:
    def test_it_answers_481_to_a_notify(self, town, people, juliet, couple):
        """481: that subscription is over; a new one is as good as the old."""
        phone, _, watch = couple("reborn")
        phone.forgets_watches()
        juliet.shows(show="away")
        until(lambda: phone.unknown, "a NOTIFY came for nobody")
        new = phone.watches(town.uri_of("juliet"))
        new.sees(balcony="away")
        juliet.shows(show="dnd")
        new.sees(balcony="dnd")
        assert len(phone.unknown) == 1


def test_a_subscription_of_a_sip_user_runs_out(town, people, juliet):
    phone, jid = people.phone("forgetful"), town.jid_of("forgetful")
    watch = phone.watches(town.uri_of("juliet"))
    watch.hears("pending")
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    watch.sees(balcony="")
    watch.refreshes(expires=1)
    watch.hears("active")
    end = watch.hears("terminated")
    assert end.why == "timeout"
    juliet.sees_gone(jid)
    assert juliet.roster()[jid] == "from"


class TestARefreshOfTheXmppUser:
    @pytest.fixture
    def brief(self, town, people, juliet):
        """`brief("romeo")`: juliet sees romeo, and that has to be refreshed in two or three seconds."""
        def make(name):
            phone, jid = people.phone(name), town.jid_of(name)
            juliet.tells("subscribe", to=jid)
            sight = phone.is_asked()
            sight.notifies("active;expires=600", Tuple("desk"))
            juliet.is_told("subscribed", jid)
            juliet.sees(f"{jid}/desk")
            return phone, sight
        return make

    def test_comes_before_the_end(self, town, juliet, brief):
        phone, sight = brief("punctual")
        sight.notifies("active;expires=4", Tuple("desk"))
        assert sight.is_refreshed().uri == phone.contact
        sight.notifies("active;expires=600", Tuple("desk"))
        assert juliet.unseen(town.jid_of("punctual")) == []

    def test_is_answered_481(self, town, juliet, brief):
        """The phone has lost it: the gateway subscribes anew, at once, and juliet sees nothing of that."""
        jid = town.jid_of("amnesiac")
        phone, sight = brief("amnesiac")
        phone.answers_subscribe(481)
        sight.notifies("active;expires=10", Tuple("desk"))      # what lasted for less than 5 s is not begun anew at once
        new = phone.is_asked()
        assert new.subscribe.call_id != sight.subscribe.call_id
        new.notifies("active;expires=600", Tuple("desk"))
        new.notifies("active;expires=600", Tuple("desk", show="away"))
        juliet.sees(f"{jid}/desk", show="away")
        assert juliet.unseen(jid) == []

    def test_is_answered_480(self, town, juliet, brief):
        jid = town.jid_of("unplugged")
        phone, sight = brief("unplugged")
        phone.answers_subscribe(480)
        sight.notifies("active;expires=2", Tuple("desk"))
        juliet.sees_gone(f"{jid}/desk")
        assert juliet.roster()[jid] == "to"

    def test_is_answered_603(self, town, juliet, brief):
        jid = town.jid_of("resolved")
        phone, sight = brief("resolved")
        phone.answers_subscribe(603)
        sight.notifies("active;expires=4", Tuple("desk"))
        juliet.sees_gone(f"{jid}/desk")
        juliet.is_told("unsubscribed", jid)
        sight.notifies("active;expires=600", Tuple("desk"))
        assert juliet.unseen(jid) == []
