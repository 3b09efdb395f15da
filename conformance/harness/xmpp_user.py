"""An XMPP user with a real client (slixmpp) behind calls that return when they are done."""

import asyncio
import logging
import secrets
import threading
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)     # before the import: it has something to say there too

from slixmpp import ClientXMPP  # noqa: E402
from slixmpp.xmlstream.handler import Callback  # noqa: E402
from slixmpp.xmlstream.matcher.base import MatcherBase  # noqa: E402

from .waiting import PATIENCE, TooLate, until  # noqa: E402

CLIENT = "{jabber:client}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
LOGIN_WITHIN = 30

ElementTree.register_namespace("", "jabber:client")      # so that a shown stanza reads as it was sent


class Stanza:
    """A received stanza: attributes by name, children by qualified tag, and the usual texts."""

    def __init__(self, element):
        self.element = element
        self.kind = element.tag.removeprefix(CLIENT)

    def __getitem__(self, attribute):
        return self.element.get(attribute)

    @property
    def sender(self):
        return self.element.get("from")

    @property
    def id(self):
        return self.element.get("id")

    @property
    def type(self):
        return self.element.get("type")

    @property
    def lang(self):
        return self.element.get(LANG)

    @property
    def body(self):
        return self._text("body")

    @property
    def subject(self):
        return self._text("subject")

    @property
    def thread(self):
        return self._text("thread")

    @property
    def error(self):
        """The <error/> child as StanzaError, or None."""
        found = self.element.find(f"{CLIENT}error")
        return None if found is None else StanzaError(found)

    def is_from(self, sender):
        """A full JID names itself alone, a bare one all of its resources."""
        return self.sender == sender or ("/" not in sender and (self.sender or "").split("/")[0] == sender)

    def text(self, name):
        """The text of a child; None without one."""
        return self._text(name)

    def find(self, tag):
        return self.element.find(tag)

    def find_all(self, tag):
        return self.element.findall(tag)

    def _text(self, name):
        found = self.element.find(f"{CLIENT}{name}")
        return None if found is None else found.text or ""

    def __str__(self):
        return ElementTree.tostring(self.element, encoding="unicode")


class StanzaError:
    """Type, defined condition, its character data, and the text of an <error/>."""

    def __init__(self, element):
        self.type = element.get("type")
        children = [child for child in element if child.tag.startswith(STANZAS)]
        conditions = [child for child in children if child.tag != f"{STANZAS}text"]
        self.condition = conditions[0].tag.removeprefix(STANZAS) if conditions else None
        self.address = (conditions[0].text or "") if conditions else ""
        self.text = next((child.text for child in children if child.tag == f"{STANZAS}text"), None)


