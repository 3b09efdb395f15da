"""Kamailio, the SIP side: registrar and proxy on port 5060, UDP and TCP."""

import shutil
import socket
from pathlib import Path

from . import lab as addresses
from .process import Process, listens
from .template import write

EMPTY_TABLES = Path("/usr/share/kamailio/dbtext/kamailio")

PING = (
    "OPTIONS sip:{server}:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKready;rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:lab@{own}>;tag=1\r\nTo: <sip:{server}:5060>\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


class Kamailio(Process):
    name = "kamailio"

    def __init__(self, lab, domains=("sip.test",), routes=None, octet=addresses.KAMAILIO, defines=(),
                 answer_within_ms=4000, present=(), websocket=False, name=None):
        """
        `routes` maps an XMPP domain to the SIP URI of the gateway that takes it; `present` are the users whose
        presence it serves itself: the others' phones answer SUBSCRIBE. With `websocket` (Debian's
        kamailio-websocket-modules) it takes clients over WebSocket too, on port 8080.
        """
        super().__init__(lab, name)
        self.address = lab.address(octet)
        self.domains = list(domains)
        self.routes = dict(routes or {})
        self.defines = [*defines, *(["WITH_PRESENCE"] if present else []),
                        *(["WITH_WEBSOCKET"] if websocket else [])]
        self.present = list(present)
        self.answer_within_ms = answer_within_ms

    @property
    def target(self):
        """Where a user agent sends its requests."""
        return self.address, 5060

    @property
    def uri(self):
        return f"sip:{self.address}:5060;transport=udp"

    def before_start(self):
        routes = [f'    if ($rd == "{domain}") {{ $du = "{uri}"; if (!t_relay()) sl_reply_error(); exit; }}'
                  for domain, uri in self.routes.items()]
        if self.present:
            shutil.copytree(EMPTY_TABLES, self.folder / "tables", dirs_exist_ok=True)
        write(self.folder / "kamailio.cfg", "kamailio.cfg", folder=self.folder, present="|".join(self.present),
              address=self.address, gateway=self.lab.address(addresses.STOX),
              aliases="\n".join(f'alias="{domain}"' for domain in self.domains),
              routes="\n".join(routes), answer_within_ms=self.answer_within_ms)

    def command(self):
        defines = [word for define in self.defines for word in ("-A", define)]
        return ["kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-Y", self.folder,
                "-f", self.folder / "kamailio.cfg", *defines]

    def ready(self):
        return listens(self.address, 5060) and self._answers_options()

    def _answers_options(self):
        own = self.lab.address(addresses.LOCK_OCTET)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((own, 0))
            probe.settimeout(0.5)
            try:
                probe.sendto(PING.format(server=self.address, own=f"{own}:{probe.getsockname()[1]}").encode(),
                             (self.address, 5060))
                return probe.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                return False
