"""Presence on a scripted user agent (RFC 6665, RFC 3856): it is watched, it watches, and it publishes.

    sight = romeo.is_asked()                  a SUBSCRIBE for romeo's presence came, and was answered
    sight.notifies("active;expires=600", ...)
    watch = romeo.watches("sip:juliet@...")   a SUBSCRIBE of romeo's was answered 200
    watch.hears("pending")                    the next NOTIFY in it
"""

import secrets

from . import pidf
from .sip_message import address_uri, parameter
from .sip_ua import Answer, SipUser
from .waiting import PATIENCE


class Dialog:
    """The SIP user's end of a dialog: what RFC 3261 §12 has a user agent keep."""

    def __init__(self, agent, call_id, own_tag, other, other_tag=None, target=None, routes=()):
        self.agent, self.call_id, self.own_tag = agent, call_id, own_tag
        self.other, self.other_tag, self.target, self.routes = other, other_tag, target, list(routes)

    def sends(self, method, headers=(), within=PATIENCE, **request):
        """A request in the dialog; the finished transaction."""
        routes = [("Route", route) for route in self.routes]
        contact = [("Contact", f"<{self.agent.contact}>")]
        return self.agent.asks(
            method, self.target, call_id=self.call_id, from_tag=self.own_tag,
            to_header=f"<{self.other}>;tag={self.other_tag}", headers=[*routes, *contact, *headers], within=within,
            **request)


class Sight(Dialog):
    """Somebody watches the SIP user: the notifier's end."""

    def __init__(self, agent, request):
        super().__init__(agent, request.call_id, secrets.token_hex(6), request.from_uri, request.from_tag,
                         address_uri(request["Contact"]), request.all("Record-Route"))
        self.subscribe = request
        self.refreshes = []
        self._seen = 0

    def notifies(self, state, *tuples, expect=200, body=None, content_type=pidf.MEDIA_TYPE, event="presence", **document):
        """NOTIFY with that Subscription-State, and with a document, or another body, if there is something to show."""
        if body is None and (tuples or document):
            body = pidf.document(f"pres:{self.agent.user}@{self.agent.domain}", *tuples, **document)
        headers = [("Event", event), ("Subscription-State", state)]
        transaction = self.sends("NOTIFY", headers, body=body or b"", content_type=content_type if body else None)
        if transaction.status != expect:
            raise AssertionError(f"NOTIFY was answered\n{transaction.final}\ninstead of {expect}")
        return transaction

    def is_refreshed(self, within=PATIENCE):
        """The next SUBSCRIBE in this dialog."""
        def next_one():
            if self._seen < len(self.refreshes):
                self._seen += 1
                return self.refreshes[self._seen - 1]
            return None
        return self.agent.waits_for(next_one, f"{self.agent.user}'s watcher refreshes", within=within)


class Watch(Dialog):
    """The SIP user watches somebody: the subscriber's end. The first NOTIFY makes the dialog (RFC 6665 §4.4.1)."""

    def __init__(self, agent, request):
        super().__init__(agent, request.call_id, request.from_tag, request.to_uri)
        self.notified = []
        self._seen = 0

    def take(self, notify):
        if self.other_tag is None:
            self.other_tag, self.routes = notify.from_tag, notify.all("Record-Route")
        self.target = address_uri(notify["Contact"])
        self.notified.append(notify)

    def hears(self, state=None, within=PATIENCE):
        """The next NOTIFY; fails when its state is another. It has `state` and `tuples` for the story to look at."""
        def next_one():
            if self._seen < len(self.notified):
                self._seen += 1
                return self.notified[self._seen - 1]
            return None
        notify = self.agent.waits_for(next_one, f"{self.agent.user} gets NOTIFY {state or ''}", within=within)
        notify.state = notify["Subscription-State"].split(";")[0]
        notify.why = parameter(notify["Subscription-State"], "reason")
        is_document = notify.body and notify["Content-Type"].startswith(pidf.MEDIA_TYPE)
        notify.tuples = pidf.parse(notify.body) if is_document else {}
        if state is not None and notify.state != state:
            raise AssertionError(f"the subscription is {notify.state} instead of {state}:\n{notify}")
        return notify

    def sees(self, within=PATIENCE, **devices):
        """NOTIFYs until one shows just these devices open, each by its show ("" for none); that NOTIFY."""
        while True:
            notify = self.hears("active", within=within)
            shown = {each.id.removeprefix("ID-"): each.show or "" for each in notify.tuples.values()
                     if each.basic == "open"}
            if shown == devices:
                return notify

    def unheard(self):
        return self.notified[self._seen:]

    def refreshes(self, expires=600, expect=200, headers=()):
        transaction = self.sends("SUBSCRIBE", [*subscribe_headers(expires), *headers])
        if transaction.status != expect:
            raise AssertionError(f"the refresh was answered\n{transaction.final}\ninstead of {expect}")
        return transaction

    def ends(self):
        """The watch ends: SUBSCRIBE with Expires: 0, and the last NOTIFY."""
        self._seen = len(self.notified)
        self.refreshes(expires=0)
        return self.hears("terminated")


