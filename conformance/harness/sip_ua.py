"""A scripted SIP user agent: an independent second implementation that stories speak and listen through.

It sends what it is told, octet for octet, retransmits as RFC 3261 §17.1.2 says, answers by a script, records every
request with its raw octets, and lints each one the gateway emits: a fault fails the story.
"""

import re
import secrets
import threading
import time
from dataclasses import dataclass

from . import cpim
from .sip_digest import digest
from .sip_lint import Lint
from .sip_message import NotSip, SipMessage, parameter, parse, response_to, uri_parts
from .sip_transport import TRANSPORTS
from .waiting import PATIENCE, TooLate, until

T1, T2 = 0.5, 4.0
TIMER_F = 64 * T1


@dataclass
class Answer:
    """One scripted answer. A status of None is silence."""

    status: int
    reason: str = None
    headers: tuple = ()
    body: bytes = b""
    to_tag: str = None      # of a response that makes a dialog; any other gets a fresh one


class Transaction:
    """A request on its way: its provisionals and, once it is there, its final response."""

    def __init__(self, request):
        self.request = request
        self.sent_at = None
        self.transmissions = 0
        self.provisionals = []
        self.final = None
        self.later_finals = []
        self._news = threading.Condition()

    def wait(self, within=TIMER_F):
        """The final response; TooLate without one."""
        with self._news:
            if not self._news.wait_for(lambda: self.final, timeout=within):
                seen = [provisional.status for provisional in self.provisionals]
                raise TooLate(f"no final response within {within:g} s (provisionals: {seen}) to:\n{self.request}")
        return self.final

    @property
    def status(self):
        return self.final.status if self.final else None

    @property
    def seconds(self):
        """From the first transmission to the final response."""
        return self.final.seen_at - self.sent_at

    def take(self, response):
        with self._news:
            if response.status < 200:
                self.provisionals.append(response)
            elif self.final is None:
                self.final = response
            else:
                self.later_finals.append(response)
            self._news.notify_all()

    def wait_for_news(self, within):
        """True as soon as the request needs no more sending."""
        with self._news:
            return self._news.wait_for(lambda: self.final, timeout=within)


