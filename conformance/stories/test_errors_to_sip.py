"""What romeo is told when XMPP says no, and what the gateway refuses by itself."""


def test_an_unknown_xmpp_user_is_never_a_success(romeo):
    final = romeo.says("anybody?", to="nobody@xmpp.test", expect=None).final
    assert 400 <= final.status < 700 and final.status not in (408, 503), str(final)
    assert len(final.reason) > 10 and final.reason != "Forbidden", str(final)


def test_an_unknown_user_twenty_times_in_a_row(juliet, romeo):
    for number in range(20):
        romeo.says(f"{number}", to="juliet@xmpp.test")
        romeo.says("anybody?", to="nobody@xmpp.test", expect=403)
    for number in range(20):
        juliet.hears(f"{number}")


def test_arch_004_a_domain_that_is_not_configured(juliet, romeo, nothing_reached):
    romeo.says("hello?", to="juliet@elsewhere.test", expect=404)
    nothing_reached(juliet, romeo)


def test_err_028_a_refusal_copies_the_request(romeo):
    transaction = romeo.says("anybody?", to="nobody@xmpp.test", expect=403, call_id="copy-me", cseq=77)
    refusal, request = transaction.final, transaction.request
    assert refusal["From"] == request["From"]
    assert refusal["Call-ID"] == "copy-me"
    assert refusal["CSeq"] == "77 MESSAGE"
    assert refusal["To"].startswith(request["To"] + ";tag=")


def test_msg_042_an_image_is_refused_with_accept(juliet, romeo, nothing_reached):
    refusal = romeo.says("not really a picture", to="juliet@xmpp.test", content_type="image/png", expect=415).final
    accepted = [kind.strip() for value in refusal.all("Accept") for kind in value.split(",")]
    assert "text/plain" in accepted and "message/cpim" in accepted
    nothing_reached(juliet, romeo)


def test_msg_068_broken_utf_8_is_refused(juliet, romeo, nothing_reached):
    request = romeo.make("MESSAGE", "juliet@xmpp.test", body=b"caf\xe9", content_type="text/plain")
    assert romeo.begin(request).wait().status == 400
    nothing_reached(juliet, romeo)


def test_msg_051_characters_xml_cannot_carry(juliet, romeo):
    romeo.says("a\x01b\ufffec\uffffd\x00e", to="juliet@xmpp.test")
    juliet.hears("a\ufffdb\ufffdc\ufffdd\ufffde")
    romeo.says("the stream is up", to="juliet@xmpp.test")
    juliet.hears("the stream is up")


def test_msg_069_nothing_to_say(juliet, romeo):
    romeo.asks("MESSAGE", "juliet@xmpp.test")
    subject_only = romeo.asks("MESSAGE", "juliet@xmpp.test", headers=[("Subject", "Hi")])
    assert subject_only.status == 200
    heard = juliet.hears()
    assert (heard.subject, heard.body) == ("Hi", None)


def test_sec_003_sips_is_not_translated(juliet, romeo, nothing_reached):
    refusal = romeo.asks("MESSAGE", "sips:juliet@xmpp.test", body=b"secret", content_type="text/plain").final
    assert refusal.status == 480
    assert refusal["Warning"].startswith("380 ")
    nothing_reached(juliet, romeo)


def test_a_stranger_is_refused_but_may_ping(juliet, romeo, people, town, nothing_reached):
    """Never an open relay: only configured peers may speak."""
    stranger = people.stranger(town.lab.address(210))
    assert stranger.asks("OPTIONS", f"sip:{town.stox.address}").status == 200
    stranger.says("let me in", to="juliet@xmpp.test", expect=403)
    stranger.says("or there", to="romeo@sip.test", expect=403)
    nothing_reached(juliet, romeo)
    assert romeo.received == []
