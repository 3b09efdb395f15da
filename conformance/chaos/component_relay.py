"""A TCP relay in the component link that can be cut and stalled, and that knows what passed it.

It reads on while it is stalled, so what a cut throws away is known to the stanza.
"""

import selectors
import socket
import struct
import threading
import time
from collections import deque
from xml.etree import ElementTree

from stanza_reader import StanzaReader

BARRIER = "barrier-"
END = object()          # the end of a direction, in its place behind the octets


class Passage:
    """One stanza at the relay. `given` is False when it was thrown away."""

    def __init__(self, pipe, given):
        self.at = time.monotonic()
        self.pipe, self.given = pipe, given
        self.confirmed_at = None    # when the reply of a barrier behind it was given to the gateway


class Pipe:
    """One connection of the gateway and the connection to the server that belongs to it."""

    def __init__(self, gateway, server):
        self.gateway, self.server = gateway, server
        self.ended_at = None
        self.unconfirmed = []       # passages since the last barrier
        self.barriers = {}          # id -> what it covers
        self.directions = {gateway: Direction(gateway, server), server: Direction(server, gateway)}


class Direction:
    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.held = deque()
        self.reader = StanzaReader()


class ComponentRelay:
    """Listens at `address`; `ledger` is told of every message and error that passes."""

    def __init__(self, address, server, ledger):
        self._server, self._ledger = server, ledger
        self._listener = socket.create_server(address)
        self._pipes = []
        self._stalled = False
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = False
        self.faults = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self):
        """Reset every connection; what is held is thrown away."""
        with self._lock:
            for pipe in list(self._pipes):
                for direction in pipe.directions.values():
                    self._read_now(pipe, direction)
                self._close(pipe, reset=True)

    def stall(self):
        """From now on nothing passes."""
        with self._lock:
            self._stalled = True

    def go_on(self):
        """What was held passes."""
        with self._lock:
            self._stalled = False
            for pipe in list(self._pipes):
                self._pass_on(pipe)

    def stop(self):
        self._ended = True
        self._thread.join(timeout=5)
        with self._lock:
            for pipe in list(self._pipes):
                self._close(pipe)
        self._listener.close()

    # helpers

    def _run(self):
        while not self._ended:
            for key, _ in self._selector.select(timeout=0.05):
                with self._lock:
                    if key.fileobj is self._listener:
                        # a stalled network takes no new connection either
                        if self._stalled:
                            time.sleep(0.01)
                        else:
                            self._accept()
                    elif key.data in self._pipes:
                        self._on_readable(key.data, key.data.directions[key.fileobj])

    def _accept(self):
        gateway, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._server, timeout=2)
        except OSError:
            gateway.close()
            return
        pipe = Pipe(gateway, server)
        self._pipes.append(pipe)
        for end in (gateway, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(True)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 2, 0))
            self._selector.register(end, selectors.EVENT_READ, pipe)

    def _on_readable(self, pipe, direction):
        self._read_now(pipe, direction)
        if not self._stalled:
            self._pass_on(pipe)

    def _read_now(self, pipe, direction):
        """Take in all that is there."""
        while not (direction.held and direction.held[-1] is END):
            try:
                octets = direction.source.recv(65_536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                octets = b""
            direction.held.append(octets or END)
        try:
            self._selector.unregister(direction.source)
        except KeyError:
            pass

    def _pass_on(self, pipe):
        # who has closed reads no more
        gone = {direction.source for direction in pipe.directions.values() if END in direction.held}
        for direction in pipe.directions.values():
            while direction.held and direction.held[0] is not END and direction.sink not in gone:
                try:
                    direction.sink.sendall(direction.held[0])
                except OSError:
                    gone.add(direction.sink)
                    break
                self._note(pipe, direction, direction.held.popleft(), given=True)
        if gone:
            self._close(pipe)

    def _close(self, pipe, reset=False):
        self._pipes.remove(pipe)
        for direction in pipe.directions.values():
            for octets in direction.held:
                if octets is not END:
                    self._note(pipe, direction, octets, given=False)
        for end in (pipe.gateway, pipe.server):
            try:
                self._selector.unregister(end)
            except (KeyError, ValueError):
                pass
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()
        pipe.ended_at = time.monotonic()
        self._ledger.link_ended(pipe.ended_at)

    def _note(self, pipe, direction, octets, given):
        try:
            stanzas = direction.reader.feed(octets)
        except ElementTree.ParseError as trouble:
            if direction.source is pipe.gateway:
                self.faults.append(f"the gateway wrote what is no XML: {trouble}")
            return
        for stanza in stanzas:
            kind, id = stanza.tag.rpartition("}")[2], stanza.get("id") or ""
            if direction.source is pipe.gateway:
                self._from_gateway(pipe, stanza, kind, id, given)
            else:
                self._from_server(pipe, stanza, kind, id, given)

    def _from_gateway(self, pipe, stanza, kind, id, given):
        if kind == "message":
            passage = Passage(pipe, given)
            self._ledger.gateway_wrote(stanza, passage)
            if given:
                pipe.unconfirmed.append(passage)
        elif kind == "iq" and id.startswith(BARRIER) and given:
            pipe.barriers[id], pipe.unconfirmed = pipe.unconfirmed, []

    def _from_server(self, pipe, stanza, kind, id, given):
        if kind == "message":
            self._ledger.server_wrote(stanza, Passage(pipe, given))
        elif kind == "iq" and given:
            now = time.monotonic()
            for passage in pipe.barriers.pop(id, ()):
                passage.confirmed_at = now
