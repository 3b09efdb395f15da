"""Tests of the judge: each verdict with the smallest ledger that earns it, and what must not be excused.

Run: /usr/bin/python3 -m pytest conformance/chaos/judge_tests.py
"""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from judge import Judge, disorder  # noqa: E402 (the path above makes it visible)
from ledger import Arrival, End, Ledger, Told, ToSip, ToXmpp  # noqa: E402
from plan import Line, blows, messages  # noqa: E402
from xmpp_client import Connection  # noqa: E402

KEY = ("z9hG4bK1", "call", "1", "tag")
OTHER = ("z9hG4bK2", "call-2", "1", "tag")


class Book:
    """A ledger written by hand; times are seconds."""

    def __init__(self):
        self.ledger = Ledger()
        self.ledger.started = 0.0
        self.client = SimpleNamespace(connections=[])
        self.pipe = SimpleNamespace(ended_at=None)
        self.connection = self.login(0.0)

    def login(self, bound, dead=None):
        connection = Connection(self.client)
        connection.bound_at, connection.dead_at = bound, dead
        self.client.connections.append(connection)
        return connection

    def passage(self, at, given=True, confirmed=None):
        return SimpleNamespace(at=at, given=given, pipe=self.pipe, confirmed_at=confirmed, id="s1")

    def to_sip(self, sent=1.0, token="x000001", target="romeo"):
        line = Line(0.0, "x", token, "juliet", target, "hello")
        return self.ledger.begin(ToSip(line, sent, connection=self.connection))

    def to_xmpp(self, sent=1.0, status=200, token="s000001"):
        line = Line(0.0, "s", token, "romeo", "juliet", "hello")
        told = [] if status and status < 300 else [Told(sent + 1, str(status) if status else "timer F")]
        return self.ledger.begin(ToXmpp(line, sent, told=told, status=status))

    def arrives(self, entry, at, key=KEY, place=0, text=None, connection=None):
        entry.arrivals.append(Arrival(at, key, text or entry.line.text, place, connection or self.connection))

    def dies(self, what, begun, kind="kill", ended=None, kept=()):
        self.ledger.ends.append(End(begun, what, kind, ended or begun, frozenset(kept)))

    def link_ends(self, at):
        self.pipe.ended_at = at
        self.ledger.link_ended(at)

    def verdict(self):
        verdicts = Judge(self.ledger).verdicts()
        return verdicts[0].name


@pytest.fixture
def book():
    return Book()


