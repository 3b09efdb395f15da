"""SIP messages as a strict reader sees them (RFC 3261 §7, §20, §25). Written apart from the gateway on purpose."""

import re
from dataclasses import dataclass, field

COMPACT = {
    "i": "Call-ID", "m": "Contact", "e": "Content-Encoding", "l": "Content-Length", "c": "Content-Type",
    "f": "From", "s": "Subject", "k": "Supported", "t": "To", "v": "Via",
}
TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
REASONS = {
    100: "Trying", 200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    408: "Request Timeout", 415: "Unsupported Media Type", 480: "Temporarily Unavailable", 486: "Busy Here",
    488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable", 600: "Busy Everywhere",
}


class NotSip(ValueError):
    """The octets are not a well-formed SIP message."""


@dataclass
class SipMessage:
    """A request (method and uri set) or a response (status and reason set)."""

    headers: list = field(default_factory=list)
    body: bytes = b""
    method: str = None
    uri: str = None
    status: int = None
    reason: str = None
    raw: bytes = b""
    source: tuple = None        # (address, port) it came from
    seen_at: float = None       # time.monotonic() when it was read

    @property
    def is_request(self):
        return self.method is not None

    def all(self, name):
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def __getitem__(self, name):
        values = self.all(name)
        if not values:
            raise KeyError(f"no {name} header in:\n{self}")
        return values[0]

    @property
    def vias(self):
        return [via for value in self.all("Via") for via in split_commas(value)]

    @property
    def branch(self):
        return parameter(self.vias[0], "branch")

    @property
    def call_id(self):
        return self["Call-ID"]

    @property
    def cseq(self):
        number, method = self["CSeq"].split()
        return int(number), method

    @property
    def from_tag(self):
        return parameter(after_address(self["From"]), "tag")

    @property
    def to_tag(self):
        return parameter(after_address(self["To"]), "tag")

    @property
    def from_uri(self):
        return address_uri(self["From"])

    @property
    def to_uri(self):
        return address_uri(self["To"])

    @property
    def content_type(self):
        """Type and subtype in lower case, without parameters."""
        return (self.get("Content-Type") or "").split(";")[0].strip().lower()

    @property
    def text(self):
        return self.body.decode("utf-8")

    def first_line(self):
        if self.is_request:
            return f"{self.method} {self.uri} SIP/2.0"
        return f"SIP/2.0 {self.status} {self.reason}"

    def to_bytes(self):
        lines = [self.first_line()] + [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8") + self.body

    def __str__(self):
        return (self.raw or self.to_bytes()).decode("utf-8", errors="backslashreplace")


def parse(octets):
    """One whole message out of one datagram; folded lines, bare LF and a wrong Content-Length are refused."""
    head, separator, body = octets.partition(b"\r\n\r\n")
    if not separator:
        raise NotSip("no blank line after the headers")
    text = head.decode("utf-8")
    if "\n" in text.replace("\r\n", "") or "\r" in text.replace("\r\n", ""):
        raise NotSip("a bare CR or LF in the headers")
    first, *lines = text.split("\r\n")
    message = parse_first_line(first)
    for line in lines:
        message.headers.append(parse_header(line))
    message.body = body_of(message, body)
    message.raw = octets
    return message


def parse_first_line(line):
    if line.startswith("SIP/2.0 "):
        match = re.fullmatch(r"SIP/2\.0 (\d{3}) (.*)", line)
        if not match:
            raise NotSip(f"status line: {line!r}")
        return SipMessage(status=int(match.group(1)), reason=match.group(2))
    match = re.fullmatch(rf"({TOKEN.pattern}) (\S+) SIP/2\.0", line)
    if not match:
        raise NotSip(f"request line: {line!r}")
    return SipMessage(method=match.group(1), uri=match.group(2))


def parse_header(line):
    if line[:1] in (" ", "\t"):
        raise NotSip(f"folded line: {line!r}")
    name, colon, value = line.partition(":")
    if not colon or not TOKEN.fullmatch(name.rstrip()):
        raise NotSip(f"header line: {line!r}")
    name = name.rstrip()
    return COMPACT.get(name.lower(), name), value.strip(" \t")


def body_of(message, rest):
    stated = message.get("Content-Length")
    if stated is None:
        return rest
    if not stated.isdigit():
        raise NotSip(f"Content-Length: {stated!r}")
    if int(stated) != len(rest):
        raise NotSip(f"Content-Length says {stated}, the body has {len(rest)} octets")
    return rest


class StreamFramer:
    """Cuts a byte stream into messages by Content-Length (RFC 3261 §18.3)."""

    def __init__(self):
        self._buffer = b""

    def feed(self, octets):
        self._buffer += octets
        messages = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self):
        while self._buffer.startswith(b"\r\n"):     # keep-alives between messages
            self._buffer = self._buffer[2:]
        head, separator, _ = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*\r?$", head)
        if not length:
            raise NotSip("no Content-Length on a stream")
        end = len(head) + 4 + int(length.group(1))
        if len(self._buffer) < end:
            return None
        message, self._buffer = self._buffer[:end], self._buffer[end:]
        return message


# header values

def split_commas(value):
    """The elements of a comma-separated value; commas inside quotes and <> do not separate."""
    parts, start, quoted, angle = [], 0, False, False
    for index, character in enumerate(value):
        if character == '"' and (index == 0 or value[index - 1] != "\\"):
            quoted = not quoted
        elif not quoted and character in "<>":
            angle = character == "<"
        elif character == "," and not quoted and not angle:
            parts.append(value[start:index].strip())
            start = index + 1
    parts.append(value[start:].strip())
    return parts


def parameter(value, name):
    """The value of `;name=...`, unquoted; "" for a bare `;name`; None when it is absent."""
    for part in value.split(";")[1:]:
        key, _, content = part.partition("=")
        if key.strip().lower() == name.lower():
            return content.strip().strip('"')
    return None


def address_uri(value):
    """The URI of a From, To or Contact value."""
    match = re.search(r"<([^>]*)>", value)
    return match.group(1) if match else value.split(";")[0].strip()


def after_address(value):
    """The header parameters of a From, To or Contact value, starting with their semicolon."""
    return value.partition(">")[2] if "<" in value else ";" + value.partition(";")[2]


def uri_parts(uri):
    """(scheme, user, host, port or None, parameters) of a sip or sips URI."""
    match = re.fullmatch(r"(sips?):(?:([^@]*)@)?([^;?:]+)(?::(\d+))?((?:;[^?]*)?)(?:\?.*)?", uri)
    if not match:
        raise NotSip(f"URI: {uri!r}")
    scheme, user, host, port, parameters = match.groups()
    return scheme, user, host, int(port) if port else None, parameters


def response_to(request, status, reason=None, headers=(), body=b"", to_tag=None):
    """A response that copies what RFC 3261 §8.2.6.2 wants copied."""
    response = SipMessage(status=status, reason=reason or REASONS.get(status, "Scripted"))
    for name, value in request.headers:
        if name in ("Via", "From", "Call-ID", "CSeq", "Record-Route"):
            response.headers.append((name, value))
        elif name == "To":
            tagged = to_tag and status > 100 and request.to_tag is None
            response.headers.append((name, f"{value};tag={to_tag}" if tagged else value))
    response.headers += list(headers)
    response.headers.append(("Content-Length", str(len(body))))
    response.body = body
    return response
