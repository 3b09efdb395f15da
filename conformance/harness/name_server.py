"""A name server for stories: answers what its zone holds, and counts what it is asked."""

import socket
import threading

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from . import lab as addresses

NEGATIVE_TTL = 5


class NameServer:
    """
    `zone` maps (name, type) to lists of records as a zone file writes them: {("a.test", "A"): ["127.0.0.1"]}.
    A name in `silent` gets no answer at all.
    """

    def __init__(self, lab, zone, ttl=60, octet=addresses.NAME_SERVER):
        self.address, self.port = lab.address(octet), 5353
        self.zone, self.ttl, self.silent = dict(zone), ttl, set()
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.address, self.port))
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        lab.adopt(self)

    @property
    def server(self):
        """As `sip.dns.servers` wants it."""
        return f"{self.address}:{self.port}"

    def stop(self):
        """The socket is free again when this returns."""
        self._stopping = True
        self._socket.sendto(b"", (self.address, self.port))
        self._thread.join(timeout=5)
        self._socket.close()

    def _serve(self):
        while True:
            octets, remote = self._socket.recvfrom(4096)
            if self._stopping:
                return
            try:
                answer = self._answer(dns.message.from_wire(octets))
                if answer:
                    self._socket.sendto(answer.to_wire(), remote)
            except dns.exception.DNSException:
                continue        # no question that anybody could answer

    def _answer(self, query):
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query, recursion_available=True)
        records = self.zone.get((name, kind))
        if records:
            answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *records))
        else:
            if not any(known == name for known, _ in self.zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            soa = f"ns.test. admin.test. 1 3600 600 86400 {NEGATIVE_TTL}"
            answer.authority.append(dns.rrset.from_text("test.", NEGATIVE_TTL, "IN", "SOA", soa))
        return answer
