"""What every request must hold that the gateway has put on the wire (RFC 3261 §8.1.1, RFC 3428 §4 and §9, RFC 6665 §3)."""

import re

from .sip_message import TOKEN, parameter, split_commas

MANDATORY = ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq")
ONCE = ("Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Length", "Content-Type", "Subject", "Date", "Expires")
NEVER_IN_MESSAGE = ("Contact", "Record-Route", "Accept", "Accept-Encoding", "Accept-Language", "Alert-Info")
NEVER_IN_MESSAGE_2XX = ("Contact", "Accept", "Accept-Encoding", "Accept-Language", "Content-Type")
WORD = r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]+"
CALL_ID = re.compile(rf"{WORD}(@{WORD})?")
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
RETRY_AFTER_STATUSES = (404, 413, 480, 486, 500, 503, 600, 603)
COOKIE = "z9hG4bK"


class Lint:
    """Remembers what was seen, so that a branch used twice for two requests is found too."""

    def __init__(self):
        self._transactions = {}

    def request(self, request, through_proxy):
        """The faults of one request, as texts; none for a good one.

        Behind a proxy the gateway's Via is the last one and Max-Forwards has gone down by one.
        """
        faults = common_faults(request)
        faults += via_faults(request, through_proxy)
        faults += start_faults(request, through_proxy)
        if request.method == "MESSAGE":
            faults += [f"{name} in a MESSAGE" for name in NEVER_IN_MESSAGE if request.get(name) is not None]
            faults += ["To tag in a MESSAGE outside a dialog"] if request.to_tag else []
        if request.method in ("SUBSCRIBE", "NOTIFY"):
            faults += event_faults(request)
        faults += self._branch_faults(request)
        return faults

    def response(self, response, request):
        """The faults of one response of the gateway to `request`."""
        faults = common_faults(response)
        for name in ("From", "Call-ID", "CSeq"):
            if response.get(name) != request.get(name):
                faults.append(f"{name} differs from the request's: {response.get(name)!r}")
        if [parameter(via, "branch") for via in response.vias] != [parameter(via, "branch") for via in request.vias]:
            faults.append(f"Via differs from the request's: {response.vias}")
        if response.status > 100 and not response.to_tag:
            faults.append("no To tag in a response other than 100")
        if response.status < 200 and response.status != 100 and request.method != "INVITE":
            faults.append(f"provisional {response.status} to {request.method} (RFC 4320 §4.1)")
        if response.status == 408 and request.method != "INVITE":
            faults.append(f"408 to {request.method} (RFC 4320 §4.2)")
        if response.get("Retry-After") is not None and response.status not in RETRY_AFTER_STATUSES:
            faults.append(f"Retry-After in a {response.status}")
        if request.method == "MESSAGE" and 200 <= response.status < 300:
            faults += [f"{name} in a 2xx to MESSAGE" for name in NEVER_IN_MESSAGE_2XX if response.get(name) is not None]
            faults += ["a body in a 2xx to MESSAGE"] if response.body else []
        if request.method == "SUBSCRIBE" and 200 <= response.status < 300:
            faults += accepted_faults(response, request)
        return faults + companion_faults(response)

    def _branch_faults(self, request):
        branch = parameter(request.vias[-1], "branch") if request.vias else None
        identity = (request.method, request.call_id, request.cseq, request.from_tag)
        known = self._transactions.setdefault((branch, request.method), identity)
        return [] if known == identity else [f"branch {branch} used for two requests: {known} and {identity}"]


def common_faults(message):
    faults = []
    if message.get("Content-Length") is None:
        faults.append("no Content-Length")      # its value was checked when the message was read
    for name in ONCE:
        if len(message.all(name)) > 1:
            faults.append(f"{name} occurs {len(message.all(name))} times")
    for name, value in message.headers:
        if not value and name not in ("Supported", "Accept", "Accept-Encoding", "Accept-Language", "Subject"):
            faults.append(f"empty {name}")
        if any(ord(character) < 32 and character != "\t" or ord(character) == 127 for character in value):
            faults.append(f"control character in {name}: {value!r}")
    if message.body and not message.content_type:
        faults.append("a body without Content-Type")
    if not message.body and message.get("Content-Type"):
        faults.append("Content-Type without a body")
    if message.get("Call-ID") and not CALL_ID.fullmatch(message["Call-ID"]):
        faults.append(f"Call-ID is not word[@word]: {message['Call-ID']!r}")
    for tag in split_commas(message.get("Content-Language") or "en"):
        if not LANGUAGE.fullmatch(tag):
            faults.append(f"Content-Language: {tag!r}")
    return faults


