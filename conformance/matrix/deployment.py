"""The servers of the matrix: one Prosody, one Kamailio, and one stox with its default settings between them."""

import re
import threading
from dataclasses import dataclass

from harness.certificates import Certificates
from harness.kamailio import Kamailio
from harness.lab import Lab
from harness.prosody import Prosody
from harness.stox import Stox

XMPP_DOMAIN, SIP_DOMAIN, COMPONENT = "xmpp.test", "sip.test", "sip.xmpp.test"
SECRET = "s3cret"
EVERYBODY = ".*"        # whose presence the proxy serves: all programs that have presence publish it
TRANSPORT = "udp"
PROSODY_TLS = """VirtualHost "{domain}"
  modules_enabled = {{ "tls" }}
  ssl = {{ key = "{file}"; certificate = "{file}"; }}"""

REQUEST = re.compile(r"MESSAGE (?P<call>\S+) (?P<cseq>\d+) (?P<sender>\S+) (?P<target>\S+) (?P<type>.*)$")
ANSWER = re.compile(r"ANSWER (?P<call>\S+) (?P<cseq>\d+) (?P<status>\d+)$")


@dataclass
class Sent:
    """One MESSAGE that the proxy saw, and what became of it there."""

    sender: str         # user part
    target: str         # user part
    content_type: str
    status: int = 0     # final response, 0 while there is none


class Deployment:
    """Digest for every SIP user, WebSocket on port 8080, presence served by the proxy; nothing of stox is set."""

    def __init__(self, keep=False):
        self.lab = Lab(keep_folder=keep)
        self.prosody = Prosody(self.lab, hosts=[XMPP_DOMAIN], components={COMPONENT: SECRET})
        # go-sendxmpp logs in over TLS alone
        certificates = Certificates(self.lab.folder / "certificates", self.prosody.address, XMPP_DOMAIN)
        self.prosody.more_configuration = PROSODY_TLS.format(domain=XMPP_DOMAIN, file=certificates.server)
        self.kamailio = Kamailio(self.lab, domains=[SIP_DOMAIN], present=[EVERYBODY], websocket=True,
                                 defines=["WITH_CHALLENGE", "WITH_MESSAGE_LOG"])
        self.stox = Stox(
            self.lab, components=[(COMPONENT, self.prosody.component_address, SECRET)],
            peers={"core": f"sip:{self.kamailio.address}:5060;transport={TRANSPORT}"},
            domains=[(COMPONENT, SIP_DOMAIN), (XMPP_DOMAIN, XMPP_DOMAIN)])
        self.kamailio.routes = {XMPP_DOMAIN: f"{self.stox.uri};transport={TRANSPORT}"}
        self._reading = threading.Lock()
        self._read = 0          # how far the proxy's log has been read, in octets
        self._sent = {}         # (Call-ID, CSeq) -> Sent, in the order of the log

    def open(self):
        for peer in (self.prosody, self.kamailio, self.stox):
            peer.start()
        return self

    def close(self):
        self.lab.close()

    def servers(self):
        return self.prosody, self.kamailio, self.stox

    # accounts

    def xmpp_account(self, name):
        """A new account: its address and its password."""
        self.prosody.add_account(name, XMPP_DOMAIN, password_of(name))
        return f"{name}@{XMPP_DOMAIN}", password_of(name)

    def sip_account(self, name):
        """Every SIP user has an account: the proxy knows the password of each name."""
        return f"{name}@{SIP_DOMAIN}", password_of(name)

    def as_xmpp_sees(self, sip_name):
        return f"{sip_name}@{COMPONENT}"

    def as_sip_sees(self, xmpp_name):
        return f"{xmpp_name}@{XMPP_DOMAIN}"

    @property
    def xmpp_server(self):
        return self.prosody.address, 5222

    @property
    def sip_proxy(self):
        return self.kamailio.target

    # the wire

    def sent(self, sender, target):
        """Every MESSAGE from one user to another that the proxy saw, in its order."""
        with self._reading:
            for line in self._new_lines():
                if found := REQUEST.search(line):
                    self._sent.setdefault((found["call"], found["cseq"]),
                                          Sent(found["sender"], found["target"], media_type(found["type"])))
                elif (found := ANSWER.search(line)) and (found["call"], found["cseq"]) in self._sent:
                    self._sent[found["call"], found["cseq"]].status = int(found["status"])
            return [sent for sent in self._sent.values() if (sent.sender, sent.target) == (sender, target)]

    def _new_lines(self):
        """Whole lines alone: the last one may still be written."""
        with open(self.kamailio.log_path, "rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[:text.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode("utf-8", "replace").splitlines()


def media_type(content_type):
    return content_type.split(";")[0].strip().lower()


def password_of(name):
    """The proxy's rule: the name followed by "pw"."""
    return f"{name}pw"
