"""A UDP relay between the proxy and the gateway that loses, doubles and reorders datagrams.

Two sockets: the gateway knows one as its peer, the proxy routes to the other as its gateway. Each side answers to the
address that a request came from (received, RFC 3261 §18.2.2), so no header has to be changed.
"""

import heapq
import random
import re
import selectors
import socket
import threading
import time

LOST = 0.20             # of all datagrams, in each direction
DOUBLED = 0.05
LATE = 0.15
LATEST = 0.3            # seconds that a late datagram stays behind others

TOKEN = re.compile(rb"\b[xs]\d{6}\b")
BRANCH = re.compile(rb"(?im)^(?:via|v)[ \t]*:[^\r\n]*?;branch=([^;,\r\n]+)")
CALL_ID = re.compile(rb"(?im)^(?:call-id|i)[ \t]*:[ \t]*(\S+)")
CSEQ = re.compile(rb"(?im)^cseq[ \t]*:[ \t]*(\d+)[ \t]+(\w+)")
FROM_TAG = re.compile(rb"(?im)^(?:from|f)[ \t]*:[^\r\n]*;tag=([^;\r\n]+)")


class DatagramRelay:
    """`gateway` and `proxy` are their addresses; `as_peer` is bound for the gateway, `as_gateway` for the proxy."""

    def __init__(self, as_peer, gateway, as_gateway, proxy, seed, ledger):
        self._dice = random.Random(f"{seed}/datagrams")
        self._ledger = ledger
        self._calm = False
        self._late = []
        self._number = 0
        self.counts = {"passed": 0, "lost": 0, "doubled": 0, "late": 0}
        self._selector = selectors.DefaultSelector()
        to_gateway, to_proxy = bound(as_peer), bound(as_gateway)
        self._ends = {to_gateway: (gateway, to_proxy, proxy), to_proxy: (proxy, to_gateway, gateway)}
        for here in self._ends:
            self._selector.register(here, selectors.EVENT_READ)
        self._to_gateway = to_gateway
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def calm_down(self):
        """From now on every datagram passes at once."""
        self._calm = True

    def stop(self):
        self._ended = True
        self._thread.join(timeout=5)
        for end in self._ends:
            end.close()

    # helpers

    def _run(self):
        while not self._ended:
            pause = self._late[0][0] - time.monotonic() if self._late else 0.05
            for key, _ in self._selector.select(timeout=min(max(pause, 0), 0.05)):
                self._on_datagram(key.fileobj)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, here, octets = heapq.heappop(self._late)
                self._send(here, octets)

    def _on_datagram(self, here):
        try:
            octets, source = here.recvfrom(65_535)
        except OSError:
            return          # an ICMP answer to something sent earlier: the other side is away
        if source != self._ends[here][0]:
            return
        if here is self._to_gateway:
            self._note(octets)
        fate = self._dice.random()
        if self._calm or fate >= LOST + DOUBLED + LATE:
            self._send(here, octets)
        elif fate < LOST:
            self.counts["lost"] += 1
        elif fate < LOST + DOUBLED:
            self.counts["doubled"] += 1
            self._send(here, octets)
            self._hold(here, octets)
        else:
            self.counts["late"] += 1
            self._hold(here, octets)

    def _hold(self, here, octets):
        self._number += 1
        heapq.heappush(self._late, (time.monotonic() + self._dice.uniform(0.01, LATEST), self._number, here, octets))

    def _send(self, here, octets):
        _, there, target = self._ends[here]
        self.counts["passed"] += 1
        try:
            there.sendto(octets, target)
        except OSError:
            pass

    def _note(self, octets):
        """What the gateway sends is noted before it is lost: it happened."""
        cseq = CSEQ.search(octets)
        if not cseq or cseq.group(2) != b"MESSAGE":
            return
        if octets.startswith(b"MESSAGE "):
            token = TOKEN.search(octets.partition(b"\r\n\r\n")[2])
            if token:
                self._ledger.gateway_sent(token.group().decode(), request_key(octets))
        elif octets.startswith(b"SIP/2.0 "):
            token, status = TOKEN.search(CALL_ID.search(octets).group(1)), int(octets[8:11])
            if token and status >= 200:
                self._ledger.gateway_answered(token.group().decode(), status)


def request_key(octets):
    """(branch, Call-ID, CSeq, From tag): what a copy of a request shares with it."""
    return tuple(pattern.search(octets).group(1).decode() for pattern in (BRANCH, CALL_ID, CSEQ, FROM_TAG))


def bound(address):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    end.bind(address)
    return end
