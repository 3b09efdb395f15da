"""The profile rfc7247-strict: RFC 7247 and RFC 7572 as they stand, where the defaults know better."""

import pytest

from harness.sip_message import uri_parts
from harness.town import Town


@pytest.fixture(scope="module")
def town():
    town = Town(rules="rules")
    folder = town.stox.folder / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profiles.yaml").write_text("use: [ rfc7247-strict ]\n", encoding="utf-8")
    with town:
        yield town


def test_msg_001_bare_text_even_for_who_reads_objects(town, juliet, romeo):
    romeo.shows_that_it_reads_objects(juliet, town.uri_of("juliet"))
    juliet.says("Art thou not Romeo, and a Montague?", to="romeo@sip.xmpp.test")
    assert romeo.hears("Art thou not Romeo, and a Montague?").content_type == "text/plain"


def test_msg_005_the_resource_goes_into_gr(juliet, romeo):
    juliet.says("which Juliet?", to="romeo@sip.xmpp.test")
    request = romeo.hears("which Juliet?")
    assert request.from_uri == "sip:juliet@xmpp.test;gr=balcony"


def test_msg_003_thread_to_call_id(juliet, romeo):
    juliet.says("one", to="romeo@sip.xmpp.test", thread="29377446-0CBB-4296-8958-590D79094C50")
    assert romeo.hears("one").call_id == "29377446-0CBB-4296-8958-590D79094C50"

    juliet.says("two", to="romeo@sip.xmpp.test", thread="a b")
    juliet.says("three", to="romeo@sip.xmpp.test", thread="a b")
    assert romeo.hears("two").call_id == romeo.hears("three").call_id


def test_msg_033_call_id_to_thread(juliet, romeo):
    romeo.says("one", to="juliet@xmpp.test", call_id="9E97FB43-85F4-4A00-8751-1124FD4C7B2E")
    assert juliet.hears("one").thread == "9E97FB43-85F4-4A00-8751-1124FD4C7B2E"


def test_two_messages_of_one_call_are_one_thread_with_two_ids(juliet, romeo):
    romeo.says("first", to="juliet@xmpp.test", call_id="balcony-scene", from_tag="r1", cseq=1)
    romeo.says("second", to="juliet@xmpp.test", call_id="balcony-scene", from_tag="r1", cseq=2)

    first, second = juliet.hears("first"), juliet.hears("second")
    assert first.thread == second.thread == "balcony-scene"
    assert first.id and second.id and first.id != second.id


def test_msg_004_one_thread_is_one_call_per_sender(juliet, romeo, people):
    nurse = people.xmpp("nurse")
    juliet.says("one", to="romeo@sip.xmpp.test", thread="1")
    first = romeo.hears("one")
    juliet.says("two", to="romeo@sip.xmpp.test", thread="1")
    second = romeo.hears("two")
    nurse.says("three", to="romeo@sip.xmpp.test", thread="1")
    third = romeo.hears("three")

    assert first.call_id == second.call_id
    assert first.from_tag == second.from_tag
    assert second.cseq[0] == first.cseq[0] + 1
    assert first.vias[-1] != second.vias[-1]
    assert third.from_tag != first.from_tag


def test_two_senders_with_one_thread_are_two_calls(juliet, people, romeo):
    nurse = people.xmpp("nurse")
    juliet.says("mine", to="romeo@sip.xmpp.test", thread="shared")
    nurse.says("hers", to="romeo@sip.xmpp.test", thread="shared")
    requests = {uri_parts(request.from_uri)[1]: request for request in (romeo.hears(), romeo.hears())}
    assert requests["juliet"].from_tag != requests["nurse"].from_tag


def test_msg_040_a_page_is_no_chat(juliet, romeo):
    romeo.says("hi", to="juliet@xmpp.test")
    assert juliet.hears("hi").type in (None, "normal")


def test_msg_012_a_long_text_is_refused(juliet, romeo):
    juliet.says("y" * 1301, to="romeo@sip.xmpp.test", id="too-large")
    juliet.gets_error("too-large", "policy-violation", "modify")
    juliet.says("a marker", to="romeo@sip.xmpp.test")
    romeo.hears("a marker")
    assert len(romeo.received) == 1
