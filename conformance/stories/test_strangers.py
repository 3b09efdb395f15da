"""Strangers at the TCP port: whatever they do, the peer is served both ways, and what they hold is bounded and ends."""

import socket
import time

import pytest

from harness.lab import STRANGER
from harness.town import Town
from harness.waiting import until

MANY, EACH = 600, 8
OPTIONS = ("OPTIONS sip:{target} SIP/2.0\r\nVia: SIP/2.0/TCP {own}:5060;branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n"
           "From: <sip:x@{own}>;tag=1\r\nTo: <sip:{target}>\r\nCall-ID: {n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(scope="module")
def town():
    with Town(scripted_proxy=True, transport="tcp") as town:
        yield town


@pytest.fixture
def connections(town):
    """Opens TCP connections from one address after the other; all are closed in the end."""
    opened = []

    def connect(count, octet=STRANGER):
        for _ in range(count):
            one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            one.bind((town.lab.address(octet), 0))
            one.connect(town.stox.target)
            opened.append(one)
        return opened

    yield connect
    for one in opened:
        one.close()


def gauge(town, name):
    return town.stox.status()["gauges"][name]


def test_a_thousand_connections_keep_nobody_out(town, juliet, connections):
    strangers = connections(MANY)
    until(lambda: gauge(town, "sip_stranger_connections") <= EACH, "one address has its share")
    assert town.stox.counter("sip_connections_refused") >= MANY - EACH - 1
    # The bystanders: the peer opens a connection, the gateway one to the peer.
    for number in range(5):
        town.proxy.says(f"in {number}", to="juliet@xmpp.test")
        juliet.hears(f"in {number}")
        juliet.says(f"out {number}", to="romeo@sip.xmpp.test")
        town.proxy.hears(f"out {number}")
    # A ping is no message: who says nothing else is closed after five seconds.
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline and gauge(town, "sip_stranger_connections"):
        for one in strangers:
            try:
                one.send(b"\r\n\r\n")
            except OSError:
                pass
        time.sleep(0.5)
    assert gauge(town, "sip_stranger_connections") == 0
    assert town.stox.counter("sip_stranger_connections_ended") >= EACH


def test_who_does_not_read_is_closed(town, juliet, connections):
    [*_, stranger] = connections(1)
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = gauge(town, "resident_memory_octets")
    own, target = town.lab.address(STRANGER), town.stox.address
    stranger.settimeout(0.5)
    with pytest.raises(OSError):
        for number in range(200_000):
            stranger.sendall(OPTIONS.format(target=target, own=own, n=number).encode())
            if number % 2_000 == 0:     # at its pace, answers are few: the bound of a message without an end closes it
                stranger.sendall(b"OPTIONS sip:x SIP/2.0\r\nX: " + b"x" * 200_000)
    until(lambda: gauge(town, "sip_stranger_connections") == 0, "it is closed", within=10)
    assert gauge(town, "resident_memory_octets") - before < 16 * 1024 * 1024
    town.proxy.says("meanwhile", to="juliet@xmpp.test")
    juliet.hears("meanwhile")


def test_a_stranger_is_answered_and_no_more_than_that(town, connections):
    [*_, stranger] = connections(1, octet=STRANGER + 1)
    stranger.settimeout(5)
    stranger.sendall(OPTIONS.format(target=town.stox.address, own=town.lab.address(STRANGER + 1), n="a").encode())
    answer = stranger.recv(4096)
    assert answer.startswith(b"SIP/2.0 200 ") and b"Allow" not in answer
