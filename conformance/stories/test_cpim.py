"""Texts inside message/cpim objects, who gets them, and user agents that cannot read them."""

import json
import re

import pytest

from harness import cpim
from harness.lab import Lab
from harness.prosody import Prosody
from harness.sip_ua import Answer
from harness.stox import Stox
from harness.town import SECRET, Town, password_of
from harness.xmpp_user import XmppUser

REFUSES_CPIM = Answer(415, headers=(("Accept", "text/plain"),))
REFUSES_TEXT = Answer(415, headers=(("Accept", "message/cpim"),))
THREAD = "stox.Thread"


@pytest.fixture
def reader(town, juliet, people):
    """Calls a SIP user whose client is known to read objects: it has sent one."""
    return lambda name: people.sip(name).shows_that_it_reads_objects(juliet, town.uri_of("juliet"))


@pytest.fixture
def laurence(reader):
    return reader("laurence")


def test_msg_072_who_never_wrote_gets_text_and_who_wrote_an_object_gets_objects(town, juliet, people):
    peter = people.sip("peter")
    juliet.says("whoever you are", to="peter@sip.xmpp.test")
    assert peter.hears("whoever you are").content_type == "text/plain"

    peter.shows_that_it_reads_objects(juliet, town.uri_of("juliet"))
    juliet.says("now I know", to="peter@sip.xmpp.test")
    assert peter.hears("now I know").content_type == "message/cpim"


def test_msg_001_a_known_reader_gets_a_cpim_object(juliet, laurence):
    juliet.says("Ay me! é 👩‍👩‍👧", to="laurence@sip.xmpp.test")

    request = laurence.hears("Ay me! é 👩‍👩‍👧")
    assert request.content_type == "message/cpim"
    thing = cpim.parse(request.body)
    assert thing.content == "Ay me! é 👩‍👩‍👧".encode()
    assert thing.get("From") == "<sip:juliet@xmpp.test>"
    assert thing.get("To") == "<sip:laurence@sip.test>"


def test_cpim_024_inner_type_is_spelled_as_strict_readers_want(juliet, laurence):
    juliet.says("plain", to="laurence@sip.xmpp.test")
    body = laurence.hears("plain").body
    assert re.search(rb"\r\nContent-Type: text/plain; ?charset=utf-8\r\n", body, re.IGNORECASE)
    assert b"\r\nContent-Type: " in body


def test_cpim_033_an_object_says_when(juliet, laurence):
    juliet.says("when?", to="laurence@sip.xmpp.test")
    when = cpim.parse(laurence.hears("when?").body).get("DateTime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", when), when


def test_msg_003_a_thread_is_a_header_of_the_object_both_ways(juliet, laurence):
    for text in ("one", "two"):
        juliet.says(text, to="laurence@sip.xmpp.test", thread="the cell")
    first, second = laurence.hears("one"), laurence.hears("two")
    assert [cpim.parse(request.body).get(THREAD) for request in (first, second)] == 2 * ["the cell"]
    assert first.call_id != second.call_id

    said = cpim.write("three", sender="sip:laurence@sip.test", recipient="sip:juliet@xmpp.test",
                      more=["NS: any <urn:stox:cpim:0>", "any.Thread: the cell"])
    laurence.says(said.decode(), to="juliet@xmpp.test", content_type=cpim.MEDIA_TYPE)
    assert juliet.hears("three").thread == "the cell"


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


def test_err_097_a_refused_object_goes_again_as_text(juliet, reader):
    mercutio = reader("mercutio").answers(REFUSES_CPIM)
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


def test_what_cannot_read_cpim_is_remembered(juliet, reader):
    benvolio = reader("benvolio").answers(REFUSES_CPIM)
    juliet.says("first", to="benvolio@sip.xmpp.test")
    benvolio.gets()
    benvolio.hears("first")

    juliet.says("second", to="benvolio@sip.xmpp.test")
    assert benvolio.hears("second").content_type == "text/plain"
    assert len(benvolio.received) == 3


def test_msg_071_the_second_attempt_keeps_the_order(juliet, reader):
    paris = reader("paris").answers(Answer(488))
    for text in ("1", "2", "3"):
        juliet.says(text, to="paris@sip.xmpp.test")
    for text in ("1", "2", "3"):
        paris.hears(text)

    forms = [(request.content_type, request.answered) for request in paris.received]
    assert forms == [("message/cpim", 488)] + 3 * [("text/plain", 200)]


def test_msg_071_a_refused_text_goes_again_as_an_object(juliet, people):
    gregory = people.sip("gregory").answers(REFUSES_TEXT)
    for text in ("1", "2", "3"):
        juliet.says(text, to="gregory@sip.xmpp.test")
    for text in ("1", "2", "3"):
        gregory.hears(text)

    forms = [(request.content_type, request.answered) for request in gregory.received]
    assert forms == [("text/plain", 415)] + 3 * [("message/cpim", 200)]
    refused, again = gregory.received[:2]
    assert (again.call_id, again.from_tag, again.cseq[0]) == (refused.call_id, refused.from_tag, refused.cseq[0] + 1)
    assert juliet.unheard() == []


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


