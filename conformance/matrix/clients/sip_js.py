"""SIP.js and JsSIP, the libraries of most phones in web pages, in node, over the proxy's WebSocket."""

from harness.process import PeerFailed

from ..client import Client, Shown
from .driven import INSTALLED, PROGRAMS, Driven, without_scheme

WEBSOCKET_PORT = 8080


def modules():
    """Where conformance/matrix/install puts the npm packages."""
    found = INSTALLED / "node" / "node_modules"
    if not (found / "ws").is_dir():
        raise PeerFailed(f"no {found}: run conformance/matrix/install")
    return found


class Node(Driven):
    def environment(self):
        return {**super().environment(), "NODE_PATH": str(modules())}


class WebPhone(Client):
    """A page that shows each text, and a red mark with the status at an own text that failed."""

    side = "sip"
    script = ""

    _process = None

    def start(self):
        user = self.address.split("@")[0]
        name = self.script.removesuffix(".js")
        self._process = Node(
            self.lab, f"{name}-{user}", ["node", PROGRAMS / self.script],
            {"address": self.address, "user": user, "password": self.password,
             "websocket": f"ws://{self.server[0]}:{WEBSOCKET_PORT}"})
        self._process.start()
        return self

    def stop(self):
        if self._process:
            self._process.kill()

    def adds(self, contact):
        """Its list of contacts is in the page alone."""

    def asked_by(self):
        return []

    def accepts(self, contact):
        """Nobody's request is shown."""

    def contact_state(self, contact):
        return None

    def says(self, contact, text, subject=None):
        self._process.orders("say", contact=contact, text=text)

    def shown(self):
        return [Shown(without_scheme(event["sender"]), event["text"]) for event in self._process.events("message")]

    def failures(self):
        return [(event["text"], event["words"]) for event in self._process.events("failure")]

    def types(self, contact):
        """Nothing goes out."""

    def reads(self, contact):
        """Nothing goes out."""

    def signs_out(self):
        self._process.leaves()

    def comes_back(self):
        self._process.start()


def without(library):
    return {
        "presence": f"{library} has no presence: it hands up bodies of NOTIFY unread, and answers no watcher",
        "typing": f"{library} has no isComposing",
        "reads": f"{library} knows no IMDN: reading sends nothing, and no mark is shown",
        "subject": f"{library} writes no Subject by itself and shows none",
    }


class SipJs(WebPhone):
    program = "SIP.js 0.21.2"
    packages = ("deb:nodejs", "deb:kamailio-websocket-modules", "npm:sip.js@0.21.2", "npm:ws@8.23.0")
    cannot = without("SIP.js")
    script = "sip_js.js"


class JsSip(WebPhone):
    program = "JsSIP 3.13.8"
    packages = ("deb:nodejs", "deb:kamailio-websocket-modules", "npm:jssip@3.13.8", "npm:ws@8.23.0")
    cannot = without("JsSIP")
    script = "jssip.js"
