"""
Each of the three programs is killed in the middle of each thing that people do with presence, and comes back.

What was on its way is repeated by whoever had no answer, as a phone or a person does. In the end everybody sees what is
so, and nobody was told anything false meanwhile.
"""

import threading

import pytest

from harness.pidf import Tuple
from harness.town import Town
from harness.waiting import until


@pytest.fixture(scope="module")
def town():
    with Town(sip={"t1": "60ms"}, patience_ms=1000,
              presence={"notify_interval": "300ms", "min_expires": "1s", "probe_timeout": "1s"}) as town:
        yield town


@pytest.fixture(params=["gateway", "xmpp_server", "proxy"])
def death(request, town, people):
    return Death(request.param, town, people)


class Death:
    """Of one of the three programs."""

    def __init__(self, whose, town, people):
        self.whose, self._town, self._people = whose, town, people
        self._victim = {"gateway": town.stox, "xmpp_server": town.xmpp_server, "proxy": town.kamailio}[whose]

    def in_the_middle_of(self, act):
        """`act` has begun when the program is killed; whether it came to a good end."""
        ended = []

        def acting():
            try:
                act()
                ended.append(True)
            except Exception:  # what exactly breaks depends on who died
                ended.append(False)
        thread = threading.Thread(target=acting, daemon=True)
        thread.start()
        self._victim.kill()
        self._victim.start()
        thread.join(30)
        return ended == [True]

    def is_over(self, juliet, phone):
        """All is connected again; juliet as of then."""
        self._town.stox.waits_for_link("up")
        if self.whose == "proxy":
            phone.register()
        if self.whose != "xmpp_server":
            return juliet
        return self._people.xmpp("juliet")


def name_of(what, death):
    return f"{what}-{death.whose}".replace("_", "-")


def comes_to_see(juliet, device, show):
    """juliet sees the device so in the end, and never that it is gone."""
    while (seen := juliet.sees_or_not(device)) != show:
        assert seen is not None, f"{device} was shown as gone"


def sees_the_sip_user(town, people, juliet, name):
    phone, jid = people.phone(name), town.jid_of(name)
    juliet.tells("subscribe", to=jid)
    sight = phone.is_asked()
    sight.notifies("active;expires=600", Tuple("desk"))
    juliet.is_told("subscribed", jid)
    juliet.sees(f"{jid}/desk")
    return phone, sight, jid


def is_seen(town, people, juliet, name):
    phone, jid = people.phone(name), town.jid_of(name)
    watch = phone.watches(town.uri_of("juliet"))
    watch.hears("pending")
    juliet.is_told("subscribe", jid)
    juliet.tells("subscribed", to=jid)
    watch.sees(balcony="")
    return phone, watch, jid


def never_ended(watch):
    assert not [it for it in watch.notified if it["Subscription-State"].startswith("terminated")]


class TestAnXmppUserWatchesASipUser:
    def test_the_sip_user_is_asked(self, town, people, juliet, death):
        phone, jid = people.phone(name_of("asked", death)), town.jid_of(name_of("asked", death))
        death.in_the_middle_of(lambda: juliet.tells("subscribe", to=jid))
        juliet = death.is_over(juliet, phone)
        # The request died with the gateway, with the XMPP server, which had not written it yet, or with the
        # registrations of the proxy: who hears nothing asks again.
        if not phone.sights:
            juliet.tells("subscribe", to=jid)
        phone.is_asked().notifies("active;expires=600", Tuple("desk"))
        until(lambda: juliet.roster()[jid] == "to", "juliet may see the user")
        comes_to_see(juliet, f"{jid}/desk", "")

    def test_the_sip_user_grants_it(self, town, people, juliet, death):
        phone, jid = people.phone(name_of("grants", death)), town.jid_of(name_of("grants", death))
        juliet.tells("subscribe", to=jid)
        sight = phone.is_asked()
        sight.notifies("pending;expires=600")
        done = death.in_the_middle_of(lambda: sight.notifies("active;expires=600", Tuple("desk")))
        juliet = death.is_over(juliet, phone)
        if not done:
            sight.notifies("active;expires=600", Tuple("desk"))
        until(lambda: juliet.roster()[jid] == "to", "juliet may see the user")
        comes_to_see(juliet, f"{jid}/desk", "")

    def test_the_sip_user_shows_something_else(self, town, people, juliet, death):
        phone, sight, jid = sees_the_sip_user(town, people, juliet, name_of("shows", death))
        away = Tuple("desk", show="away")
        death.in_the_middle_of(lambda: sight.notifies("active;expires=600", away))
        juliet = death.is_over(juliet, phone)
        sight.notifies("active;expires=600", Tuple("desk", show="dnd"))
        comes_to_see(juliet, f"{jid}/desk", "dnd")
        assert juliet.roster()[jid] == "to"

    def test_the_sip_user_takes_it_back(self, town, people, juliet, death):
        phone, sight, jid = sees_the_sip_user(town, people, juliet, name_of("takes", death))
        done = death.in_the_middle_of(lambda: sight.notifies("terminated;reason=rejected"))
        juliet = death.is_over(juliet, phone)
        if not done:
            sight.notifies("terminated;reason=rejected")
        until(lambda: juliet.roster().get(jid, "none") == "none", "juliet may see the user no more")

    def test_it_is_refreshed(self, town, people, juliet, death):
        """A lease of a few seconds runs out over the death, or is refreshed: juliet goes on to see the user."""
        phone, sight, jid = sees_the_sip_user(town, people, juliet, name_of("leased", death))
        sight.notifies("active;expires=3", Tuple("desk"))
        death.in_the_middle_of(lambda: sight.is_refreshed(within=4))
        juliet = death.is_over(juliet, phone)
        last = phone.sights[-1]
        until(lambda: phone.sights[-1] is not last or last.refreshes, "the phone is asked again", within=20)
        phone.sights[-1].notifies("active;expires=600", Tuple("desk", show="xa"))
        while juliet.sees_or_not(f"{jid}/desk") != "xa":
            pass
        assert juliet.roster()[jid] == "to"


