"""Kinds of messages: what crosses, in which form, and what stays."""


def test_msg_008_the_type_makes_no_difference(juliet, romeo):
    juliet.says("typed", to="romeo@sip.xmpp.test", type="chat", thread="kinds")
    juliet.says("typed", to="romeo@sip.xmpp.test", type=None, thread="kinds")
    first, second = romeo.hears("typed"), romeo.hears("typed")

    def lasting(request):
        changing = ("Via", "From", "Call-ID", "CSeq", "Max-Forwards", "Date")
        return [(name, value) for name, value in request.headers if name not in changing]

    assert lasting(first) == lasting(second)
    assert first.from_uri == second.from_uri


def test_msg_010_one_body_of_two_languages(juliet, romeo):
    juliet.sends_raw("<message to='romeo@sip.xmpp.test' type='chat' xml:lang='en'><body>good morning</body>"
                     "<body xml:lang='cs'>dobré ráno</body></message>")
    romeo.hears("good morning", content_language="en")


def test_msg_011_one_subject_of_two_languages(juliet, romeo):
    juliet.sends_raw("<message to='romeo@sip.xmpp.test' type='chat' xml:lang='en'><subject>Hi!</subject>"
                     "<subject xml:lang='cs'>Ahoj!</subject><body>body</body></message>")
    assert romeo.hears("body").all("Subject") == ["Hi!"]


def test_msg_021_headlines_cross_and_groupchat_does_not(juliet, romeo):
    juliet.says("news", to="romeo@sip.xmpp.test", type="headline")
    romeo.hears("news")

    sent = juliet.says("hello, room", to="romeo@sip.xmpp.test", type="groupchat")
    juliet.gets_error(sent, "service-unavailable", "cancel")
    juliet.says("a marker", to="romeo@sip.xmpp.test")
    romeo.hears("a marker")


def test_msg_024_the_plain_body_wins_over_xhtml(juliet, romeo):
    juliet.sends_raw(
        "<message to='romeo@sip.xmpp.test' type='chat'><body>*bold*</body>"
        "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>"
        "<p><strong>bold</strong></p></body></html></message>")
    romeo.hears("*bold*")


def test_msg_030_a_carbon_copy_is_no_message(juliet, romeo):
    juliet.sends_raw(
        "<message to='romeo@sip.xmpp.test' type='chat'><sent xmlns='urn:xmpp:carbons:2'>"
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='juliet@xmpp.test/balcony' "
        "to='nurse@xmpp.test'><body>a copy</body></message></forwarded></sent></message>")
    juliet.says("a marker", to="romeo@sip.xmpp.test")
    romeo.hears("a marker")
    assert len(romeo.received) == 1


def test_msg_046_success_is_200(juliet, romeo):
    final = romeo.says("hi", to="juliet@xmpp.test").final
    assert (final.status, final.body, final.get("Contact")) == (200, b"", None)


def test_msg_057_every_message_has_an_id(juliet, romeo):
    for number in range(5):
        romeo.says(f"{number}", to="juliet@xmpp.test")
    ids = [juliet.hears(f"{number}").id for number in range(5)]
    assert all(ids) and len(set(ids)) == 5


def test_composing_is_no_text(juliet, romeo):
    state = ("<?xml version='1.0' encoding='UTF-8'?><isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>"
             "<state>active</state></isComposing>")
    romeo.asks("MESSAGE", "juliet@xmpp.test", body=state.encode(), content_type="application/im-iscomposing+xml")
    romeo.says("a word", to="juliet@xmpp.test")
    juliet.hears("a word")


def test_msg_066_a_thread_makes_no_dialog(juliet, romeo):
    for number in range(10):
        juliet.says(f"{number}", to="romeo@sip.xmpp.test", thread="one-thread")
    for number in range(10):
        assert romeo.hears(f"{number}").to_tag is None
    assert {request.method for request in romeo.received} == {"MESSAGE"}