class TestToSip:
    def test_once(self, book):
        book.arrives(book.to_sip(), 1.1)
        assert book.verdict() == "once"

    def test_a_message_that_vanishes_is_lost(self, book):
        book.to_sip()
        assert book.verdict() == "lost"

    def test_garbled(self, book):
        book.arrives(book.to_sip(), 1.1, text="x000001 hullo")
        assert book.verdict() == "garbled"

    @pytest.mark.parametrize("what, words, cause, kind", [
        ("item-not-found", "", "kamailio", "kill"),
        ("remote-server-timeout", "The SIP side did not answer in time: this may not have arrived. Try again later.", "kamailio", "kill"),
        ("remote-server-timeout", "Component unavailable", "link", "stall"),
        ("resource-constraint", "The gateway is being restarted: try again in a minute.", "stox", "stop"),
    ])
    def test_told_with_and_without_a_cause(self, book, what, words, cause, kind):
        book.to_sip().told.append(Told(1.1, what, words))
        assert book.verdict() == "mistold"
        book.dies(cause, 0.5, kind=kind, ended=1.05)
        assert book.verdict() == "told"

    def test_a_kill_is_no_stop(self, book):
        book.to_sip().told.append(Told(1.1, "resource-constraint", "The gateway is being restarted: try again in a minute."))
        book.dies("stox", 0.5, ended=1.05)
        assert book.verdict() == "mistold"

    def test_given_and_not_accounted_for_is_lost(self, book):
        book.to_sip().passages.append(book.passage(1.0))
        assert book.verdict() == "lost"

    @pytest.mark.parametrize("killed, name", [(1.09, "unacknowledged"), (1.11, "lost")])
    def test_the_window_before_a_kill(self, book, killed, name):
        book.to_sip().passages.append(book.passage(1.0))
        book.dies("stox", killed)
        assert book.verdict() == name

    @pytest.mark.parametrize("ended, name", [(1.09, "unacknowledged"), (1.11, "lost")])
    def test_a_stox_that_stops_reads_until_it_exits(self, book, ended, name):
        book.to_sip().passages.append(book.passage(1.0))
        book.dies("stox", 0.5, kind="stop", ended=ended)
        assert book.verdict() == name

    def test_what_stood_in_the_journal_has_no_excuse(self, book):
        book.to_sip().passages.append(book.passage(1.0))
        book.dies("stox", 1.1, kept=["x000001"])
        assert book.verdict() == "lost"

    @pytest.mark.parametrize("ended, name", [(1.09, "unacknowledged"), (1.11, "lost")])
    def test_the_window_before_the_end_of_the_link(self, book, ended, name):
        book.to_sip().passages.append(book.passage(1.0))
        book.link_ends(ended)
        assert book.verdict() == name

    def test_a_stall_excuses_nothing(self, book):
        book.to_sip().passages.append(book.passage(1.0))
        book.dies("link", 0.9, kind="stall", ended=1.5)
        assert book.verdict() == "lost"

    def test_what_the_relay_threw_away_is_unacknowledged(self, book):
        book.to_sip().passages.append(book.passage(1.0, given=False))
        book.link_ends(9.0)
        assert book.verdict() == "unacknowledged"

    def test_a_server_that_dies_takes_what_it_was_just_handed(self, book):
        book.to_sip()
        book.connection.dead_at = 1.1
        book.dies("prosody", 1.1)
        assert book.verdict() == "lost by a server"

    def test_but_not_what_a_later_message_has_overtaken(self, book):
        book.to_sip()
        book.to_sip(1.05, token="x000002").passages.append(book.passage(1.06))
        book.connection.dead_at = 1.1
        book.dies("prosody", 1.1)
        assert book.verdict() == "lost"

    def test_an_error_that_finds_its_sender_away(self, book):
        entry = book.to_sip()
        entry.passages.append(book.passage(1.0))
        entry.errors.append(book.passage(5.0))
        assert book.verdict() == "lost"
        book.connection.dead_at = 4.0
        assert book.verdict() == "lost by a server"

    def test_the_same_request_twice_needs_a_proxy_that_forgot(self, book):
        entry = book.to_sip()
        book.arrives(entry, 1.1)
        book.arrives(entry, 5.0)
        assert book.verdict() == "doubled"
        book.dies("kamailio", 3.0)
        assert book.verdict() == "again"

    def test_two_requests_need_a_kill_before_the_journal_could_know(self, book):
        entry = book.to_sip()
        book.arrives(entry, 1.1)
        book.arrives(entry, 5.0, key=OTHER)
        entry.requests += [(1.0, KEY), (5.0, OTHER)]
        assert book.verdict() == "doubled"
        book.dies("stox", 1.1, kind="stop")
        assert book.verdict() == "doubled"
        book.dies("stox", 1.1)
        assert book.verdict() == "again"

    @pytest.mark.parametrize("what, words, name", [
        ("remote-server-timeout", "The SIP side did not answer in time: this may not have arrived. Try again later.", "told and delivered"),
        ("remote-server-timeout", "Not sent, as the message before it was not answered: try again later.", "mistold"),
        ("remote-server-timeout", "Component unavailable", "mistold"),
        ("item-not-found", "", "mistold"),
    ])
    def test_told_and_delivered(self, book, what, words, name):
        entry = book.to_sip()
        book.arrives(entry, 1.1)
        entry.told.append(Told(2.0, what, words))
        assert book.verdict() == name

    def test_told_a_failure_since_the_proxy_forgot(self, book):
        entry = book.to_sip()
        book.arrives(entry, 1.1)
        entry.told.append(Told(2.0, "item-not-found"))
        book.dies("kamailio", 1.2)
        assert book.verdict() == "told and delivered"

    def test_told_twice(self, book):
        entry = book.to_sip()
        book.dies("kamailio", 0.5)
        entry.told += [Told(2.0, "item-not-found"), Told(3.0, "item-not-found")]
        assert book.verdict() == "mistold"
        book.link_ends(2.1)
        assert book.verdict() == "told"