def via_faults(request, through_proxy):
    vias = request.vias
    if not vias:
        return []
    faults = []
    own = vias[-1]
    branch = parameter(own, "branch") or ""
    if not through_proxy and len(vias) != 1:
        faults.append(f"{len(vias)} Via values in a request of the gateway's own")
    if not branch.startswith(COOKIE) or len(branch) <= len(COOKIE) or not TOKEN.fullmatch(branch):
        faults.append(f"branch {branch!r}")
    if not re.match(r"SIP/2\.0/(UDP|TCP|TLS) \S", own):
        faults.append(f"Via {own!r}")
    return faults


def start_faults(request, through_proxy):
    faults = [f"no {name}" for name in MANDATORY if request.get(name) is None]
    if faults:
        return faults
    number, method = request.cseq
    if method != request.method:
        faults.append(f"CSeq {request['CSeq']} in a {request.method}")
    if not 0 <= number < 2 ** 31:
        faults.append(f"CSeq number {number}")
    if not request.from_tag:
        faults.append("no From tag")
    expected = 69 if through_proxy else 70
    if not request["Max-Forwards"].isdigit() or int(request["Max-Forwards"]) > expected:
        faults.append(f"Max-Forwards: {request['Max-Forwards']}")
    return faults


def event_faults(request):
    """RFC 6665 §8.2: what a request of an event package carries."""
    wanted = {"SUBSCRIBE": ("Event", "Expires"), "NOTIFY": ("Event", "Subscription-State")}[request.method]
    faults = [f"no {name} in a {request.method}" for name in wanted if len(request.all(name)) != 1]
    contacts = split_commas(request.get("Contact") or "")
    if len(request.all("Contact")) != 1 or len(contacts) != 1 or "gr=" not in contacts[0].partition(">")[0]:
        faults.append(f"Contact is no single GRUU in <>: {request.all('Contact')}")
    if request.method == "NOTIFY" and not request.to_tag:
        faults.append("NOTIFY outside a dialog")
    state = request.get("Subscription-State") or ""
    if state.startswith("terminated") and (parameter(state, "expires") or not parameter(state, "reason")):
        faults.append(f"Subscription-State: {state}")
    if state.startswith("pending") and request.body:
        faults.append("a document while nothing is decided")
    return faults


def accepted_faults(response, request):
    """RFC 6665 §4.2.1.1: a 2xx to SUBSCRIBE."""
    faults = [f"no {name} in a 2xx to SUBSCRIBE" for name in ("Expires", "Contact") if response.get(name) is None]
    faults += [f"{response.status} to SUBSCRIBE"] if response.status != 200 else []
    faults += ["Event in a 2xx to SUBSCRIBE"] if response.get("Event") is not None else []
    asked = request.get("Expires") or "3600"
    if (response.get("Expires") or "0").isdigit() and int(response.get("Expires") or 0) > int(asked):
        faults.append(f"Expires: {response.get('Expires')} where {asked} was asked for")
    return faults


def companion_faults(response):
    """Headers that a status must bring along (RFC 3261 §8.2, §21)."""
    companions = {405: "Allow", 415: "Accept", 420: "Unsupported", 423: "Min-Expires",
                  489: "Allow-Events", 401: "WWW-Authenticate", 407: "Proxy-Authenticate", 301: "Contact", 302: "Contact"}
    wanted = companions.get(response.status)
    if response.status == 415 and (response.get("Accept-Encoding") or response.get("Accept-Language")):
        return []
    return [f"{response.status} without {wanted}"] if wanted and response.get(wanted) is None else []
