"""The gateway's octets as they leave, seen by a scripted user agent in the proxy's place."""

import re
import time

import pytest

from harness import cpim
from harness.sip_message import uri_parts
from harness.sip_ua import Answer, spoken_text
from harness.town import Town
from harness.waiting import TooLate

FAST_T1 = "100ms"       # a fifth of the default, and so every timer that is made of it
DEFAULT_T1 = 0.5


@pytest.fixture(scope="module")
def town():
    with Town(scripted_proxy=True, sip={"t1": FAST_T1}) as town:
        yield town


@pytest.fixture
def proxy(town):
    """Hears what is for any SIP user; forgets what earlier stories said."""
    town.proxy.forget()
    town.proxy.always_answers(200)
    yield town.proxy
    town.proxy.raise_faults()


def test_arch_008_a_complete_request(juliet, proxy):
    """The lint of every request looks at the rest."""
    juliet.says("hello", to="romeo@sip.xmpp.test")
    request = proxy.hears("hello")
    assert request.uri == "sip:romeo@sip.test"
    assert request["Max-Forwards"] == "70"
    assert len(request.vias) == 1 and request.branch.startswith("z9hG4bK")
    assert request.from_tag and request.to_tag is None
    assert request.cseq[1] == "MESSAGE"


def test_arch_009_length_is_counted_in_octets(juliet, proxy):
    juliet.says("é", to="counted@sip.xmpp.test")
    assert proxy.hears("é")["Content-Length"] == "2"
    juliet.says("a\nb", to="counted@sip.xmpp.test")
    assert proxy.hears("a\nb")["Content-Length"] == "3"


def test_msg_013_no_contact_in_a_message(juliet, proxy):
    juliet.says("hello", to="romeo@sip.xmpp.test")
    assert proxy.hears("hello").get("Contact") is None


def test_msg_007_a_guessed_resource_is_left_out(juliet, proxy):
    juliet.says("hello", to="romeo@sip.xmpp.test/foo")
    assert proxy.hears("hello").uri == "sip:romeo@sip.test"

    proxy.says("known now", to="juliet@xmpp.test", from_uri="sip:romeo@sip.test;gr=dr4")
    juliet.hears("known now")
    juliet.says("to that one", to="romeo@sip.xmpp.test/dr4")
    assert proxy.hears("to that one").uri == "sip:romeo@sip.test;gr=dr4"


def test_the_object_and_the_envelope_agree(juliet, proxy):
    said = cpim.write("I read objects", sender="sip:paris@sip.test", recipient="sip:juliet@xmpp.test")
    proxy.says(said.decode(), to="juliet@xmpp.test", content_type=cpim.MEDIA_TYPE, from_uri="sip:paris@sip.test")
    juliet.hears("I read objects")
    juliet.says("agreed", to="paris@sip.xmpp.test")
    request = proxy.hears("agreed")
    thing = cpim.parse(request.body)
    assert thing.get("From") == f"<{request.from_uri}>"
    assert thing.get("To") == f"<{request.to_uri}>"


def test_arch_016_a_retransmission_is_answered_again(juliet, proxy):
    request = proxy.make("MESSAGE", "juliet@xmpp.test", body=b"only once", content_type="text/plain")
    transaction = proxy.begin(request)
    first = transaction.wait()
    for _ in range(2):
        proxy.send_raw(request.to_bytes())
    proxy.waits_for(lambda: len(transaction.later_finals) >= 2, "two more answers")

    assert first.status == 200
    assert [again.raw for again in transaction.later_finals] == 2 * [first.raw]
    juliet.hears("only once")
    proxy.says("a marker", to="juliet@xmpp.test")
    juliet.hears("a marker")


def test_a_lost_request_is_sent_again(juliet, proxy):
    """Timer E: T1, 2 T1 and 4 T1 after the one before; what a busy machine adds does not matter."""
    proxy.loses(3)
    spoken = time.monotonic()
    juliet.says("lost three times", to="romeo@sip.xmpp.test")
    heard = proxy.hears("lost three times")
    times = [seen.seen_at for seen in proxy.lost] + [heard.seen_at]
    after = [seen_at - spoken for seen_at in times]
    assert all(seen >= earliest for seen, earliest in zip(after, (0, 0.1, 0.3, 0.7))), after
    assert after[-1] < 7 * DEFAULT_T1, after
    assert len({seen.raw for seen in [*proxy.lost, heard]}) == 1


def test_arch_017_a_target_that_never_answers(juliet, proxy):
    """Timer F is 64 T1: 6.4 s here."""
    proxy.always_answers(Answer(None))
    sent = juliet.says("into the dark", to="romeo@sip.xmpp.test")
    juliet.gets_error(sent, "remote-server-timeout", "wait")
    gone = [request for request in proxy.received if request.method == "MESSAGE"][-1]
    last = [again for again, _ in proxy.retransmissions if again.method == "MESSAGE"][-1]
    assert 4 <= last.seen_at - gone.seen_at <= 2 * 6.4


