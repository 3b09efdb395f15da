"""Sockets of a scripted SIP user agent: octets in and out, one message at a time."""

import socket
import threading

from .sip_message import NotSip, StreamFramer

MAX_DATAGRAM = 65_535


class UdpTransport:
    name = "UDP"

    def __init__(self, address, port, on_message):
        self._on_message = on_message
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((address, port))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, octets, target):
        self._socket.sendto(octets, target)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)     # wakes the reader
        except OSError:
            pass
        self._thread.join(timeout=5)
        self._socket.close()

    def _read(self):
        while True:
            try:
                octets, source = self._socket.recvfrom(MAX_DATAGRAM)
            except ConnectionError:
                continue        # an ICMP answer to something sent earlier
            except OSError:
                return
            if not source:
                return          # shut down
            try:
                self._on_message(octets, source)
            except BrokenPipeError:
                return          # shut down while it was answered


class TcpTransport:
    """Listens, and connects out when it must; answers go back over the connection the request came by."""

    name = "TCP"

    def __init__(self, address, port, on_message):
        self._address = address
        self._on_message = on_message
        self._connections = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def send(self, octets, target):
        with self._lock:
            connection = self._connections.get(target)
            if connection is None:
                connection = socket.create_connection(target, timeout=5, source_address=(self._address, 0))
                connection.settimeout(None)
                self._watch(connection, target)
        connection.sendall(octets)

    def close(self):
        for each in [self._listener, *self._connections.values()]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                connection, source = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._watch(connection, source)

    def _watch(self, connection, peer):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[peer] = connection
        threading.Thread(target=self._read, args=(connection, peer), daemon=True).start()

    def _read(self, connection, peer):
        framer = StreamFramer()
        try:
            while octets := connection.recv(MAX_DATAGRAM):
                for message in framer.feed(octets):
                    self._on_message(message, peer)
        except (OSError, NotSip):
            pass
        with self._lock:
            self._connections.pop(peer, None)


TRANSPORTS = {"udp": UdpTransport, "tcp": TcpTransport}