class XmppUser:
    """juliet, with one resource. Every stanza that comes is kept in `received`."""

    def __init__(self, jid, password, server, resource="balcony"):
        """`server` is (address, port) of the client port."""
        self.jid = jid
        self.bare_jid, self.full_jid = jid, f"{jid}/{resource}"
        self.name = jid.split("@")[0]
        self._password, self._server = password, server
        self.received = []
        self._taken = set()
        self._client = None
        self._loop = None
        self._thread = None
        self._trouble = None

    # coming and going

    def login(self, presence=True):
        """Connect, authenticate, bind, and (unless told otherwise) become available."""
        self._trouble = None
        online = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(online, presence), daemon=True)
        self._thread.start()
        if not online.wait(LOGIN_WITHIN) or self._trouble:
            self.logout()
            raise TooLate(f"{self.full_jid} could not log in at {self._server}: {self._trouble or 'no answer'}")
        return self

    def logout(self):
        if self._thread is None:
            return
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._leave)
        self._thread.join(timeout=10)
        self._thread = None

    stop = logout

    # speaking

    def says(self, text, to, id=None, thread=None, subject=None, lang=None, type="chat"):
        """Send a message and return its id."""
        id = id or f"m-{secrets.token_hex(6)}"
        attributes = f"to={quoteattr(to)} id={quoteattr(id)}"
        attributes += f" type={quoteattr(type)}" if type else ""
        attributes += f" xml:lang={quoteattr(lang)}" if lang else ""
        children = f"<subject>{escape(subject)}</subject>" if subject is not None else ""
        children += f"<body>{escape(text)}</body>"
        children += f"<thread>{escape(thread)}</thread>" if thread is not None else ""
        self.sends_raw(f"<message {attributes}>{children}</message>")
        return id

    def sends_raw(self, xml):
        """Put XML on the stream as it is."""
        self._on_loop(lambda: self._client.send_raw(xml))

    def asks(self, payload, to, type="get", within=PATIENCE, id=None):
        """Send an iq around `payload` and return the answering iq, result or error."""
        id = id or f"q-{secrets.token_hex(6)}"
        self.sends_raw(f"<iq type={quoteattr(type)} to={quoteattr(to)} id={quoteattr(id)}>{payload}</iq>")
        return self._take(lambda stanza: stanza.kind == "iq" and stanza.id == id and stanza.type in ("result", "error"),
                          within, f"an answer to iq {id}")

    # listening

    def hears(self, text=None, sender=None, within=PATIENCE):
        """The next message with a body or subject; fails when text or bare sender is another."""
        stanza = self._take(is_talk, within, f"{self.name} hears {text!r}")
        if text is not None and stanza.body != text:
            raise AssertionError(f"{self.name} heard {stanza.body!r} instead of {text!r}: {stanza}")
        if sender is not None and stanza.sender.split("/")[0] != sender:
            raise AssertionError(f"{self.name} heard {stanza.sender} instead of {sender}: {stanza}")
        return stanza

    def gets_error(self, id, condition=None, type=None, within=PATIENCE):
        """The error that answers the message `id`."""
        stanza = self._take(lambda seen: seen.kind == "message" and seen.type == "error" and seen.id == id,
                            within, f"{self.name} gets an error for {id}")
        error = stanza.error
        if condition is not None and error.condition != condition:
            raise AssertionError(f"the error is {error.condition} instead of {condition}: {stanza}")
        if type is not None and error.type != type:
            raise AssertionError(f"the error's type is {error.type} instead of {type}: {stanza}")
        return stanza

    def gets(self, condition, what, within=PATIENCE):
        """The next stanza for which `condition(stanza)` holds."""
        return self._take(condition, within, what)

    # presence

    def tells(self, type, to):
        """A subscription stanza (subscribe, subscribed, unsubscribe, unsubscribed, probe); its id."""
        id = f"p-{secrets.token_hex(6)}"
        self.sends_raw(f"<presence type={quoteattr(type)} to={quoteattr(to)} id={quoteattr(id)}/>")
        return id

    def shows(self, show=None, status=None, priority=None, to=None, type=None):
        """The user's presence, to all who may see it or to one."""
        attributes = f" to={quoteattr(to)}" if to else ""
        attributes += f" type={quoteattr(type)}" if type else ""
        children = f"<show>{show}</show>" if show else ""
        children += f"<status>{escape(status)}</status>" if status is not None else ""
        children += f"<priority>{priority}</priority>" if priority is not None else ""
        self.sends_raw(f"<presence{attributes}>{children}</presence>")

    def is_told(self, type, sender, within=PATIENCE):
        """The next subscription stanza from the bare JID `sender`, which must be of that type."""
        kinds = ("subscribe", "subscribed", "unsubscribe", "unsubscribed", "error")
        stanza = self._take(lambda seen: seen.kind == "presence" and seen.type in kinds and seen.is_from(sender),
                            within, f"{self.name} is told {type} by {sender}")
        if stanza.type != type:
            raise AssertionError(f"{stanza.type} was told instead of {type}: {stanza}")
        return stanza

    def sees(self, sender, show=None, status=None, priority=None, within=PATIENCE):
        """The next presence of `sender`, bare or full: it must be there, and show this."""
        stanza = self._next_presence(sender, within)
        shown = (stanza.type, stanza.text("show"), stanza.text("status"), stanza.text("priority"))
        wanted = (None, show, status, None if priority is None else str(priority))
        if shown != wanted:
            raise AssertionError(f"{sender} shows {shown} instead of {wanted}: {stanza}")
        return stanza

    def sees_or_not(self, sender, within=PATIENCE):
        """The next presence of `sender`, whatever it is: what it shows ("" for nothing), or None when it is gone."""
        stanza = self._next_presence(sender, within)
        return None if stanza.type == "unavailable" else stanza.text("show") or ""

    def sees_gone(self, sender, within=PATIENCE):
        """The next presence of `sender`, bare or full: it must be gone."""
        stanza = self._next_presence(sender, within)
        if stanza.type != "unavailable":
            raise AssertionError(f"{sender} is still there: {stanza}")
        return stanza

    def unseen(self, sender):
        """Presence stanzas of whatever kind from one bare JID that came and were not asked for."""
        return [stanza for index, stanza in enumerate(list(self.received))
                if index not in self._taken and stanza.kind == "presence" and stanza.is_from(sender)]

    def roster(self):
        """The roster: subscription (and "+ask" while a request is open) by bare JID."""
        answer = self.asks("<query xmlns='jabber:iq:roster'/>", to=self.bare_jid)
        return {item.get("jid"): item.get("subscription") + ("+ask" if item.get("ask") else "")
                for item in answer.element.iter("{jabber:iq:roster}item")}

    def unheard(self):
        """Messages (errors too) that came and were not asked for."""
        return [stanza for index, stanza in enumerate(list(self.received))
                if index not in self._taken and stanza.kind == "message"]

    # helpers

    def _next_presence(self, sender, within):
        return self._take(
            lambda seen: seen.kind == "presence" and seen.type in (None, "unavailable") and seen.is_from(sender),
            within, f"{self.name} sees {sender}")

    def _take(self, condition, within, what):
        def next_one():
            for index in range(len(self.received)):
                if index not in self._taken and condition(self.received[index]):
                    self._taken.add(index)
                    return self.received[index]
            return None

        def seen():
            return f"{what}; the last stanzas were:\n" + "\n".join(str(stanza) for stanza in self.received[-5:])
        return until(next_one, seen, within=within, every=0.005)

    def _run(self, online, presence):
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        try:
            self._client = self._make_client(online, presence)
            self._client.connect(address=self._server, disable_starttls=True)
            self._loop.run_forever()
        except Exception as trouble:  # shown by login()
            self._trouble = trouble
            online.set()
        finally:
            self._finish_loop()

    def _finish_loop(self):
        """Let what slixmpp still has pending end, so that no task outlives its loop."""
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        if pending:
            self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.close()

    def _make_client(self, online, presence):
        client = ClientXMPP(self.full_jid, self._password)
        client.auto_authorize = None        # who may see the user is the story's to say
        client.register_handler(Callback("everything", Everything(None), self._on_stanza, instream=True))

        async def started(_):
            if presence:
                client.send_presence()
                await client.get_roster()     # answered behind the presence: the server knows the session now
            online.set()

        def failed(reason):
            self._trouble = reason or "authentication failed"
            online.set()

        client.add_event_handler("session_start", started)
        client.add_event_handler("failed_all_auth", failed)
        client.add_event_handler("connection_failed", failed)
        return client

    def _on_stanza(self, stanza):
        self.received.append(Stanza(stanza.xml))

    def _leave(self):
        async def leave():
            try:
                await asyncio.wait_for(asyncio.shield(self._client.disconnect(wait=1.0)), 3)
            except (asyncio.TimeoutError, asyncio.CancelledError):
                self._client.abort()
            self._loop.stop()
        self._loop.create_task(leave())

    def _on_loop(self, action):
        done = asyncio.run_coroutine_threadsafe(call(action), self._loop)
        done.result(timeout=10)


class Everything(MatcherBase):
    """Matches every stanza."""

    def match(self, _):
        return True


def is_talk(stanza):
    has_words = stanza.body is not None or stanza.subject is not None
    return stanza.kind == "message" and stanza.type != "error" and has_words


async def call(action):
    return action()