class TestACpimServiceAsPeer:
    """`bodies: cpim`: whoever is behind that peer gets objects, and a refusal goes to the sender."""

    @pytest.fixture(scope="class")
    def town(self):
        town = Town(scripted_proxy=True)
        town.stox.config["sip"]["peers"][0].update(name="archive", bodies="cpim")
        with town:
            yield town

    @pytest.fixture
    def archive(self, town):
        """It reads objects and nothing else."""
        town.proxy.forget()
        town.proxy.always_answers(
            lambda request: 200 if request.method != "MESSAGE" or request.content_type == "message/cpim" else REFUSES_TEXT)
        yield town.proxy
        town.proxy.raise_faults()

    def test_msg_073_every_message_is_an_object(self, juliet, archive):
        for number in range(1, 6):
            juliet.says(f"{number}", to=f"box-{number}@sip.xmpp.test")
        requests = [archive.gets() for _ in range(5)]
        assert [(request.content_type, request.answered) for request in requests] == 5 * [("message/cpim", 200)]
        boxes = sorted(cpim.parse(request.body).get("To") for request in requests)
        assert boxes == [f"<sip:box-{number}@sip.test>" for number in range(1, 6)]
        assert juliet.unheard() == []

    def test_msg_073_a_refusal_is_told_once(self, juliet, archive):
        archive.always_answers(lambda request: 415 if request.method == "MESSAGE" else 200)
        lost = juliet.says("not today", to="box-1@sip.xmpp.test")
        juliet.gets_error(lost, "not-acceptable", "modify")
        assert archive.gets().content_type == "message/cpim"

        archive.always_answers(200)
        juliet.says("and now", to="box-1@sip.xmpp.test")
        assert archive.gets().content_type == "message/cpim"
        assert len([request for request in archive.received if "box-1" in request.uri]) == 3
        assert juliet.unheard() == []


RULES = "to_xmpp: { cpim_date_time: delay }\n"
SUBJECT = "{jabber:client}subject"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class TestFromXmppToXmppByCpim:
    """Two gateways, each the other's only peer with `bodies: cpim`: what goes in comes out."""

    @pytest.fixture(scope="class")
    def two_gateways(self):
        """verona.test and mantua.test at one Prosody; between them there is nothing but SIP."""
        with Lab() as lab:
            components = {"mantua.verona.test": SECRET, "verona.mantua.test": SECRET}
            server = Prosody(lab, hosts=["verona.test", "mantua.test"], components=components)
            for user, domain in (("juliet", "verona.test"), ("romeo", "mantua.test")):
                server.add_account(user, domain, password_of(user))
            server.start()
            verona, mantua = (self._gateway(lab, server, *each) for each in (
                (20, "verona", "mantua", 21), (21, "mantua", "verona", 20)))
            verona.launch_with_config()
            mantua.start()
            verona.waits_for_peer("other", "up")
            yield lab, server, (verona, mantua)

    @staticmethod
    def _gateway(lab, server, octet, home, other, others_octet):
        gateway = Stox(
            lab, [(f"{other}.{home}.test", server.component_address, SECRET)],
            {"other": f"sip:{lab.address(others_octet)}:5060;transport=udp"},
            [(f"{other}.{home}.test", f"sip.{other}.test"), (f"{home}.test", f"sip.{home}.test")],
            octet=octet, name=f"stox-{home}", rules="rules")
        gateway.config["sip"]["peers"][0]["bodies"] = "cpim"
        gateway.config["sip"]["options_interval"] = "1s"
        (gateway.folder / "rules").mkdir()
        (gateway.folder / "rules/messages.yaml").write_text(RULES, encoding="utf-8")
        return gateway

    @pytest.fixture
    def pair(self, two_gateways):
        """juliet in verona and romeo in mantua, each by the address that the other writes to."""
        _, server, _ = two_gateways
        users = [XmppUser(f"{name}@{domain}", password_of(name), (server.address, 5222)).login()
                 for name, domain in (("juliet", "verona.test"), ("romeo", "mantua.test"))]
        yield (users[0], "juliet@verona.mantua.test"), (users[1], "romeo@mantua.verona.test")
        for user in users:
            user.logout()

    @pytest.mark.parametrize("way", ["there", "back"])
    def test_what_goes_in_comes_out(self, pair, way):
        (writer, writer_there), (hearer, hearer_here) = pair if way == "there" else reversed(pair)
        writer.sends_raw(
            f"<message to='{hearer_here}' type='chat' id='m1' xml:lang='cs'><subject>Ahoj \\ nazdar</subject>"
            "<subject xml:lang='en'>Hi!</subject><body>Dobrý den, 👩‍👩‍👧 &amp; &lt;lásko&gt;\n!</body>"
            "<thread>the cell</thread><nick xmlns='http://jabber.org/protocol/nick'>Friar \"L\" Laurence</nick>"
            "<delay xmlns='urn:xmpp:delay' stamp='2020-01-07T08:09:10Z'/></message>")
        heard = hearer.hears("Dobrý den, 👩‍👩‍👧 & <lásko>\n!", sender=writer_there)
        assert (heard.type, heard.lang, heard.thread) == ("chat", "cs", "the cell")
        subjects = {subject.get(LANG): subject.text for subject in heard.find_all(SUBJECT)}
        assert subjects == {None: "Ahoj \\ nazdar", "en": "Hi!"}
        assert heard.find("{http://jabber.org/protocol/nick}nick").text == 'Friar "L" Laurence'
        assert heard.find("{urn:xmpp:delay}delay").get("stamp") == "2020-01-07T08:09:10Z"
        assert writer.unheard() == []

    def test_both_gateways_wrote_objects(self, two_gateways):
        _, _, gateways = two_gateways
        for gateway, user in zip(gateways, ("romeo@mantua.verona.test", "juliet@verona.mantua.test")):
            known = gateway.run_command("explain", user, "--json", within=20)
            agents = json.loads(known.stdout)["target"]["agents"]
            assert [agent["reads_cpim"] for agent in agents] == [True], known.stdout
