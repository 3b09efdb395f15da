"""SIP over TCP, octet by octet: what a proxy may do to a stream, and what becomes of it."""

import socket
import time
from pathlib import Path

import pytest

from harness.sip_message import StreamFramer, parse
from harness.town import Town
from harness.waiting import PATIENCE, until


@pytest.fixture(scope="module")
def town():
    limits = {"connections": 4, "connection_idle": "2s"}
    with Town(scripted_proxy=True, transport="tcp", limits=limits) as town:
        yield town


@pytest.fixture
def proxy(town):
    town.proxy.forget()
    return town.proxy


@pytest.fixture
def connect(town):
    """Opens connections from the proxy's address, each from a port of its own."""
    opened = []

    def one():
        opened.append(Stream(town))
        return opened[-1]
    yield one
    for stream in opened:
        stream.close()


@pytest.fixture
def stream(connect):
    return connect()


class Stream:
    def __init__(self, town):
        self._socket = socket.create_connection(town.stox.target, timeout=PATIENCE, source_address=(town.proxy.address, 0))
        self._port = self._socket.getsockname()[1]
        self._framer = StreamFramer()
        self._messages = []

    @property
    def port(self):
        return self._port

    def close(self):
        self._socket.close()

    def is_served(self):
        """Whether the gateway answers a ping here, or has closed it."""
        try:
            self.writes(b"\r\n\r\n")
            return self.reads_octets(2) == b"\r\n"
        except ConnectionError:
            return False

    def writes(self, octets):
        self._socket.sendall(octets)

    def reads(self, within=PATIENCE):
        """The next response; None when the gateway closed the stream."""
        self._socket.settimeout(within)
        while not self._messages:
            octets = self._socket.recv(65536)
            if not octets:
                return None
            self._messages += [parse(message) for message in self._framer.feed(octets)]
        return self._messages.pop(0)

    def reads_octets(self, count, within=PATIENCE):
        self._socket.settimeout(within)
        octets = b""
        while len(octets) < count:
            more = self._socket.recv(count - len(octets))
            if not more:
                raise ConnectionError("the gateway closed the stream")
            octets += more
        return octets


def request(proxy, text):
    return proxy.make("MESSAGE", "sip:juliet@xmpp.test", body=text.encode(), content_type="text/plain",
                      from_uri="sip:romeo@sip.test")


def message(proxy, text):
    return request(proxy, text).to_bytes()


def test_a_message_in_pieces(stream, proxy, juliet):
    for octet in message(proxy, "in pieces"):
        stream.writes(bytes([octet]))
    assert stream.reads().status == 200
    juliet.hears("in pieces")


def test_several_messages_at_once(stream, proxy, juliet):
    stream.writes(b"".join(message(proxy, text) for text in ("one", "two", "three")))
    assert [stream.reads().status for _ in range(3)] == [200, 200, 200]
    for text in ("one", "two", "three"):
        juliet.hears(text)


def test_a_ping_is_answered(stream, proxy, juliet):
    """RFC 5626 §3.5.1."""
    stream.writes(b"\r\n\r\n")
    assert stream.reads_octets(2) == b"\r\n"
    stream.writes(b"\r\n" + message(proxy, "after the ping"))
    assert stream.reads().status == 200
    juliet.hears("after the ping")


def test_a_ping_in_pieces_is_answered(stream, proxy, juliet):
    """RFC 5626 §5.4: the pieces of a stream mean nothing."""
    for pieces in ([b"\r\n", b"\r\n"], [b"\r", b"\n\r", b"\n"], [b"\r\n\r", b"\n"]):
        for piece in pieces:
            stream.writes(piece)
            time.sleep(0.15)
        assert stream.reads_octets(2) == b"\r\n"
    stream.writes(message(proxy, "between") + b"\r\n")
    assert stream.reads().status == 200
    time.sleep(0.15)
    stream.writes(b"\r\n" + message(proxy, "after"))
    assert stream.reads_octets(2) == b"\r\n"
    assert stream.reads().status == 200
    for text in ("between", "after"):
        juliet.hears(text)


def test_a_bad_message_costs_its_neighbours_nothing(stream, proxy, juliet):
    bad = message(proxy, "bad").replace(b"CSeq: ", b"CSeq: x", 1)
    stream.writes(message(proxy, "before") + bad + message(proxy, "after"))
    assert sorted(stream.reads().status for _ in range(3)) == [200, 200, 400]
    juliet.hears("before")
    juliet.hears("after")


def test_a_body_without_end_is_refused_and_the_rest_goes_on(connect, stream, proxy, juliet):
    long = message(proxy, "x").replace(b"Content-Length: 1", b"Content-Length: 99999999", 1)
    stream.writes(long)
    assert stream.reads().status == 513
    other = connect()
    other.writes(message(proxy, "by another connection"))
    assert other.reads().status == 200
    juliet.hears("by another connection")


def test_what_cannot_be_framed_is_answered_and_closed(connect, stream, proxy, juliet):
    stream.writes(message(proxy, "no length").replace(b"Content-Length: 9\r\n", b""))
    assert stream.reads().status == 400
    assert stream.reads() is None
    other = connect()
    other.writes(message(proxy, "a new one"))
    assert other.reads().status == 200
    juliet.hears("a new one")


def test_an_answer_whose_connection_is_gone_goes_where_the_proxy_listens(town, stream, proxy, juliet):
    """RFC 3261 §18.2.2."""
    asked = request(proxy, "who waits?")
    transaction = proxy.expects(asked)
    town.xmpp_server.freeze()
    try:
        stream.writes(asked.to_bytes())
        until(lambda: town.stox.status()["gauges"]["requests_waiting_for_xmpp"] == 1, "the request waits")
        stream.close()
        until(lambda: not connected(town, stream.port), "the gateway saw the end of the connection")
    finally:
        town.xmpp_server.thaw()
    assert transaction.wait().status == 200
    juliet.hears("who waits?")


def test_too_many_connections(connect, proxy, juliet):
    crowd = [connect() for _ in range(8)]
    assert 1 <= sum(stream.is_served() for stream in crowd) <= 4
    for stream in crowd:
        stream.close()

    def served():
        stream = connect()
        try:
            stream.writes(message(proxy, "room again"))
            answer = stream.reads()
            return answer and answer.status == 200
        except ConnectionError:
            return False
    until(served, "there is room again", every=0.2)
    juliet.hears("room again")


def test_a_silent_connection_is_closed(stream):
    assert stream.reads() is None


def connected(town, port):
    """Whether the gateway holds a connection from that port of the proxy, as the kernel tells."""
    wanted = f":{port:04X} "
    lines = Path(f"/proc/{town.stox.pid}/net/tcp").read_text(encoding="ascii").splitlines()
    return any(wanted in line and line.split()[3] == "01" for line in lines)
