"""go-sendxmpp, which scripts and machines send with: one process writes line by line, one listens."""

import re

from harness.process import Process

from ..client import Client, Shown

# 2026-11-30T17:59:01Z romeo@sip.xmpp.test: the text
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\S+?)(?:/\S*)?: ", re.MULTILINE)
WRITES_ONLY = "it writes and listens, and has no contact list"
NO_NOTICES = "it sends bodies alone"


class GoSendxmpp(Client):
    program = "go-sendxmpp 0.5.6"
    side = "xmpp"
    packages = ("deb:go-sendxmpp",)
    cannot = {
        "presence": WRITES_ONLY,
        "subject": "it has no option for a subject",
        "picture": "it uploads a file by itself (XEP-0363), and sends a given link as text",
        "typing": NO_NOTICES,
        "reads": NO_NOTICES,
        "failures": "it prints no errors of messages",
    }

    _listener = _writer = None

    def start(self):
        self._listener = GoProcess(self, "listens", "-l")
        self._writer = None
        self._listener.start()
        # it says nothing when it is logged in, and what is sent before is not lost but late
        return self

    def stop(self):
        for process in (self._writer, self._listener):
            if process:
                process.kill()

    def says(self, contact, text, subject=None):
        if self._writer is None:
            self._writer = GoProcess(self, "writes", "-i", contact)
        if not self._writer.running:
            self._writer.start()
        self._writer.types(text)

    def shown(self):
        printed = self._listener.log_text()
        starts = list(LINE.finditer(printed))
        ends = [start.start() for start in starts[1:]] + [len(printed)]
        return [Shown(start[1], printed[start.end():end].rstrip("\n")) for start, end in zip(starts, ends)]

    def failures(self):
        return []

    def signs_out(self):
        self.stop()

    def comes_back(self):
        self._listener.start()


class GoProcess(Process):
    """go-sendxmpp with one task."""

    def __init__(self, client, task, *arguments):
        super().__init__(client.lab, f"go-sendxmpp-{client.address.split('@')[0]}-{task}")
        self._client, self._arguments = client, arguments

    def command(self):
        address, port = self._client.server
        return ["go-sendxmpp", "-u", self._client.address, "-p", self._client.password, "-j", f"{address}:{port}",
                "-n", *self._arguments]

    def types(self, text):
        self._popen.stdin.write(f"{text}\n".encode())
        self._popen.stdin.flush()