class SipUser:
    """romeo, at a proxy. `proxy` is where romeo's requests go: (address, port)."""

    def __init__(self, uri, address, proxy=None, port=5060, transport="udp", password=None, lint=None,
                 behind_proxy=True):
        self.uri = uri
        _, self.user, self.domain, _, _ = uri_parts(uri)
        self.address, self.port, self.proxy, self.password = address, port, proxy, password
        self.transport_name = transport
        self.received = []              # every request, retransmissions left out
        self.retransmissions = []       # (request, answer sent again)
        self.faults = []                # what lint or the parser found
        self._behind_proxy = behind_proxy
        self._lint = lint or Lint()
        self._script = []
        self._default_answer = Answer(200)
        self._answered = {}             # (branch, sent-by, method) -> response octets or None
        self.lost = []                  # requests that loses() made disappear
        self._to_lose = 0
        self._heard = 0                 # index into self.received
        self._cseq = secrets.randbelow(1000) + 1
        self._transactions = {}
        self._news = threading.Condition()
        self._registered = False
        self._transport = TRANSPORTS[transport](address, port, self._on_octets)

    @property
    def contact(self):
        suffix = ";transport=tcp" if self.transport_name == "tcp" else ""
        return f"sip:{self.user}@{self.address}:{self.port}{suffix}"

    # speaking

    def says(self, text, to, expect=200, within=PATIENCE, **request):
        """Send a text and return the finished transaction; its final status must be `expect`."""
        transaction = self.sends(text, to, **request)
        final = transaction.wait(within)
        if expect is not None and final.status != expect:
            raise AssertionError(f"{self.user} wanted {expect} for {text!r} and got:\n{final}")
        return transaction

    def sends(self, text, to, content_type="text/plain", **request):
        """Send a text without waiting for its answer."""
        return self.begin(self.make("MESSAGE", to, body=text.encode("utf-8"), content_type=content_type, **request))

    def shows_that_it_reads_objects(self, xmpp_user, uri):
        """Write an object to an XMPP user, who hears it: from then on the gateway knows that this client reads them."""
        said = cpim.write("I read objects", sender=self.uri, recipient=uri)
        self.says(said.decode(), to=uri, content_type=cpim.MEDIA_TYPE)
        xmpp_user.hears("I read objects")
        return self

    def asks(self, method, to, within=PATIENCE, **request):
        """Send any request and return its finished transaction."""
        transaction = self.begin(self.make(method, to, **request), target=request.get("target"))
        transaction.wait(within)
        return transaction

    def make(self, method, to, body=b"", content_type=None, headers=(), from_uri=None, to_header=None, from_tag=None,
             call_id=None, cseq=None, branch=None, max_forwards=70, target=None, **_):
        """A request with every header under the caller's control; `target` is where it will go."""
        if not to.startswith(("sip:", "sips:", "im:", "pres:", "tel:")):
            to = f"sip:{to}"
        self._cseq += 1
        via = f"SIP/2.0/{self.transport_name.upper()} {self.address}:{self.port};branch={branch or new_branch()};rport"
        request = SipMessage(method=method, uri=to, body=body)
        request.headers = [
            ("Via", via),
            ("Max-Forwards", str(max_forwards)),
            ("From", f"<{from_uri or self.uri}>;tag={from_tag or secrets.token_hex(6)}"),
            ("To", to_header or f"<{to}>"),
            ("Call-ID", call_id or secrets.token_hex(10)),
            ("CSeq", f"{cseq or self._cseq} {method}"),
            *headers,
        ]
        if content_type:
            request.headers.append(("Content-Type", content_type))
        request.headers.append(("Content-Length", str(len(body))))
        request.intended_target = target
        return request

    def begin(self, request, target=None):
        """Start a client transaction; it retransmits in a thread of its own until a final response or Timer F."""
        target = target or getattr(request, "intended_target", None) or self.proxy
        transaction = Transaction(request)
        self._transactions[(request.branch, request.method)] = transaction
        transaction.sent_at = time.monotonic()
        threading.Thread(target=self._transmit, args=(transaction, target), daemon=True).start()
        return transaction

    def expects(self, request):
        """The response to a request that leaves by some other socket will come here."""
        transaction = Transaction(request)
        self._transactions[(request.branch, request.method)] = transaction
        return transaction

    def send_raw(self, octets, target=None):
        """Octets as they are, outside any transaction."""
        self._transport.send(octets, target or self.proxy)

    def register(self, expires=600, within=PATIENCE):
        """Tell the registrar where this user is; answers a digest challenge when there is a password."""
        registrar = f"sip:{self.domain}"
        headers = [("Contact", f"<{self.contact}>"), ("Expires", str(expires))]
        to_header = f"<{self.uri}>"
        transaction = self.asks("REGISTER", registrar, headers=headers, to_header=to_header, within=within)
        if transaction.status == 401 and self.password:
            challenge = transaction.final["WWW-Authenticate"]
            headers.append(("Authorization", digest(challenge, "REGISTER", registrar, self.user, self.password)))
            transaction = self.asks("REGISTER", registrar, headers=headers, to_header=to_header, within=within)
        if transaction.status != 200:
            raise AssertionError(f"{self.user} could not register:\n{transaction.final}")
        self._registered = expires > 0
        return self

    # answering

    def answers(self, *answers):
        """The next requests get these answers in turn (a status, an Answer, None for silence), later ones 200."""
        self._script = [answer if isinstance(answer, Answer) else Answer(answer) for answer in answers]
        return self

    def always_answers(self, answer):
        """Every request that no script takes gets this: a status, an Answer, or a function of the request."""
        self._default_answer = answer if callable(answer) or isinstance(answer, Answer) else Answer(answer)
        return self

    def answers_late(self, request, answer):
        """Answer now what got silence before; retransmissions get the same."""
        answer = answer if isinstance(answer, Answer) else Answer(answer)
        request.answered = answer.status
        self._respond(request, answer)

    def loses(self, count):
        """The next datagrams with a request disappear on their way here (see `lost`)."""
        self.lost = []
        self._to_lose = count

    def forget(self):
        """Start over: nothing heard, no script."""
        self._script = []
        self.retransmissions = []
        self._heard = len(self.received)

    # listening

    def hears(self, text=None, within=PATIENCE, **expected):
        """The next MESSAGE that was accepted; fails when its text or a header named in `expected` is another."""
        message = self._next_message(within, f"{self.user} hears {text!r}")
        said = spoken_text(message)
        if text is not None and said != text:
            raise AssertionError(f"{self.user} heard {said!r} instead of {text!r} in:\n{message}")
        for name, value in expected.items():
            header = name.replace("_", "-").title()
            if message.get(header) != value:
                raise AssertionError(f"{header} is {message.get(header)!r} instead of {value!r} in:\n{message}")
        return message

    def gets(self, method="MESSAGE", within=PATIENCE):
        """The next request of that method, accepted or not."""
        def next_one():
            for index in range(self._heard, len(self.received)):
                if self.received[index].method == method:
                    self._heard = index + 1
                    return self.received[index]
            return None
        return self._wait_for(next_one, within, f"{self.user} gets {method}")

    def waits_for(self, condition, what, within=PATIENCE):
        return self._wait_for(condition, within, what)

    def unheard(self):
        """Messages accepted and not yet asked for: what a story checks after a last marker message."""
        return [message for message in self.received[self._heard:] if was_accepted(message)]

    def stop(self):
        """Leave the registrar and close. What the lint found comes out here at the latest."""
        try:
            if self._registered:
                self.register(expires=0, within=2)      # a stale contact would catch the next story's messages
        except TooLate:
            pass        # the registrar is gone, and with it the contact
        finally:
            self._transport.close()
        self.raise_faults()

    def raise_faults(self):
        faults, self.faults = self.faults, []
        if faults:
            raise AssertionError("the gateway put this on the wire:\n" + "\n".join(faults))

    # helpers

    def _next_message(self, within, what):
        def next_one():
            for index in range(self._heard, len(self.received)):
                if was_accepted(self.received[index]):
                    self._heard = index + 1
                    return self.received[index]
            return None
        return self._wait_for(next_one, within, what)

    def _wait_for(self, condition, within, what):
        def seen():
            texts = [f"{request.method} {getattr(request, 'answered', None)}" for request in self.received[-5:]]
            return f"{what}; the last requests were {texts}"
        try:
            return until(condition, seen, within=within, every=0.005)
        finally:
            self.raise_faults()

    def _transmit(self, transaction, target):
        octets = transaction.request.to_bytes()
        interval, deadline = T1, transaction.sent_at + TIMER_F
        while time.monotonic() < deadline:
            try:
                self._transport.send(octets, target)
            except OSError:
                return
            transaction.transmissions += 1
            if self.transport_name == "tcp":
                return
            if transaction.wait_for_news(T2 if transaction.provisionals else interval):
                return
            interval = min(2 * interval, T2)

    def _on_octets(self, octets, source):
        if not octets.strip(b"\r\n\0"):
            return
        try:
            message = parse(octets)
        except (NotSip, UnicodeDecodeError) as trouble:
            self.faults.append(f"{trouble} in {octets!r}")
            return
        message.source, message.seen_at = source, time.monotonic()
        if message.is_request:
            self._on_request(message)
        else:
            self._on_response(message)

    def _on_response(self, response):
        transaction = self._transactions.get((response.branch, response.cseq[1]))
        if transaction is None:
            self.faults.append(f"a response that answers nothing:\n{response}")
            return
        if self._is_from_gateway(response, transaction.request):
            self.faults += [f"{fault}\n{response}" for fault in self._lint.response(response, transaction.request)]
        transaction.take(response)

    def _is_from_gateway(self, response, request):
        """Only the gateway's responses are linted: not the proxy's own, not those of other users of this domain."""
        to_this_domain = request.uri.endswith(f"@{self.domain}") or request.uri == f"sip:{self.domain}"
        return not to_this_domain and not (response.get("Server") or "").startswith("kamailio")

    def _on_request(self, request):
        if self._to_lose:
            self._to_lose -= 1
            self.lost.append(request)
            return
        key = transaction_key(request)
        if key in self._answered:
            answer = self._answered[key]
            self.retransmissions.append((request, answer))
            if answer is not None:
                self._transport.send(answer, reply_target(request))
            return
        if uri_parts(request.from_uri)[2] != self.domain:      # users of this domain are not the gateway's
            self.faults += [f"{fault}\n{request}" for fault in self._lint.request(request, self._behind_proxy)]
        answer = self._decide(request)
        request.answered = answer.status
        self._answered[key] = None
        self.received.append(request)
        if answer.status is not None:
            self._respond(request, answer)

    def _respond(self, request, answer):
        octets = response_to(request, answer.status, answer.reason, answer.headers, answer.body,
                             to_tag=answer.to_tag or secrets.token_hex(4)).to_bytes()
        self._answered[transaction_key(request)] = octets
        self._transport.send(octets, reply_target(request))

    def _decide(self, request):
        if self._script and request.method == "MESSAGE":
            return self._script.pop(0)
        default = self._default_answer
        if callable(default):
            default = default(request)
        return default if isinstance(default, Answer) else Answer(default)


def spoken_text(message):
    """What the user sees: the text of a plain body, or the inner text of a CPIM object."""
    if message.content_type == cpim.MEDIA_TYPE:
        return cpim.parse(message.body).text
    return message.text


def was_accepted(request):
    answered = getattr(request, "answered", None)
    return request.method == "MESSAGE" and answered is not None and 200 <= answered < 300


def transaction_key(request):
    """RFC 3261 §17.2.3: branch, sent-by and method."""
    return request.branch, request.vias[0].split(";")[0], request.method


def reply_target(request):
    """Where a response goes: back to where the request came from, at the Via's port unless rport asks otherwise."""
    via = request.vias[0]
    if "/TCP" in via.split()[0] or parameter(via, "rport") is not None:
        return request.source
    sent_by = re.match(r"SIP/2\.0/\w+ ([^;:\s]+)(?::(\d+))?", via)
    return request.source[0], int(sent_by.group(2) or 5060)


def new_branch():
    return "z9hG4bK" + secrets.token_hex(8)
