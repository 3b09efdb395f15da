"""A strict reader and a writer of message/cpim objects (RFC 3862), written apart from the gateway's."""

import re
from dataclasses import dataclass, field

MEDIA_TYPE = "message/cpim"
HEADER = re.compile(r"([!-9;-~]+):((?:;[^ ]+)*) (.*)")


class NotCpim(ValueError):
    """The object breaks RFC 3862, or the narrower form that every known reader takes."""


@dataclass
class Cpim:
    headers: list = field(default_factory=list)         # (name, parameters, value)
    entity_headers: list = field(default_factory=list)  # (name, value)
    content: bytes = b""

    def get(self, name):
        values = [value for header, _, value in self.headers if header == name]
        return values[0] if values else None

    @property
    def content_type(self):
        values = [value for name, value in self.entity_headers if name.lower() == "content-type"]
        return values[0].lower() if values else None

    @property
    def text(self):
        return self.content.decode("utf-8")


def parse(octets):
    """Read an object: header lines in CRLF with one space after the colon, no folding, no empty value."""
    blocks = octets.split(b"\r\n\r\n", 2)
    if len(blocks) != 3:
        raise NotCpim(f"{len(blocks)} blocks instead of headers, entity headers and content")
    message_block, entity_block, content = blocks
    cpim = Cpim(content=content)
    for line in lines_of(message_block):
        match = HEADER.fullmatch(line)
        if not match or not match.group(3) or match.group(3) != match.group(3).strip():
            raise NotCpim(f"header line {line!r}")
        cpim.headers.append(match.groups())
    for line in lines_of(entity_block):
        name, colon, value = line.partition(": ")
        if not colon or not value:
            raise NotCpim(f"entity header line {line!r}")
        cpim.entity_headers.append((name, value))
    if cpim.content_type is None:
        raise NotCpim("the entity has no Content-Type")
    return cpim


def lines_of(block):
    text = block.decode("utf-8")
    lines = text.split("\r\n")
    for line in lines:
        if any(ord(character) < 32 for character in line):
            raise NotCpim(f"control character in {line!r}")
    return lines


def write(text, sender, recipient, content_type="text/plain; charset=utf-8", more=()):
    """The object a careful SIP user agent sends; `more` are whole header lines."""
    lines = [f"From: <{sender}>", f"To: <{recipient}>", "DateTime: 2026-03-01T12:00:00Z"]
    lines += more
    lines += ["", f"Content-Type: {content_type}", "", ""]
    return "\r\n".join(lines).encode("utf-8") + text.encode("utf-8")