def test_msg_014_the_next_waits_for_the_answer(juliet, proxy):
    proxy.always_answers(Answer(None))
    for text in ("one", "two", "three"):
        juliet.says(text, to="slow@sip.xmpp.test")
    first = proxy.gets()
    with pytest.raises(TooLate):
        proxy.gets(within=0.5)
    proxy.always_answers(200)
    proxy.answers_late(first, 200)
    proxy.hears("two")
    proxy.hears("three")


def test_arch_018_an_unknown_code_counts_as_its_class(juliet, proxy):
    proxy.answers(499)
    sent = juliet.says("odd", to="romeo@sip.xmpp.test")
    juliet.gets_error(sent, "bad-request", "modify")


def test_msg_019_one_error_for_one_message(juliet, proxy):
    proxy.answers(486)
    sent = juliet.says("busy?", to="romeo@sip.xmpp.test")
    juliet.gets_error(sent, "recipient-unavailable")
    juliet.says("a marker", to="romeo@sip.xmpp.test")
    proxy.hears("a marker")
    proxy.says("another", to="juliet@xmpp.test")
    juliet.hears("another")
    assert juliet.unheard() == []


def test_msg_053_no_hop_left(juliet, proxy):
    proxy.says("too far", to="juliet@xmpp.test", max_forwards=0, expect=483)
    assert proxy.asks("OPTIONS", "sip:xmpp.test", max_forwards=0).status == 200
    proxy.says("just far enough", to="juliet@xmpp.test", max_forwards=1)
    juliet.hears("just far enough")
    assert juliet.unheard() == []


def test_arch_013_methods_it_does_not_serve(proxy):
    assert proxy.asks("FOO", "juliet@xmpp.test").status == 501
    refusal = proxy.asks("REGISTER", "sip:xmpp.test").final
    assert refusal.status == 405
    assert "MESSAGE" in refusal["Allow"]


def test_arch_014_an_extension_it_does_not_know(juliet, proxy):
    refusal = proxy.says("demanding", to="juliet@xmpp.test", headers=[("Require", "foo")], expect=420).final
    assert refusal["Unsupported"] == "foo"
    assert juliet.unheard() == []


def test_options_tells_what_it_does(town, proxy):
    answer = proxy.asks("OPTIONS", f"sip:{town.stox.address}").final
    assert answer.status == 200
    methods = [method.strip() for method in ",".join(answer.all("Allow")).split(",")]
    assert {"MESSAGE", "OPTIONS"} <= set(methods)
    accepted = ",".join(answer.all("Accept"))
    assert "text/plain" in accepted and "message/cpim" in accepted


def test_sec_022_no_header_slips_in_by_a_subject(juliet, proxy):
    juliet.says("body", to="romeo@sip.xmpp.test", subject="a\nFrom: <sip:mallory@sip.test>\n\nb")
    request = proxy.hears("body")
    assert len(request.all("From")) == 1 and "mallory" not in request["From"]
    assert request["Subject"].startswith("a")


def test_malformed_requests_harm_nobody(juliet, proxy):
    for octets in (b"\r\n\r\n", b"garbage\r\n\r\n", b"MESSAGE sip:juliet@xmpp.test SIP/2.0\r\n\r\n",
                   b"SIP/2.0 200 OK\r\n\r\n", bytes(range(256)), b"MESSAGE " + b"x" * 60_000):
        proxy.send_raw(octets)
    proxy.says("still there?", to="juliet@xmpp.test")
    juliet.hears("still there?")
    proxy.faults.clear()        # whatever it answered to garbage answers no transaction of ours


def test_msg_012_a_request_over_1300_octets(juliet, proxy):
    """First the size of everything but the text is measured, then texts just at and over the bound are sent."""
    juliet.says("x", to="large@sip.xmpp.test", id="measure", thread="size")
    overhead = len(proxy.hears("x").raw) - 1

    def text_for(total):
        # three more digits of Content-Length: one digit became three or four
        room = total - overhead
        return "y" * (room - (len(str(room)) - 1))

    juliet.says(text_for(1300), to="large@sip.xmpp.test", id="fits", thread="size")
    assert len(proxy.hears(text_for(1300)).raw) <= 1300
    juliet.says(text_for(1310), to="large@sip.xmpp.test", id="too-large", thread="size")
    first, second = proxy.hears(), proxy.hears()
    assert len(first.raw) <= 1300 and len(second.raw) <= 1300
    assert spoken_text(first) + spoken_text(second) == text_for(1310)
    juliet.says("and no more", to="large@sip.xmpp.test")
    proxy.hears("and no more")
    assert juliet.unheard() == []


def test_the_user_part_is_escaped(juliet, proxy):
    juliet.says("to an odd name", to=r"o\27malley\26co@sip.xmpp.test")
    assert re.fullmatch(r"sip:o('|%27)malley(&|%26)co@sip\.test", proxy.hears("to an odd name").uri)
    proxy.says("from an odd name", to="juliet@xmpp.test", from_uri="sip:o'malley&co@sip.test")
    juliet.hears("from an odd name", sender=r"o\27malley\26co@sip.xmpp.test")
