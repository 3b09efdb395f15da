"""Devices whose names have characters newer than Unicode 3.2, which the servers' stringprep does not know."""

import pytest

from harness.town import Town
from harness.waiting import TooLate

PHONE = "\N{MOBILE PHONE}"          # Unicode 6.0
ROBOT = "\N{ROBOT FACE}"            # Unicode 8.0
ESCAPED = {PHONE: "%F0%9F%93%B1", ROBOT: "%F0%9F%A4%96"}


def town_with(folder_rules, **kind):
    town = Town(rules="rules", **kind)
    folder = town.stox.folder / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "addresses.yaml").write_text(folder_rules, encoding="utf-8")
    return town


RULES = "to_sip: { resource: gr }\nto_xmpp: { resource: gr }\n"


class TestWithProsody:
    """Prosody 0.12.3 lets them pass as they are."""

    @pytest.fixture(scope="class")
    def town(self):
        with town_with(RULES) as town:
            yield town

    @pytest.mark.parametrize("name", [PHONE, ROBOT, f"Juliet's {PHONE}"])
    def test_messages_cross_both_ways(self, people, romeo, name):
        juliet = people.xmpp("juliet", resource=name)
        assert juliet.bound == f"juliet@xmpp.test/{name}"
        juliet.says("from a device with a face", to="romeo@sip.xmpp.test")
        sender = romeo.hears("from a device with a face")["From"]
        last = name[-1]
        assert ESCAPED[last] in sender, sender
        romeo.says("and to it", to=f"juliet@xmpp.test;gr={ESCAPED[last]}" if name == last else "juliet@xmpp.test")
        juliet.hears("and to it")

    def test_requests_for_information_are_answered(self, people):
        juliet = people.xmpp("juliet", resource=PHONE)
        answer = juliet.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="sip.xmpp.test")
        assert answer.type == "result"


class TestWithEjabberd:
    """ejabberd 23.01 binds no such resource: nothing of the kind comes to the gateway."""

    @pytest.fixture(scope="class")
    def town(self):
        with town_with(RULES, xmpp_domain="ejab.test", component="sip.ejab.test", xmpp_server="ejabberd") as town:
            yield town

    def test_it_refuses_the_name(self, people):
        with pytest.raises(TooLate):
            people.xmpp("juliet", resource=PHONE)
