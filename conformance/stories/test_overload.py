"""More than a side can take: refused with words and counted, and over when it is over."""

import pytest

from harness.sip_ua import Answer
from harness.town import Town
from harness.waiting import until

HELD, WAITING, ALL = 20, 5, 12


@pytest.fixture(scope="module")
def town():
    limits = {"unconfirmed": HELD, "queue_per_target": WAITING, "queue": ALL, "queue_per_sender": ALL, "outstanding_per_target": 2}
    with Town(scripted_proxy=True, limits=limits) as town:
        yield town


@pytest.fixture
def proxy(town):
    town.proxy.forget()
    town.proxy.always_answers(200)
    return town.proxy


def test_an_xmpp_server_that_stands_still(town, juliet, proxy):
    """What it may still take is held for a moment; the rest is told to go elsewhere; nothing gets a false 2xx."""
    proxy.says("before", to="juliet@xmpp.test")
    juliet.hears("before")
    town.xmpp_server.freeze()
    try:
        pending = [proxy.sends(f"{number}", to="juliet@xmpp.test") for number in range(3 * HELD)]
        finals = [one.wait(20) for one in pending]
    finally:
        town.xmpp_server.thaw()
    statuses = [final.status for final in finals]
    assert set(statuses) == {503, 504}, statuses
    assert statuses.count(504) == HELD
    assert all(final.get("Retry-After") for final in finals if final.status == 503)
    until(lambda: town.stox.status()["links"][0]["unconfirmed"] == 0, "nothing is held any more")
    town.stox.waits_for_link("up")
    # no restart: the next one is delivered; what was written and not confirmed may have come before it
    proxy.says("after", to="juliet@xmpp.test")
    heard = []
    until(lambda: heard.append(juliet.hears().body) or heard[-1] == "after", "the next one is there")
    assert len(heard) <= HELD + 1


def test_a_sip_user_that_stands_still(town, juliet, proxy):
    """One target's queue is bounded, and another target is served meanwhile."""
    proxy.always_answers(lambda request: Answer(None if "slow" in request.uri else 200))
    sent = [juliet.says(f"{number}", to="slow@sip.xmpp.test") for number in range(WAITING + 4)]
    for refused in sent[WAITING + 1:]:
        juliet.gets_error(refused, "resource-constraint", "wait")
    juliet.says("meanwhile", to="romeo@sip.xmpp.test")
    until(lambda: any(b"meanwhile" in request.body for request in proxy.received), "another target is served")

    first = next(request for request in proxy.received if "slow" in request.uri)
    proxy.always_answers(200)
    proxy.answers_late(first, 200)
    until(lambda: any(request.body.endswith(str(WAITING).encode()) for request in proxy.received),
          "all that waited is sent")
    assert juliet.unheard() == []


def test_too_much_for_all_together(town, juliet, proxy):
    proxy.always_answers(lambda request: Answer(None if request.method == "MESSAGE" else 200))
    sent = [juliet.says("x", to=f"user{number}@sip.xmpp.test") for number in range(ALL + 3)]
    for refused in sent[ALL:]:
        juliet.gets_error(refused, "resource-constraint", "wait")

    def waiting():
        return [request for request in proxy.received if request.method == "MESSAGE" and "user" in request.uri]
    until(lambda: len(waiting()) == ALL, "all that was taken is on its way")
    proxy.always_answers(200)
    for request in waiting():
        proxy.answers_late(request, 200)
    until(lambda: town.stox.status()["gauges"]["messages_to_sip_in_flight"] == 0, "nothing is in flight")
    juliet.says("room again", to="romeo@sip.xmpp.test")
    until(lambda: any(b"room again" in request.body for request in proxy.received), "there is room again")
