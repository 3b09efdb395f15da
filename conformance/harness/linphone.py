"""linphonec, a real SIP client that reads message/cpim, strictly, and reports delivery by itself."""

import re

from .process import Process, listens
from .template import write
from .waiting import PATIENCE, until


class Linphone(Process):
    name = "linphone"

    def __init__(self, lab, uri, proxy, address=None, friends=(), publish=False, name=None, traced=False):
        """
        It watches its `friends`, SIP URIs; with `publish` it tells the proxy that it is there. Its log holds every SIP
        message when it is `traced`.
        """
        super().__init__(lab, name)
        self.friends, self.publish, self.traced = list(friends), publish, traced
        self.uri, self.proxy = uri, proxy
        self.address = address or lab.next_address()
        self._seen = self._begun = 0

    def says(self, text, to):
        self._command(f"chat {to} {text}")

    def hears(self, text, sender=None, within=PATIENCE):
        shown = re.compile(rf"Message received from <?(sip:[^\s>]+)>?: {re.escape(text)}$", re.MULTILINE)

        def found():
            return shown.search(self.log_text(), self._seen)

        match = until(found, lambda: f"linphone hears {text!r}\n{self.log_tail()}", within=within)
        self._seen = match.end()
        if sender and not match.group(1).startswith(sender):
            raise AssertionError(f"linphone heard {match.group(1)} instead of {sender}")
        return match.group(1)

    def shown(self):
        """All texts that it showed since its start, in order; of one with several lines the first."""
        return re.findall(r"Message received from \S+: (.*)$", self.log_text()[self._begun:], re.MULTILINE)

    def taken(self):
        """Of each MESSAGE that came: Call-ID, media type, and what it answered. It must be traced."""
        log = self.log_text()[self._begun:]
        requests = re.findall(r"received \[\d+\] new bytes from .*\n(MESSAGE (?:.+\n)+)", log)
        answers = re.findall(r"^SIP/2\.0 (\d+) .*\n(?:(?!Call-ID).+\n)*(Call-ID: .+\nCSeq: .+)$", log, re.MULTILINE)
        answers = {which: int(status) for status, which in answers}
        taken = []
        for request in requests:
            which = re.search(r"^Call-ID: .+\nCSeq: .+$", request, re.MULTILINE).group()
            call_id = which.split("\n")[0].removeprefix("Call-ID: ")
            media_type = re.search(r"^Content-Type: ([^;\n]+)", request, re.MULTILINE).group(1)
            taken.append((call_id, media_type, answers.get(which)))
        return taken

    def before_start(self):
        self._begun = self._seen = len(self.log_text())     # the log of an earlier start goes on
        # without these two folders it ends at once
        (self.folder / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        (self.folder / ".config/linphone").mkdir(parents=True, exist_ok=True)
        write(self.folder / "linphonerc", "linphonerc", address=self.address, proxy=self.proxy[0], uri=self.uri,
              publish=int(self.publish), friends="\n".join(friend_section(*each) for each in enumerate(self.friends)))

    def environment(self):
        return {"HOME": str(self.folder)}

    def command(self):
        return ["linphonec", "-c", self.folder / "linphonerc", "-d", "6" if self.traced else "0"]

    def ready(self):
        if not listens(self.address, 5060, "udp"):
            return False
        self._command("status register")
        return "registered, identity=" in self.log_text()[self._begun:]

    def _command(self, line):
        self._popen.stdin.write(line.encode() + b"\n")
        self._popen.stdin.flush()


def friend_section(index, uri):
    name = uri.removeprefix("sip:").split("@")[0]
    return f'[friend_{index}]\nurl="{name}" <{uri}>\npol=accept\nsubscribe=1\n'
