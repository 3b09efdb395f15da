"""Stanzas of one user that are beyond a bound are refused alone: the component stream stands, and nobody loses a word.

The attacker's client sends 1,100 elements one in another, and an attribute of 60,000 apostrophes, of which a server
makes six octets each; five a second, while two bystanders talk.
"""

import time

import pytest

from harness.town import Town

ROUNDS = 50
PER_ROUND = 3
PAUSE = 0.2


@pytest.fixture(scope="module", params=["prosody", "ejabberd"])
def town(request):
    domains = {"xmpp_domain": "ejab.test", "component": "sip.ejab.test"} if request.param == "ejabberd" else {}
    with Town(xmpp_server=request.param, **domains) as town:
        yield town


def deep(to, id):
    inner = "<a>" * 1100 + "</a>" * 1100
    return f"<message to='{to}' id='{id}'><a xmlns='x'>{inner}</a></message>"


def wide(to, id):
    return f"<message to='{to}' id='{id}'><a xmlns='x' z=\"{chr(39) * 60000}\"/></message>"


def own_tag(to, id):
    return f"<message to='{to}' id='{id}' z=\"{chr(39) * 60000}\"/>"


@pytest.mark.parametrize("stanza", [deep, wide])
def test_sec_026_a_bystander_loses_nothing(town, people, stanza):
    attacker, juliet, romeo = people.xmpp("tybalt"), people.xmpp("juliet"), people.sip("romeo")
    drops = links_lost(town)
    for number in range(ROUNDS):
        begun = time.monotonic()
        attacker.sends_raw(stanza(town.jid_of("romeo"), f"h{number}"))
        for word in range(PER_ROUND):
            juliet.says(f"{number}.{word}", to=town.jid_of("romeo"))
        time.sleep(max(0, PAUSE - (time.monotonic() - begun)))
    for number in range(ROUNDS):
        for word in range(PER_ROUND):
            romeo.hears(f"{number}.{word}")
    for number in range(ROUNDS):
        attacker.gets_error(f"h{number}", "bad-request")
    assert juliet.unheard() == []
    assert links_lost(town) == drops


def test_sec_026_a_start_tag_too_large_by_itself(town, people):
    """Not every server lets such a stanza pass: what counts is that the stream stands."""
    attacker, juliet, romeo = people.xmpp("tybalt"), people.xmpp("juliet"), people.sip("romeo")
    drops = links_lost(town)
    for number in range(5):
        attacker.sends_raw(own_tag(town.jid_of("romeo"), f"t{number}"))
    romeo.says("are you well?", to=town.uri_of("juliet"))
    juliet.hears("are you well?")
    juliet.says("very", to=town.jid_of("romeo"))
    romeo.hears("very")
    assert links_lost(town) == drops


def links_lost(town):
    return town.stox.log_text().count("component link down")
