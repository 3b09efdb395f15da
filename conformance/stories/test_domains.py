"""Other shapes of a deployment: the component owns the SIP domain itself, or one domain is both XMPP and SIP."""

import pytest

from harness.town import Town


@pytest.fixture(scope="module")
def one_domain():
    """one.test is XMPP and SIP: each side sees the other below a sub-domain."""
    with Town(xmpp_domain="one.test", sip_domain="one.test", component="sip.one.test",
              xmpp_in_sip="xmpp.one.test") as town:
        yield town


class TestIdentity:
    @pytest.fixture
    def town(self, verona_identity):
        return verona_identity

    def test_addresses_are_the_same_on_both_sides(self, juliet, romeo):
        juliet.says("hello", to="romeo@sip.test")
        assert romeo.hears("hello").from_uri == "sip:juliet@xmpp.test"

        romeo.says("good day", to="juliet@xmpp.test")
        juliet.hears("good day", sender="romeo@sip.test")

    def test_an_unknown_sip_user(self, juliet):
        sent = juliet.says("hello", to="nobody@sip.test")
        juliet.gets_error(sent, "item-not-found")


class TestOneDomain:
    @pytest.fixture
    def town(self, one_domain):
        return one_domain

    def test_each_side_sees_the_other_below_a_sub_domain(self, juliet, romeo):
        juliet.says("hello", to="romeo@sip.one.test")
        request = romeo.hears("hello")
        assert request.from_uri == "sip:juliet@xmpp.one.test"
        assert request.to_uri == "sip:romeo@one.test"

        romeo.says("good day", to="juliet@xmpp.one.test")
        juliet.hears("good day", sender="romeo@sip.one.test")

    def test_one_name_on_both_sides_stays_two_people(self, juliet, people):
        sip_juliet = people.sip("juliet")
        juliet.says("to my namesake", to="juliet@sip.one.test")
        sip_juliet.hears("to my namesake")
        sip_juliet.says("from your namesake", to="juliet@xmpp.one.test")
        juliet.hears("from your namesake", sender="juliet@sip.one.test")

    def test_errors_both_ways(self, juliet, romeo):
        sent = juliet.says("hello", to="nobody@sip.one.test")
        juliet.gets_error(sent, "item-not-found")
        romeo.says("hello", to="nobody@xmpp.one.test", expect=403)