class TestToXmpp:
    def confirmed(self, book, **more):
        entry = book.to_xmpp(**more)
        entry.stanzas.append(book.passage(1.1, confirmed=1.15))
        entry.answers.append((1.2, 200))
        return entry

    def test_once(self, book):
        book.arrives(self.confirmed(book), 1.15)
        assert book.verdict() == "once"

    def test_a_2xx_before_the_server_has_it_is_false(self, book):
        entry = self.confirmed(book)
        book.arrives(entry, 1.15)
        entry.answers[0] = (1.05, 200)
        assert book.verdict() == "false"

    def test_a_2xx_and_no_delivery_is_false(self, book):
        self.confirmed(book)
        assert book.verdict() == "false"

    def test_a_server_that_confirmed_and_died(self, book):
        self.confirmed(book)
        book.dies("prosody", 1.19)
        assert book.verdict() == "lost by a server"

    def test_a_server_that_died_much_later_excuses_nothing(self, book):
        self.confirmed(book)
        book.dies("prosody", 1.21)
        assert book.verdict() == "false"

    def test_what_stood_on_the_servers_disk_has_no_excuse(self, book):
        self.confirmed(book)
        book.dies("prosody", 1.19, kept=["s000001"])
        assert book.verdict() == "false"

    @pytest.mark.parametrize("status, cause", [(503, "prosody"), (504, "link"), (408, "kamailio"), (None, "stox")])
    def test_told_with_and_without_a_cause(self, book, status, cause):
        book.to_xmpp(status=status)
        assert book.verdict() == "mistold"
        book.dies(cause, 0.5)
        assert book.verdict() == "told"

    def test_nothing_that_breaks_makes_a_user_unknown(self, book):
        book.to_xmpp(status=404)
        for what in ("stox", "link", "prosody", "kamailio"):
            book.dies(what, 0.5)
        assert book.verdict() == "mistold"

    @pytest.mark.parametrize("status, name", [(504, "told and delivered"), (408, "told and delivered"),
                                              (None, "told and delivered"), (500, "mistold"), (482, "mistold")])
    def test_told_and_delivered(self, book, status, name):
        entry = book.to_xmpp(status=status)
        entry.stanzas.append(book.passage(1.1))
        book.arrives(entry, 1.2)
        assert book.verdict() == name

    def test_two_ids_are_two_messages(self, book):
        entry = self.confirmed(book)
        book.dies("stox", 1.2)
        book.arrives(entry, 1.15)
        book.arrives(entry, 2.0, key=OTHER)
        assert book.verdict() == "doubled"

    def again(self, book):
        entry = self.confirmed(book)
        entry.stanzas.append(book.passage(2.0, confirmed=2.05))
        book.arrives(entry, 1.15)
        book.arrives(entry, 2.0)
        return entry

    def test_again_without_a_death(self, book):
        self.again(book)
        assert book.verdict() == "doubled"

    def test_again_by_the_next_process(self, book):
        self.again(book)
        book.dies("stox", 1.5)
        assert book.verdict() == "again"

    @pytest.mark.parametrize("confirmed, name", [(None, "again"), (1.45, "again"), (1.35, "doubled")])
    def test_a_replay_of_what_was_confirmed(self, book, confirmed, name):
        entry = self.again(book)
        entry.stanzas[0].confirmed_at = confirmed
        book.link_ends(1.5)
        assert book.verdict() == name


def test_disorder():
    book = Book()
    first, second = book.to_sip(1.0), book.to_sip(2.0, token="x000002")
    first.requests.append((1.0, KEY))
    second.requests.append((2.0, OTHER))
    book.arrives(first, 2.2, place=1)
    book.arrives(second, 2.1, place=0)
    judge = Judge(book.ledger)
    assert [(a.line.token, b.line.token) for a, b in disorder(judge.verdicts(), book.ledger.ends)] \
        == [("x000001", "x000002")]
    book.dies("stox", 1.5)
    assert disorder(judge.verdicts(), book.ledger.ends) == []


def test_a_seed_decides_everything():
    assert messages(7, 60) == messages(7, 60) != messages(8, 60)
    assert blows(7, 60) == blows(7, 60) != blows(8, 60)
