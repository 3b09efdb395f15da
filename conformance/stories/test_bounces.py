"""The XMPP server returns romeo's message with an error before it confirms: that error is the answer to romeo.

A body of "bounce:<error/>" makes the server do so. Conditions that speak of one device differ between a message to
the bare JID and one to a full JID (RFC 7247 Table 2, notes 1 and 2).
"""

import pytest

STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

# requirement, condition, status when it was sent to the bare JID, to the full JID
TABLE = (
    (1, "bad-request", 400, 400), (2, "conflict", 400, 400), (3, "feature-not-implemented", 501, 405),
    (4, "forbidden", 603, 403), (7, "internal-server-error", 500, 500), (8, "item-not-found", 604, 404),
    (9, "jid-malformed", 400, 400), (10, "not-acceptable", 606, 406), (11, "not-allowed", 403, 403),
    (13, "policy-violation", 403, 403), (14, "recipient-unavailable", 600, 480),
    (17, "remote-server-not-found", 404, 404), (19, "resource-constraint", 500, 500),
    (20, "service-unavailable", 403, 403), (21, "subscription-required", 400, 400),
    (22, "undefined-condition", 400, 400), (23, "unexpected-request", 400, 400),
)


def bounce(inner, kind="cancel"):
    return f"bounce:<error type='{kind}'>{inner}</error>"


def condition(name, text=""):
    return f"<{name} xmlns='{STANZAS}'>{text}</{name}>"


@pytest.fixture
def full_uri(juliet, romeo):
    """juliet's address with the resource, which the gateway knows once juliet has spoken."""
    juliet.says("here I am", to="romeo@sip.xmpp.test")
    romeo.hears("here I am")
    return f"sip:juliet@xmpp.test;gr={juliet.full_jid.split('/')[1]}"


def make_story(name, to_bare, to_full):
    def story(romeo, full_uri):
        romeo.says(bounce(condition(name)), to="juliet@xmpp.test", expect=to_bare)
        romeo.says(bounce(condition(name)), to=full_uri, expect=to_full)
    return story


for row, name, to_bare, to_full in TABLE:
    globals()[f"test_err_{row:03}_{name.replace('-', '_')}"] = make_story(name, to_bare, to_full)


def test_what_would_need_a_challenge_is_forbidden(romeo):
    """401 and 407 are for challenges, which nobody could answer here."""
    romeo.says(bounce(condition("not-authorized"), "auth"), to="juliet@xmpp.test", expect=403)
    romeo.says(bounce(condition("registration-required"), "auth"), to="juliet@xmpp.test", expect=403)


def test_a_server_that_timed_out_is_504(romeo):
    """Never 408: this is no INVITE."""
    romeo.says(bounce(condition("remote-server-timeout"), "wait"), to="juliet@xmpp.test", expect=504)


def test_err_005_gone_with_an_address(romeo):
    def contact(text):
        return romeo.says(bounce(condition("gone", text)), to="juliet@xmpp.test", expect=301).final["Contact"]

    assert contact(" xmpp:new@xmpp.test ") == "<sip:new@xmpp.test>"
    assert contact("mailto:j@example.org") == "<mailto:j@example.org>"


def test_err_006_gone(romeo):
    romeo.says(bounce(condition("gone")), to="juliet@xmpp.test", expect=410)


def test_err_015_redirect(romeo):
    moved = romeo.says(bounce(condition("redirect", "xmpp:b@xmpp.test"), "modify"), to="juliet@xmpp.test", expect=302)
    assert moved.final["Contact"] == "<sip:b@xmpp.test>"
    romeo.says(bounce(condition("redirect"), "modify"), to="juliet@xmpp.test", expect=480)


def test_err_024_conditions_nobody_knows(romeo):
    romeo.says(bounce("<foo/>"), to="juliet@xmpp.test", expect=400)
    romeo.says(bounce(condition("item-not-found") + "<foo xmlns='urn:x'/>"), to="juliet@xmpp.test", expect=604)


def test_the_text_becomes_the_reason(romeo):
    said = f"<text xmlns='{STANZAS}'>gone fishing</text>"
    refusal = romeo.says(bounce(condition("not-allowed") + said), to="juliet@xmpp.test", expect=403).final
    assert refusal.reason == "gone fishing"


def test_err_101_a_warning_is_no_refusal(juliet, romeo):
    romeo.says(bounce(condition("undefined-condition"), "continue"), to="juliet@xmpp.test", expect=200)
