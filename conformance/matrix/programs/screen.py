"""What each program of this folder has in common: orders come from standard input, events go to a file."""

import json
import os
import select
import sys


class Screen:
    """Reads the orders of the user and writes down what the user would see."""

    def __init__(self):
        self._file = open(sys.argv[-1], "a", encoding="utf-8")
        self._rest = b""
        self.settings = next(self.orders(within=None))

    def shows(self, event, **what):
        self._file.write(json.dumps({"event": event, **what}) + "\n")
        self._file.flush()

    def orders(self, within=0.0):
        """The orders given by now, after at most `within` seconds (None: until there is one)."""
        while select.select([0], [], [], 0 if b"\n" in self._rest else within)[0]:
            octets = os.read(0, 65536)
            if not octets:
                yield {"order": "quit"}
                return
            self._rest += octets
            within = 0.0
        while b"\n" in self._rest:
            line, self._rest = self._rest.split(b"\n", 1)
            yield json.loads(line)


def text(octets):
    """What a C library gives, as a string."""
    return (octets or b"").decode("utf-8", "replace")
