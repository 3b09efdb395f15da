"""juliet (XMPP) and romeo (SIP) write to each other."""

from harness.sip_ua import spoken_text

EVERY_ESCAPE = """<b>bold & "quoted" it's</b> &amp; &lt; &#65; ]]> <![CDATA[x]]> <!-- no --> <?pi?> \\27 %20 100%"""
EVERY_SCRIPT = "family 👩‍👩‍👧 שלום עולם مرحبا e\u0301 Ångström 漢字 \U0001F3F4\U000E0067\U000E007F\ttab\n\n  new lines \n"


def test_they_talk(juliet, romeo):
    juliet.says("Art thou not Romeo, and a Montague?", to="romeo@sip.xmpp.test")
    romeo.hears("Art thou not Romeo, and a Montague?")

    romeo.says("Neither, fair saint, if either thee dislike.", to="juliet@xmpp.test")
    juliet.hears("Neither, fair saint, if either thee dislike.", sender="romeo@sip.xmpp.test")


def test_every_xml_escape_reaches_romeo(juliet, romeo):
    juliet.says(EVERY_ESCAPE, to="romeo@sip.xmpp.test")
    romeo.hears(EVERY_ESCAPE)


def test_every_xml_escape_reaches_juliet(juliet, romeo):
    romeo.says(EVERY_ESCAPE, to="juliet@xmpp.test")
    juliet.hears(EVERY_ESCAPE)


def test_msg_062_every_script_both_ways(juliet, romeo):
    juliet.says(EVERY_SCRIPT, to="romeo@sip.xmpp.test")
    romeo.hears(EVERY_SCRIPT)

    romeo.says(EVERY_SCRIPT, to="juliet@xmpp.test", content_type="text/plain;charset=UTF-8")
    juliet.hears(EVERY_SCRIPT)


def test_msg_025_text_is_unescaped_exactly_once(juliet, romeo):
    juliet.sends_raw("<message to='romeo@sip.xmpp.test' type='chat'><body>a &amp; b &amp;lt; c</body></message>")
    romeo.hears("a & b &lt; c")


def test_msg_026_a_line_feed_stays_one(juliet, romeo):
    juliet.says("a\nb", to="romeo@sip.xmpp.test")
    assert spoken_text(romeo.hears()) == "a\nb"


def test_msg_063_line_ends_become_line_feeds(juliet, romeo):
    romeo.says("a\r\nb\rc", to="juliet@xmpp.test")
    juliet.hears("a\nb\nc")


def test_msg_005_the_resource_stays_behind(juliet, romeo):
    """With it, one person is many strangers in the lists of several SIP clients."""
    juliet.says("which Juliet?", to="romeo@sip.xmpp.test")
    request = romeo.hears("which Juliet?")
    assert request.from_uri == "sip:juliet@xmpp.test"


def test_msg_036_gr_becomes_the_resource(juliet, romeo):
    romeo.says("from the orchard", to="juliet@xmpp.test", from_uri="sip:romeo@sip.test;gr=orchard")
    assert juliet.hears("from the orchard").sender == "romeo@sip.xmpp.test/orchard"

    romeo.says("from somewhere", to="juliet@xmpp.test")
    assert juliet.hears("from somewhere").sender == "romeo@sip.xmpp.test"


def test_msg_002_subject_to_sip(juliet, romeo):
    juliet.says("body", to="romeo@sip.xmpp.test", subject="Hi!")
    romeo.hears("body", subject="Hi!")


def test_msg_037_subject_to_xmpp(juliet, romeo):
    romeo.says("body", to="juliet@xmpp.test", headers=[("Subject", "Hi!")])
    assert juliet.hears("body").subject == "Hi!"


