"""The gateway's manners as an entity of its own."""

import pytest

from harness.xmpp_user import CLIENT

INFO = "{http://jabber.org/protocol/disco#info}"
GATEWAY = "sip.xmpp.test"


def test_arch_028_what_it_is(juliet):
    answer = juliet.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=GATEWAY)
    assert answer.type == "result"
    identities = [(item.get("category"), item.get("type")) for item in answer.element.iter(f"{INFO}identity")]
    assert ("gateway", "simple") in identities


def test_it_knows_escaped_jids(juliet):
    answer = juliet.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=GATEWAY)
    features = [item.get("var") for item in answer.element.iter(f"{INFO}feature")]
    assert r"jid\20escaping" in features
    assert "http://jabber.org/protocol/disco#info" in features


def test_arch_032_a_sip_user_promises_no_encryption(juliet):
    answer = juliet.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=f"romeo@{GATEWAY}")
    features = [item.get("var") for item in answer.element.iter(f"{INFO}feature")]
    assert answer.type == "result"
    assert not [feature for feature in features if "omemo" in feature or "openpgp" in feature]


def test_it_lists_no_items(juliet):
    answer = juliet.asks("<query xmlns='http://jabber.org/protocol/disco#items'/>", to=GATEWAY)
    assert answer.type == "result"


def test_it_answers_a_ping(juliet):
    assert juliet.asks("<ping xmlns='urn:xmpp:ping'/>", to=GATEWAY).type == "result"


def test_it_tells_its_version(juliet):
    answer = juliet.asks("<query xmlns='jabber:iq:version'/>", to=GATEWAY)
    name = answer.find("{jabber:iq:version}query").find("{jabber:iq:version}name")
    assert name.text == "stox"


@pytest.mark.parametrize("kind", ["get", "set"])
def test_arch_023_an_unknown_request_is_answered(juliet, kind):
    answer = juliet.asks("<query xmlns='urn:example:unknown'/>", to=GATEWAY, type=kind)
    assert answer.type == "error"
    assert answer.error.condition == "service-unavailable"


def test_arch_024_a_result_is_never_answered(juliet):
    for kind in ("result", "error"):
        juliet.sends_raw(f"<iq type='{kind}' to='{GATEWAY}' id='unasked'/>")
    assert juliet.asks("<ping xmlns='urn:xmpp:ping'/>", to=GATEWAY).type == "result"
    answers = [stanza for stanza in juliet.received if stanza.element.tag == f"{CLIENT}iq" and stanza.id == "unasked"]
    assert answers == []
