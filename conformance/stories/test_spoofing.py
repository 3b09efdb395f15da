"""Nobody writes as somebody else through the proxies of the examples, however the address is spelled."""

import pytest

from harness.kamailio import Kamailio
from harness.lab import KAMAILIO, STOX
from harness.sip_digest import digest
from harness.sip_ua import SipUser
from harness.stox import REPOSITORY
from harness.town import Town

EXAMPLE = REPOSITORY / "examples/quickstart/kamailio.cfg"

# What makes a MESSAGE come from romeo, or from a user of the XMPP domain, in one of the ways that RFC 3261 reads so.
WAYS = {
    "in capitals": {"from_uri": "sip:romeo@SIP.TEST"},
    "with a dot at the end": {"from_uri": "sip:romeo@sip.test."},
    "both": {"from_uri": "sip:romeo@Sip.Test."},
    "an im: address": {"from_uri": "im:romeo@sip.test"},
    "a pres: address": {"from_uri": "pres:romeo@sip.test"},
    "in a dialog, it says": {"from_uri": "sip:romeo@sip.test", "to_header": "<sip:juliet@xmpp.test>;tag=x"},
    "of the domain": {"from_uri": "sip:sip.test"},
    "as an XMPP user": {"from_uri": "sip:nurse@xmpp.test"},
}


class QuickstartProxy(Kamailio):
    """The quickstart's file, with the addresses of this lab."""

    def before_start(self):
        text = EXAMPLE.read_text(encoding="utf-8")
        for octet in (KAMAILIO, STOX):
            text = text.replace(f"127.0.0.{octet}", self.lab.address(octet))
        (self.folder / "kamailio.cfg").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module", params=["quickstart", "harness"])
def town(request):
    town = Town()
    if request.param == "quickstart":
        town.kamailio = QuickstartProxy(town.lab)
        town.password = "secret"
    else:
        town.kamailio.defines.append("WITH_CHALLENGE")
        town.password = "romeopw"
    with town:
        yield town


@pytest.fixture
def mallory(town):
    mallory = SipUser("sip:mallory@sip.test", town.lab.next_address(), town.kamailio.target, lint=town.lint)
    yield mallory
    mallory.stop()


@pytest.mark.parametrize("way", WAYS)
def test_nobody_writes_without_a_password(juliet, mallory, town, way):
    forged = {"body": b"forged", "content_type": "text/plain", **WAYS[way]}
    route = [("Route", f"<sip:{town.kamailio.address};lr>")]
    for headers in ([], route):
        sent = mallory.asks("MESSAGE", "sip:juliet@xmpp.test", headers=headers, **forged)
        assert sent.status in (403, 407), sent.final
    mallory_proves_to_be(mallory, "romeo", town.password)
    assert juliet.hears("proved").sender.split("/")[0] == "romeo@sip.xmpp.test"
    assert juliet.unheard() == []


def test_nobody_subscribes_without_a_password(juliet, mallory, town):
    for way in WAYS.values():
        headers = [("Event", "presence"), ("Contact", f"<{mallory.contact}>"), ("Expires", "600")]
        sent = mallory.asks("SUBSCRIBE", "sip:juliet@xmpp.test", headers=headers, **way)
        assert sent.status in (403, 407), sent.final
    assert town.stox.counter("sip_subscribes_received") == 0


def mallory_proves_to_be(agent, user, password):
    """A bystander: who has the password is served, by the usual spelling."""
    request = {"from_uri": f"sip:{user}@sip.test", "body": b"proved", "content_type": "text/plain"}
    uri = "sip:juliet@xmpp.test"
    challenged = agent.asks("MESSAGE", uri, **request)
    assert challenged.status == 407, challenged.final
    answer = digest(challenged.final["Proxy-Authenticate"], "MESSAGE", uri, user, password)
    served = agent.asks("MESSAGE", uri, headers=[("Proxy-Authorization", answer)], **request)
    assert served.status == 200, served.final
