"""Texts inside message/cpim objects, and user agents that cannot read them."""

import re

from harness import cpim
from harness.sip_ua import Answer

REFUSES_CPIM = Answer(415, headers=(("Accept", "text/plain"),))


def test_romeo_gets_a_cpim_object(juliet, romeo):
    juliet.says("Ay me! é 👩‍👩‍👧", to="romeo@sip.xmpp.test")

    request = romeo.hears("Ay me! é 👩‍👩‍👧")
    assert request.content_type == "message/cpim"
    thing = cpim.parse(request.body)
    assert thing.content == "Ay me! é 👩‍👩‍👧".encode()
    assert thing.get("From") == "<sip:juliet@xmpp.test;gr=balcony>"
    assert thing.get("To") == "<sip:romeo@sip.test>"


def test_cpim_024_inner_type_is_spelled_as_strict_readers_want(juliet, romeo):
    juliet.says("plain", to="romeo@sip.xmpp.test")
    body = romeo.hears("plain").body
    assert re.search(rb"\r\nContent-Type: text/plain; ?charset=utf-8\r\n", body, re.IGNORECASE)
    assert b"\r\nContent-Type: " in body


def test_cpim_033_an_object_says_when(juliet, romeo):
    juliet.says("when?", to="romeo@sip.xmpp.test")
    when = cpim.parse(romeo.hears("when?").body).get("DateTime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", when), when


def test_juliet_reads_the_inner_text(juliet, romeo):
    said = cpim.write("She speaks: <é> & 👩‍👩‍👧", sender="sip:romeo@sip.test", recipient="sip:juliet@xmpp.test")
    romeo.says(said.decode(), to="juliet@xmpp.test", content_type="message/cpim")
    juliet.hears("She speaks: <é> & 👩‍👩‍👧", sender="romeo@sip.xmpp.test")


def test_cpim_057_the_envelope_decides_without_from_and_to(juliet, romeo):
    said = "DateTime: 2026-03-01T12:00:00Z\r\n\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nno names"
    romeo.says(said, to="juliet@xmpp.test", content_type="message/cpim")
    juliet.hears("no names", sender="romeo@sip.xmpp.test")


def test_cpim_038_subject_of_the_object(juliet, romeo):
    said = cpim.write("dobrý den", sender="sip:romeo@sip.test", recipient="sip:juliet@xmpp.test",
                      more=["Subject:;lang=cs Ahoj!"])
    romeo.says(said.decode(), to="juliet@xmpp.test", content_type="message/cpim")
    heard = juliet.hears("dobrý den")
    subject = heard.find("{jabber:client}subject")
    assert subject.text == "Ahoj!"
    assert subject.get("{http://www.w3.org/XML/1998/namespace}lang") == "cs"


def test_err_097_a_refused_object_goes_again_as_text(juliet, people):
    mercutio = people.sip("mercutio").answers(REFUSES_CPIM)
    juliet.says("one", to="mercutio@sip.xmpp.test")

    refused = mercutio.gets()
    again = mercutio.hears("one")
    assert refused.content_type == "message/cpim"
    assert again.content_type == "text/plain"
    assert again.body == b"one"
    assert again.call_id == refused.call_id
    assert again.from_tag == refused.from_tag
    assert again.cseq == (refused.cseq[0] + 1, "MESSAGE")

    mercutio.answers(Answer(415, headers=(("Accept", "text/html"),)))
    lost = juliet.says("two", to="mercutio@sip.xmpp.test")
    juliet.gets_error(lost, "not-acceptable", "modify")
    assert juliet.unheard() == []


def test_what_cannot_read_cpim_is_remembered(juliet, people):
    benvolio = people.sip("benvolio").answers(REFUSES_CPIM)
    juliet.says("first", to="benvolio@sip.xmpp.test")
    benvolio.gets()
    benvolio.hears("first")

    juliet.says("second", to="benvolio@sip.xmpp.test")
    assert benvolio.hears("second").content_type == "text/plain"
    assert len(benvolio.received) == 3


def test_msg_071_the_second_attempt_keeps_the_order(juliet, people):
    paris = people.sip("paris").answers(Answer(488))
    for text in ("1", "2", "3"):
        juliet.says(text, to="paris@sip.xmpp.test")
    for text in ("1", "2", "3"):
        paris.hears(text)

    forms = [(request.content_type, request.answered) for request in paris.received]
    assert forms == [("message/cpim", 488)] + 3 * [("text/plain", 200)]


def test_cpim_019_a_requirement_the_gateway_cannot_meet(juliet, romeo):
    def says(requirement, expect):
        said = cpim.write("must render", sender="sip:romeo@sip.test", recipient="sip:juliet@xmpp.test", more=[
            "NS: Locale <urn:x:locale>", "Subject: s", f"Require: {requirement}"])
        return romeo.says(said.decode(), to="juliet@xmpp.test", content_type="message/cpim", expect=expect).final

    refusal = says("Locale.MustRenderKanji", 488)
    assert refusal["Warning"].startswith("399 ") and "MustRenderKanji" in refusal["Warning"]

    says("Subject", 200)
    juliet.hears("must render")
    assert juliet.unheard() == []


def test_cpim_023_transfer_encoding_is_undone(juliet, romeo):
    said = ("From: <sip:romeo@sip.test>\r\nTo: <sip:juliet@xmpp.test>\r\n\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=")
    romeo.says(said, to="juliet@xmpp.test", content_type="message/cpim")
    juliet.hears("Hello")


def test_cpim_048_the_object_cannot_change_who_speaks(juliet, romeo):
    said = cpim.write("trust me", sender="im:mallory@evil.test", recipient="sip:juliet@xmpp.test")
    romeo.says(said.decode(), to="juliet@xmpp.test", content_type="message/cpim")
    juliet.hears("trust me", sender="romeo@sip.xmpp.test")
