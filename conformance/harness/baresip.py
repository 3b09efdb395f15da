"""baresip, a real SIP client. It reads text/plain only and answers 415 to everything else."""

import json
import re
import socket
from pathlib import Path

from .process import PeerFailed, Process, listens
from .template import write
from .waiting import PATIENCE, until

COLOUR = re.compile(r"\x1b\[[0-9;]*m?")
CONTROL_PORT = 4444


class Baresip(Process):
    name = "baresip"

    def __init__(self, lab, uri, proxy, contacts, address=None, password=None, presence=None, name=None):
        """
        `contacts` are the SIP URIs it may write to: baresip sends to a selected contact only. With `presence` it
        watches them too, and tells its own: "publishes" at a presence server, "answers" to whoever subscribes.
        """
        super().__init__(lab, name)
        self.uri, self.proxy, self.contacts = uri, proxy, list(contacts)
        self.password, self.presence = password, presence
        self.address = address or lab.next_address()
        self._control = None
        self._seen = self._begun = 0

    def says(self, text, to):
        """Send a text to one of the contacts."""
        for _ in self.contacts:
            if re.search(rf"^> .*<{re.escape(to)}>", self._command("contacts"), re.MULTILINE):
                break
            self._command("contact_next")
        else:
            raise PeerFailed(f"{to} is not a contact of baresip: {self.contacts}")
        self._command("message", text)

    def hears(self, text, sender=None, within=PATIENCE):
        """The text on its screen, as `sip:who@where: "text"`."""
        shown = re.compile(rf'^(sip:\S+): "{re.escape(text)}"$', re.MULTILINE)

        def found():
            return shown.search(self._screen(), self._seen)

        match = until(found, lambda: f"baresip hears {text!r}\n{self.log_tail()}", within=within)
        self._seen = match.end()
        if sender and not match.group(1).startswith(sender):
            raise AssertionError(f"baresip heard {match.group(1)} instead of {sender}")
        return match.group(1)

    def shows(self, status):
        """"online" or "offline": what it tells of itself."""
        # It makes a second publication of its own while the answer to the last PUBLISH has not been read.
        self._command("contacts")
        self._command(f"presence_{status}")

    def sees(self, uri, status, within=PATIENCE):
        """Until its list of contacts shows somebody so: "Online", "Offline", "Busy"."""
        line = re.compile(rf"{status}\s.*<{re.escape(uri)}>")
        until(lambda: line.search(COLOUR.sub("", self._command("contacts"))),
              lambda: f"baresip sees {uri} {status}: {self._command('contacts')}", within=within)

    def screen_tail(self):
        """What it showed of its talks."""
        return "\n".join(line for line in self._screen().splitlines() if re.match(r'sip:\S+: "', line))

    def before_start(self):
        self._begun = len(self._screen())
        write(self.folder / "config", "baresip.config", address=self.address, modules=module_folder(),
              presence="module_app presence.so" if self.presence else "")
        publishes = ";pubint=60" if self.presence == "publishes" else ""
        watched = ";presence=p2p" if self.presence else ""
        login = f";auth_pass={self.password}" if self.password else ""
        (self.folder / "accounts").write_text(
            f'<{self.uri}>{login};outbound="sip:{self.proxy[0]}:{self.proxy[1]}";regint=300{publishes}\n',
            encoding="utf-8")
        (self.folder / "contacts").write_text(
            "".join(f'"{contact_name(uri)}" <{uri}>{watched}\n' for uri in self.contacts), encoding="utf-8")

    def command(self):
        return ["baresip", "-f", self.folder]

    def ready(self):
        return listens(self.address, CONTROL_PORT) and "} 200 OK" in self._screen()[self._begun:]

    def leaves(self):
        """Its user ends it: it takes its publication back, unregisters, and waits for the ends of its subscriptions."""
        self._hang_up()
        return super().stop()

    def stop(self):
        self._hang_up()
        # asked to end, it waits for the ends of all its subscriptions
        return self.kill() if self.presence else super().stop()

    def _hang_up(self):
        if self._control:
            self._control.close()
            self._control = None

    def _screen(self):
        return COLOUR.sub("", self.log_text())

    def _command(self, command, parameters=None):
        """One JSON command in a netstring, and the data of its answer."""
        if self._control is None:
            self._control = socket.create_connection((self.address, CONTROL_PORT), timeout=PATIENCE)
        order = {"command": command, "token": command}
        if parameters is not None:
            order["params"] = parameters
        payload = json.dumps(order).encode()
        self._control.sendall(b"%d:%s," % (len(payload), payload))
        while True:
            answer = json.loads(self._read_netstring())
            if answer.get("response") and answer.get("token") == command:
                return answer.get("data", "")

    def _read_netstring(self):
        length = b""
        while (octet := self._read(1)) != b":":
            length += octet
        payload = self._read(int(length) + 1)
        return payload[:-1]

    def _read(self, wanted):
        octets = b""
        while len(octets) < wanted:
            more = self._control.recv(wanted - len(octets))
            if not more:
                raise PeerFailed(f"baresip closed its control connection\n{self.log_tail()}")
            octets += more
        return octets


def contact_name(uri):
    return uri.removeprefix("sip:").split("@")[0]


def module_folder():
    for folder in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")):
        if folder.is_dir():
            return folder
    raise PeerFailed("baresip is not installed: run conformance/install")