class TestASipUserWatchesAnXmppUser:
    def test_the_sip_user_asks(self, town, people, juliet, death):
        phone, jid = people.phone(name_of("asks", death)), town.jid_of(name_of("asks", death))
        watches = []
        ask = lambda: watches.append(phone.watches(town.uri_of("juliet")))  # noqa: E731 (it is called twice)
        done = death.in_the_middle_of(ask)
        juliet = death.is_over(juliet, phone)
        if not done:
            ask()
        juliet.is_told("subscribe", jid)
        watches[-1].hears("pending")
        juliet.tells("subscribed", to=jid)
        watches[-1].sees(balcony="")
        never_ended(watches[-1])

    def test_the_xmpp_user_grants_it(self, town, people, juliet, death):
        phone, jid = people.phone(name_of("granted", death)), town.jid_of(name_of("granted", death))
        watch = phone.watches(town.uri_of("juliet"))
        watch.hears("pending")
        juliet.is_told("subscribe", jid)
        death.in_the_middle_of(lambda: juliet.tells("subscribed", to=jid))
        juliet = death.is_over(juliet, phone)
        if juliet.roster().get(jid) != "from":      # the approval died with the XMPP server
            juliet.tells("subscribed", to=jid)
        watch.sees(balcony="")
        never_ended(watch)

    def test_the_xmpp_user_shows_something_else(self, town, people, juliet, death):
        phone, watch, jid = is_seen(town, people, juliet, name_of("shown", death))
        death.in_the_middle_of(lambda: juliet.shows(show="away"))
        juliet = death.is_over(juliet, phone)
        juliet.shows(show="dnd")
        watch.sees(balcony="dnd")
        never_ended(watch)
        assert juliet.roster()[jid] == "from"

    def test_the_xmpp_user_takes_it_back(self, town, people, juliet, death):
        """A server does not say twice that it was taken back; it shows nothing of the user any more."""
        phone, watch, jid = is_seen(town, people, juliet, name_of("jilted", death))
        death.in_the_middle_of(lambda: juliet.tells("unsubscribed", to=jid))
        juliet = death.is_over(juliet, phone)
        if juliet.roster().get(jid, "none") == "from":
            juliet.tells("unsubscribed", to=jid)
        shows_nothing = lambda: not open_in(watch)  # noqa: E731 (a condition with a name)
        until(shows_nothing, "the phone sees juliet no more", within=20)
        juliet.shows(show="dnd")
        juliet.roster()
        assert shows_nothing()

    def test_the_sip_user_refreshes(self, town, people, juliet, death):
        phone, watch, _ = is_seen(town, people, juliet, name_of("refreshes", death))
        done = death.in_the_middle_of(watch.refreshes)
        juliet = death.is_over(juliet, phone)
        if not done:
            watch.refreshes()
        juliet.shows(show="away")
        watch.sees(balcony="away")
        never_ended(watch)

    def test_the_sip_user_ends_it(self, town, people, juliet, death):
        """juliet is not asked for a grant again; a later watch is let in at once."""
        phone, watch, jid = is_seen(town, people, juliet, name_of("ends", death))
        if not death.in_the_middle_of(lambda: watch.refreshes(expires=0)):
            death.is_over(juliet, phone)
            try:
                watch.refreshes(expires=0)
            except AssertionError:
                watch.refreshes(expires=0, expect=481)      # the first time it had arrived
        juliet = death.is_over(juliet, phone)
        phone.watches(town.uri_of("juliet")).sees(balcony="")
        assert juliet.roster()[jid] == "from"


def open_in(watch):
    """The devices that the last document shows as there; none where the subscription is over."""
    from harness import pidf
    last = watch.notified[-1]
    if last["Subscription-State"].startswith("terminated"):
        return []
    documents = [notify for notify in watch.notified if notify.body]
    return [each for each in pidf.parse(documents[-1].body).values() if each.basic == "open"] if documents else []
