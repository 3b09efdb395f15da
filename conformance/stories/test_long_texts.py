"""Texts that are too long for one MESSAGE go in parts."""

import pytest

from harness.baresip import Baresip
from harness.linphone import Linphone
from harness.sip_ua import spoken_text
from harness.town import Town
from harness.waiting import until


@pytest.fixture(scope="module")
def town():
    with Town() as town:
        yield town


def words(octets):
    text = ""
    for number in range(octets):
        text += f"word{number} "
        if len(text) >= octets:
            return text[:octets].strip()


def parts(romeo, text):
    """The requests that the phone took until it has the whole text."""
    heard = []
    while "".join(spoken_text(part) for part in heard) != text:
        heard.append(romeo.hears())
        assert text.startswith("".join(spoken_text(part) for part in heard))
    return heard


def test_a_long_text_arrives_in_order(town, juliet, romeo):
    text = words(3000)
    juliet.says(text, to=town.jid_of("romeo"))
    juliet.says("that was it", to=town.jid_of("romeo"))
    heard = parts(romeo, text)
    assert len(heard) > 2
    assert len({part.get("Call-ID") for part in heard}) == len(heard)
    assert [part.get("CSeq") for part in heard] == len(heard) * ["1 MESSAGE"]
    romeo.hears("that was it")
    assert juliet.unheard() == []


def test_baresip_shows_all_of_it(town, juliet, people):
    """baresip 1.0 takes a text of more than 500 octets and shows nothing of it: once it is known, its parts are shorter."""
    bob = people.starts(Baresip(town.lab, "sip:bob@sip.test", town.kamailio.target, [town.uri_of("juliet")]))
    bob.says("here", to=town.uri_of("juliet"))
    juliet.hears("here")
    text = words(2000)
    juliet.says(text, to=town.jid_of("bob"))
    juliet.says("that was it", to=town.jid_of("bob"))
    bob.hears("that was it")
    shown = [line.split(': "', 1)[1].removesuffix('"') for line in bob.screen_tail().splitlines()]
    assert "".join(shown[:-1]) == text
    assert len(shown) > 3
    assert juliet.unheard() == []


def test_linphone_shows_all_of_it(town, juliet, people):
    """First in bare text, as nothing is known of it, then in objects."""
    dave = people.starts(Linphone(town.lab, "sip:dave@sip.test", town.kamailio.target, traced=True))
    for form in ("text/plain", "message/cpim"):
        before, text = len(dave.shown()), words(2500)
        juliet.says(text, to=town.jid_of("dave"))
        shown = until(lambda: dave.shown()[before:] if "".join(dave.shown()[before:]) == text else None,
                      lambda: f"linphone shows all of it: {dave.shown()[before:]}")
        parts = dave.taken()[before:]
        assert len(shown) == len(parts) > 2
        assert {media_type for _, media_type, _ in parts} == {form}
        assert len({call_id for call_id, _, _ in parts}) == len(parts)
    assert juliet.unheard() == []


def test_a_part_that_is_refused_is_the_last_one(town, juliet, romeo):
    romeo.answers(200, 486)
    juliet.says(words(3000), to=town.jid_of("romeo"), id="long")
    juliet.gets_error("long", "recipient-unavailable")
    juliet.says("something short", to=town.jid_of("romeo"))
    romeo.hears()
    romeo.hears("something short")
    assert len(romeo.received) == 3


def test_killed_between_two_parts(town, juliet, romeo):
    """The third part waits for its answer when stox is killed: the next process goes on from there."""
    text = words(4000)
    romeo.answers(200, 200, None)
    juliet.says(text, to=town.jid_of("romeo"))
    romeo.waits_for(lambda: len(romeo.received) == 3, "the third part")
    third = romeo.received[2]
    journal = town.stox.folder / "var/stox.journal"
    request = f"Call-ID: {third.get('Call-ID')}\r\nCSeq: {third.get('CSeq')}\r\n".encode()
    until(lambda: request in journal.read_bytes(), "the journal has it")
    town.stox.kill()
    town.stox.start()
    romeo.answers_late(third, 200)
    romeo.waits_for(lambda: "".join(map(spoken_text, romeo.received)) == text, "all of it, and nothing twice")
    juliet.says("that was it", to=town.jid_of("romeo"))
    romeo.waits_for(lambda: spoken_text(romeo.received[-1]) == "that was it", "what was said then")
    assert "".join(map(spoken_text, romeo.received[:-1])) == text