class PresenceAgent(SipUser):
    """A SIP user whose own user agent does presence."""

    def __init__(self, *arguments, **options):
        self._sights, self._watches, self._asked = {}, {}, 0
        self.sights = []
        self.unknown = []           # NOTIFYs of no subscription of this user, answered 481
        self._subscribe_script = []
        super().__init__(*arguments, **options)

    # watched

    def answers_subscribe(self, *answers):
        """The next SUBSCRIBEs get these in turn: a status, an Answer, None for silence. Later ones are accepted."""
        self._subscribe_script = [answer if isinstance(answer, Answer) else Answer(answer) for answer in answers]

    def accepts_silently(self, request):
        """The user's end of a SUBSCRIBE that has no answer yet."""
        sight = Sight(self, request)
        self._sights[request.call_id, sight.own_tag] = sight
        return sight

    def is_asked(self, within=PATIENCE):
        """The next new subscription to the user's presence."""
        def next_one():
            if self._asked < len(self.sights):
                self._asked += 1
                return self.sights[self._asked - 1]
            return None
        return self.waits_for(next_one, f"{self.user} is asked for presence", within=within)

    # watching

    def watches(self, uri, expires=600, expect=200, headers=(), event="presence"):
        """SUBSCRIBE to somebody, which is answered `expect`."""
        contact = [("Contact", f"<{self.contact}>")]
        request = self.make("SUBSCRIBE", uri, headers=[*contact, *subscribe_headers(expires, event), *headers])
        watch = self._watches[request.call_id, request.from_tag] = Watch(self, request)
        transaction = self.begin(request)
        watch.answer = transaction.wait(PATIENCE)
        if watch.answer.status != expect:
            raise AssertionError(f"SUBSCRIBE was answered\n{watch.answer}\ninstead of {expect}")
        return watch

    def forgets_watches(self):
        """As a phone that was switched off: it knows no dialog any more."""
        self._watches = {}

    # publishing

    def publishes(self, *tuples, etag=None, expires=600, **document):
        """PUBLISH the user's state at a presence server (RFC 3903); the answer's entity-tag."""
        body = pidf.document(f"pres:{self.user}@{self.domain}", *tuples, **document) if tuples else b""
        match = [("SIP-If-Match", etag)] if etag else []
        transaction = self.asks(
            "PUBLISH", self.uri, headers=[("Event", "presence"), ("Expires", str(expires)), *match], body=body,
            content_type=pidf.MEDIA_TYPE if body else None)
        if transaction.status != 200:
            raise AssertionError(f"PUBLISH was answered\n{transaction.final}")
        return transaction.final["SIP-ETag"]

    # helpers

    def _decide(self, request):
        if request.method == "SUBSCRIBE":
            return self._subscribed(request)
        if request.method == "NOTIFY":
            watch = self._watches.get((request.call_id, request.to_tag))
            if watch is None:
                self.unknown.append(request)
                return Answer(481)
            watch.take(request)
            return Answer(200)
        return super()._decide(request)

    def _subscribed(self, request):
        if self._subscribe_script:
            answer = self._subscribe_script.pop(0)
            known = self._sights.get((request.call_id, request.to_tag))
            if known:
                known.refreshes.append(request)
            return answer
        headers = (("Expires", request["Expires"]), ("Contact", f"<{self.contact}>"))
        if request.to_tag is not None:
            sight = self._sights.get((request.call_id, request.to_tag))
            if sight is None:
                return Answer(481)
            sight.refreshes.append(request)
            return Answer(200, headers=headers)
        sight = Sight(self, request)
        self._sights[request.call_id, sight.own_tag] = sight
        self.sights.append(sight)
        return Answer(200, headers=headers, to_tag=sight.own_tag)


def subscribe_headers(expires, event="presence"):
    given = [] if expires is None else [("Expires", str(expires))]
    return [("Event", event), ("Accept", pidf.MEDIA_TYPE), *given]
