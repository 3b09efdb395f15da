"""The ledger: everything that was seen of each message, and everything that broke. `judge` makes sense of it."""

import threading
import time
from dataclasses import dataclass, field


@dataclass
class End:
    """The death of a process, or what befell the link. It came about between `begun` and `ended`."""

    begun: float
    what: str                   # stox, prosody, kamailio, link
    kind: str                   # kill, stop; cut, stall, stall and cut
    ended: float = None
    kept: frozenset = frozenset()   # tokens that the disk had then: the journal of stox, Prosody's offline messages

    def near(self, moment, window):
        """Within the window around it. Until it exits a stox that was told to stop reads and answers."""
        ended = self.ended or self.begun
        begun = ended if (self.what, self.kind) == ("stox", "stop") else self.begun
        return begun - window <= moment <= ended + window


@dataclass
class Arrival:
    """A message as its addressee got it. `key` is the same for copies of one."""

    at: float
    key: tuple
    text: str
    place: int = 0              # its place among all that this addressee got
    connection: object = None


@dataclass
class Told:
    """An error stanza that the sender got, or a final response; `what` is its condition or status."""

    at: float
    what: str
    words: str = ""


@dataclass
class Entry:
    """One message."""

    line: object
    sent_at: float
    told: list = field(default_factory=list)
    arrivals: list = field(default_factory=list)


@dataclass
class ToSip(Entry):
    connection: object = None           # of the client
    thread: str = None
    passages: list = field(default_factory=list)    # the server wrote it to the link
    requests: list = field(default_factory=list)    # (at, key), one for each different request of the gateway
    errors: list = field(default_factory=list)      # passages of error stanzas for it


@dataclass
class ToXmpp(Entry):
    status: int = None                  # the final response that the sender got; None for none until Timer F
    final_at: float = None
    stanzas: list = field(default_factory=list)     # passages
    answers: list = field(default_factory=list)     # (at, status): final responses of the gateway


class Ledger:
    def __init__(self):
        self.started = time.monotonic()
        self.entries = {}
        self.ends = []
        self.link_ends = []         # when connections of the component link were over, for whatever reason
        self.faults = []
        self._lock = threading.Lock()

    def seconds(self, moment):
        """Seconds since the start."""
        return moment - self.started

    def begin(self, entry):
        with self._lock:
            self.entries[entry.line.token] = entry
        return entry

    def end(self, what, kind):
        """Something dies now; set `ended` (and `kept`) when it is dead."""
        end = End(time.monotonic(), what, kind)
        with self._lock:
            self.ends.append(end)
        return end

    def fault(self, text):
        with self._lock:
            self.faults.append(f"{self.seconds(time.monotonic()):8.3f} {text}")

    # what the relays see

    def server_wrote(self, stanza, passage):
        entry = self._entry(stanza.get("id"), ToSip)
        if entry is not None and stanza.get("type") != "error":
            entry.passages.append(passage)

    def gateway_wrote(self, stanza, passage):
        passage.id = stanza.get("id")
        if stanza.get("type") == "error":
            entry = self._entry(passage.id, ToSip)
            if entry is not None:
                entry.errors.append(passage)
            return
        body = next((child.text for child in stanza if child.tag.endswith("}body")), None) or ""
        entry = self._entry(body[:7], ToXmpp)
        if entry is not None:
            entry.stanzas.append(passage)

    def link_ended(self, moment):
        self.link_ends.append(moment)

    def gateway_sent(self, token, key):
        entry = self._entry(token, ToSip)
        if entry is not None and all(known != key for _, known in entry.requests):
            entry.requests.append((time.monotonic(), key))

    def gateway_answered(self, token, status):
        entry = self._entry(token, ToXmpp)
        if entry is not None:
            entry.answers.append((time.monotonic(), status))

    def _entry(self, token, kind):
        entry = self.entries.get(token)
        return entry if isinstance(entry, kind) else None