def test_msg_003_each_message_has_a_call_id_of_its_own(juliet, romeo):
    """Linphone takes the second of one Call-ID for a copy, whatever the thread."""
    thread = "29377446-0CBB-4296-8958-590D79094C50"
    juliet.says("one", to="romeo@sip.xmpp.test", thread=thread)
    juliet.says("two", to="romeo@sip.xmpp.test", thread=thread)
    first, second = romeo.hears("one"), romeo.hears("two")
    assert len({thread, first.call_id, second.call_id}) == 3
    assert first.cseq == second.cseq == (1, "MESSAGE")


def test_msg_033_a_call_id_makes_no_thread(juliet, romeo):
    """SIP clients make a new one for each message, so it says nothing."""
    romeo.says("one", to="juliet@xmpp.test", call_id="9E97FB43-85F4-4A00-8751-1124FD4C7B2E")
    assert juliet.hears("one").thread is None


def test_two_messages_of_one_call_have_two_ids(juliet, romeo):
    romeo.says("first", to="juliet@xmpp.test", call_id="balcony-scene", from_tag="r1", cseq=1)
    romeo.says("second", to="juliet@xmpp.test", call_id="balcony-scene", from_tag="r1", cseq=2)

    first, second = juliet.hears("first"), juliet.hears("second")
    assert first.thread is None and second.thread is None
    assert first.id and second.id and first.id != second.id


def test_msg_006_an_id_used_twice_is_two_messages(juliet, romeo):
    juliet.says("one", to="romeo@sip.xmpp.test", id="1")
    juliet.says("two", to="romeo@sip.xmpp.test", id="1")
    romeo.hears("one")
    romeo.hears("two")

    odd = 'a 1"'
    juliet.says("three", to="nobody@sip.xmpp.test", id=odd)
    juliet.gets_error(odd, "item-not-found")


def test_msg_009_language_to_sip(juliet, romeo):
    juliet.says("ahoj", to="romeo@sip.xmpp.test", lang="cs")
    romeo.hears("ahoj", content_language="cs")


def test_msg_034_language_to_xmpp(juliet, romeo):
    romeo.says("ahoj", to="juliet@xmpp.test", headers=[("Content-Language", "cs")])
    assert juliet.hears("ahoj").lang == "cs"


def test_msg_040_a_text_is_chat_and_a_subject_alone_is_not(juliet, romeo):
    """Psi opens a window beside the chat for each text of another type."""
    romeo.says("hi", to="juliet@xmpp.test")
    assert juliet.hears("hi").type == "chat"
    romeo.asks("MESSAGE", "juliet@xmpp.test", headers=[("Subject", "Hi!")])
    alone = juliet.hears()
    assert alone.subject == "Hi!" and alone.type in (None, "normal")


def test_msg_047_success_has_no_body(juliet, romeo):
    final = romeo.says("hi", to="juliet@xmpp.test").final
    assert final.status == 200
    assert final["Content-Length"] == "0"
    assert final.get("Contact") is None and final.get("Content-Type") is None


def test_msg_016_success_is_silent_at_juliets(juliet, romeo):
    romeo.answers(200, 202)
    juliet.says("stored", to="romeo@sip.xmpp.test")
    juliet.says("forwarded", to="romeo@sip.xmpp.test")
    romeo.hears("stored")
    romeo.hears("forwarded")

    romeo.says("that was all", to="juliet@xmpp.test")
    juliet.hears("that was all")
    assert juliet.unheard() == []


def test_msg_023_a_chat_state_is_no_message(juliet, romeo):
    juliet.sends_raw("<message to='romeo@sip.xmpp.test' type='chat'>"
                     "<active xmlns='http://jabber.org/protocol/chatstates'/></message>")
    juliet.says("now a word", to="romeo@sip.xmpp.test")
    romeo.hears("now a word")
    assert [request.method for request in romeo.received] == ["MESSAGE"]


def test_msg_031_unknown_extensions_are_left_out(juliet, romeo):
    juliet.sends_raw("<message to='romeo@sip.xmpp.test' type='chat' id='c2'><body>corrected</body>"
                     "<replace id='c1' xmlns='urn:xmpp:message-correct:0'/></message>")
    romeo.hears("* corrected")
