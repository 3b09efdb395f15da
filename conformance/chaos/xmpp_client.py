"""A small XMPP client that comes back by itself and knows which connection carried what.

The harness's own user (slixmpp) hides when a connection died and what was still in its queue; the ledger needs both.
"""

import base64
import socket
import threading
import time
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from stanza_reader import StanzaReader

CLIENT = "{jabber:client}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
PAUSE = 0.15        # before another attempt
PATIENCE = 8.0      # for one step of a login

OPEN = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='{}'>"
BIND = ("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{}</resource></bind></iq>"
        "<presence/><iq type='get' id='ready'><ping xmlns='urn:xmpp:ping'/></iq>")


class Gone(Exception):
    """There is no connection, or it died."""


class Connection:
    """From one login to the death of the connection; times are those of time.monotonic()."""

    def __init__(self, owner):
        self.owner = owner
        self.bound_at = None        # from here on the server may deliver
        self.online_at = None
        self.dead_at = None

    def covers(self, moment):
        """Whether the server could deliver to it then."""
        return self.bound_at is not None and self.bound_at <= moment and (self.dead_at is None or moment < self.dead_at)


class Heard:
    """One message stanza that came."""

    def __init__(self, element, connection):
        self.at = time.monotonic()
        self.connection = connection
        self.id, self.type, self.sender = (element.get(name) for name in ("id", "type", "from"))
        self.body = element.findtext(f"{CLIENT}body")
        error = element.find(f"{CLIENT}error")
        self.condition = self.words = None
        if error is not None:
            names = [child.tag.removeprefix(STANZAS) for child in error if child.tag.startswith(STANZAS)]
            self.condition = next((name for name in names if name != "text"), None)
            self.words = error.findtext(f"{STANZAS}text") or ""


class XmppClient:
    """One user with one device."""

    def __init__(self, name, domain, password, server, resource="stage"):
        self.name, self.domain, self.resource = name, domain, resource
        self.received = []
        self.connections = []
        self._password, self._server = password, server
        self._socket = None
        self._now = None                # the connection that is online
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._live, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        with self._news:
            self._ended = True
        self._hang_up()
        self._thread.join(timeout=10)

    def waits_online(self, within):
        """True when it is online, at once or within that time."""
        with self._news:
            return bool(self._news.wait_for(lambda: self._now or self._ended, timeout=within)) and not self._ended

    def says(self, text, to, id, thread=None):
        """Hand a message to the server; the connection that took it. Gone without one."""
        body = f"<body>{escape(text)}</body>"
        body += f"<thread>{escape(thread)}</thread>" if thread else ""
        stanza = f"<message type='chat' to={quoteattr(to)} id={quoteattr(id)}>{body}</message>"
        with self._news:
            if self._now is None:
                raise Gone
            try:
                self._socket.sendall(stanza.encode())
            except OSError as trouble:
                raise Gone from trouble
            return self._now

    # helpers

    def _live(self):
        while not self._ended:
            connection = Connection(self)
            self.connections.append(connection)
            try:
                self._serve(connection)
            except (OSError, Gone, ElementTree.ParseError):
                pass
            with self._news:
                self._now = None
                connection.dead_at = time.monotonic()
                self._news.notify_all()
            self._hang_up()
            time.sleep(PAUSE)

    def _serve(self, connection):
        self._socket = socket.create_connection(self._server, timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        login = base64.b64encode(f"\0{self.name}\0{self._password}".encode()).decode()
        stanzas = self._stream()
        self._expect(stanzas, "features")
        self._send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{login}</auth>")
        self._expect(stanzas, "success")
        stanzas = self._stream()
        self._expect(stanzas, "features")
        connection.bound_at = time.monotonic()
        self._send(BIND.format(self.resource))
        for stanza in stanzas:
            if stanza.tag == f"{CLIENT}message":
                self.received.append(Heard(stanza, connection))
            elif stanza.tag == f"{CLIENT}iq" and stanza.get("id") == "ready":
                self._socket.settimeout(None)
                with self._news:
                    connection.online_at = time.monotonic()
                    self._now = connection
                    self._news.notify_all()

    def _stream(self):
        """Open a stream; an iterator over its stanzas, which raises Gone at its end."""
        self._send(OPEN.format(self.domain))
        reader = StanzaReader()

        def stanzas():
            while True:
                octets = self._socket.recv(65_536)
                if not octets:
                    raise Gone
                yield from reader.feed(octets)
        return stanzas()

    def _expect(self, stanzas, name):
        stanza = next(stanzas)
        if stanza.tag.rpartition("}")[2] != name:
            raise Gone(f"{stanza.tag} instead of {name}")

    def _send(self, text):
        self._socket.sendall(text.encode())

    def _hang_up(self):
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._socket.close()
