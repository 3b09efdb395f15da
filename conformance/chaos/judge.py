"""What the ledger says of each message. The rules stand in README.md; each verdict brings its reason along."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from ledger import ToSip, ToXmpp

# How long before a death something may have been given to a process, or to a socket, and be lost with it. The journal
# groups steps for 5 ms and a thread of its own writes them; the rest is what a busy machine lets a process wait.
WINDOW = 0.1
LIFETIME = 32.0         # 64 × T1: as long the next process sends the same request again

FINE = ("once", "again", "told", "told and delivered", "unacknowledged", "lost by a server")
BROKEN = ("lost", "doubled", "false", "mistold", "garbled")

# Outcomes that say themselves that the message may have arrived.
UNKNOWN_STATUS = ("408", "504", "timer F")
UNKNOWN_CONDITION = "remote-server-timeout"
# And words that say that it did not.
STOPPING, AWAY = "The gateway is being restarted: try again in a minute.", "Component unavailable"
NOT_SENT = ("Not sent, as the message before it was not answered", "Too many messages wait for this contact", STOPPING, AWAY)

# How long after something broke it may still be the cause of a failure: the longest pause of a component link between
# two attempts, the time until everybody has registered again, and Timer F.
SHORTLY, PAUSE, LONG = 5.0, 20.0, 40.0


@dataclass
class Verdict:
    entry: object
    name: str
    reason: str = ""


class Judge:
    def __init__(self, ledger):
        self.ledger = ledger
        self._last_seen = last_seen_by_connection(ledger)

    def verdicts(self):
        return [self.judge(entry) for entry in self.ledger.entries.values()]

    def judge(self, entry):
        if any(arrival.text != entry.line.text for arrival in entry.arrivals):
            return Verdict(entry, "garbled", f"arrived as {entry.arrivals[0].text!r}")
        rules = self._to_sip if isinstance(entry, ToSip) else self._to_xmpp
        return rules(entry)

    # to SIP

    def _to_sip(self, entry):
        if self._told_again(entry):
            return Verdict(entry, "mistold", f"told {len(entry.told)} times")
        if not entry.arrivals:
            return self._to_sip_missing(entry)
        if len(entry.arrivals) > 1:
            return self._to_sip_again(entry)
        if entry.told:
            return self._both(entry, entry.told[0], entry.told[0].what == UNKNOWN_CONDITION
                              and not entry.told[0].words.startswith(NOT_SENT), ("stox", "kamailio"))
        return Verdict(entry, "once")

    def _told_again(self, entry):
        """An error is written again after a loss of the link, or by the next process, and at no other time."""
        for before, after in zip(entry.told, entry.told[1:]):
            died = any(before.at - WINDOW <= ended <= after.at for ended in self.ledger.link_ends)
            if not died and not self._between("stox", before.at - WINDOW, after.at):
                return True
        return False

    def _to_sip_missing(self, entry):
        if entry.told:
            return self._told(entry, entry.told[0])
        given = [passage for passage in entry.passages if passage.given]
        for error in entry.errors:
            if error.given and self._unheard(entry, error):
                return Verdict(entry, "lost by a server", "its error came to the server while its sender was away")
        if given:
            return self._unread(entry, given[-1])
        if entry.passages:
            at = self.ledger.seconds(entry.passages[-1].pipe.ended_at)
            return Verdict(entry, "unacknowledged", f"in the link when it ended at {at:.3f} s")
        return self._unwritten(entry)

    def _unread(self, entry, passage):
        """It was given to the gateway: a death right behind it excuses that nothing became of it."""
        for end in self._ends("stox"):
            if end.near(passage.at, WINDOW):
                if entry.line.token in end.kept:
                    return Verdict(entry, "lost", "it stood in the journal")
                age = (end.begun if end.kind == "kill" else end.ended) - passage.at
                return Verdict(entry, "unacknowledged", f"given {age:.3f} s before the end of stox ({end.kind})")
        if passage.pipe.ended_at and passage.pipe.ended_at - passage.at <= WINDOW:
            age = passage.pipe.ended_at - passage.at
            return Verdict(entry, "unacknowledged", f"given {age:.3f} s before the link's end")
        return Verdict(entry, "lost", "the gateway had it, and nobody was told")

    def _unwritten(self, entry):
        """The server never wrote it, as far as the relay saw."""
        dead = entry.connection.dead_at if entry.connection else None
        overtaken = self._last_seen.get(entry.connection, 0.0) > entry.sent_at
        for end in self._ends("prosody"):
            if dead is not None and end.near(entry.sent_at, WINDOW) and not overtaken:
                return Verdict(entry, "lost by a server", f"handed to it before its {end.kind}")
        for ended in self.ledger.link_ends:
            if abs(ended - entry.sent_at) <= WINDOW:
                at = self.ledger.seconds(ended)
                return Verdict(entry, "unacknowledged", f"written into the link that ended at {at:.3f} s")
        return Verdict(entry, "lost", "the server never wrote it to the link")

    def _to_sip_again(self, entry):
        for before, after in zip(entry.arrivals, entry.arrivals[1:]):
            if after.key == before.key:
                if not self._between("kamailio", before.at - LIFETIME, after.at):
                    return Verdict(entry, "doubled", "the same request, and its proxy had not forgotten it")
            elif not self._fresh_at_a_kill(entry, before.key):
                return Verdict(entry, "doubled", f"as two requests: {before.key} and {after.key}")
        return Verdict(entry, "again", f"{len(entry.arrivals)} times")

    def _fresh_at_a_kill(self, entry, key):
        """Whether a request left first when its process was about to be killed: the journal had no time to note it."""
        moments = [at for at, known in entry.requests if known == key]
        return any(end.kind == "kill" and end.near(at, WINDOW) for at in moments for end in self._ends("stox"))

    # to XMPP

    def _to_xmpp(self, entry):
        false = self._false(entry)
        if false:
            return Verdict(entry, "false", false)
        if not entry.arrivals:
            return self._to_xmpp_missing(entry)
        if len({arrival.key for arrival in entry.arrivals}) > 1:
            return Verdict(entry, "doubled", f"under the ids {sorted({arrival.key for arrival in entry.arrivals})}")
        if len(entry.arrivals) > 1:
            return self._to_xmpp_again(entry)
        if entry.told:
            return self._both(entry, entry.told[0], entry.told[0].what in UNKNOWN_STATUS,
                              ("stox", "kamailio", "prosody", "link"))
        return Verdict(entry, "once")

    def _false(self, entry):
        """A 2xx of the gateway for a stanza that the server cannot have."""
        for at, status in entry.answers:
            if status < 300 and not any(passage.given and passage.at <= at for passage in entry.stanzas):
                return f"{status} after {at - entry.sent_at:.3f} s, and the server had nothing"
        return None

    def _to_xmpp_missing(self, entry):
        if entry.told:
            return self._told(entry, entry.told[0])
        given = [passage.at for passage in entry.stanzas if passage.given]
        for end in self._ends("prosody"):
            if entry.line.token in end.kept or not given:
                continue
            logins = [connection.bound_at for connection in self._connections(entry) if connection.bound_at]
            if any(end.near(at, WINDOW) for at in given + logins):
                return Verdict(entry, "lost by a server", "the server had confirmed it and died")
        return Verdict(entry, "false", f"{entry.status}, and it never came")

    def _to_xmpp_again(self, entry):
        copies = [passage for passage in entry.stanzas if passage.given]
        for before, after in zip(copies, copies[1:]):
            if self._between("stox", before.at, after.at):
                continue
            ended = before.pipe.ended_at
            lost = ended is not None and ended <= after.at
            if lost and (before.confirmed_at is None or ended - before.confirmed_at <= WINDOW):
                continue
            return Verdict(entry, "doubled", "it was confirmed, and written again")
        if len(entry.arrivals) > len(copies):
            # offline messages that were sent out and not yet deleted when the server died
            if not any(end.near(entry.arrivals[0].at, WINDOW) for end in self._ends("prosody")):
                return Verdict(entry, "doubled", "by the server, which did not die")
        return Verdict(entry, "again", f"{len(entry.arrivals)} times")

    # both

    def _told(self, entry, told):
        reason = f"{told.what} ({told.words})" if told.words else told.what
        explained = self._to_sip_explained if isinstance(entry, ToSip) else self._to_xmpp_explained
        return Verdict(entry, "told", reason) if explained(entry, told) else \
            Verdict(entry, "mistold", f"{reason}, and nothing had happened")

    def _to_sip_explained(self, entry, told):
        if told.words == STOPPING:
            return self._stopping(entry.sent_at, told.at)
        if told.words == AWAY:
            return self._broke(("stox", "link", "prosody"), entry.sent_at - PAUSE, told.at)
        if told.what == UNKNOWN_CONDITION:
            return self._broke(("stox", "kamailio"), entry.sent_at - LONG, told.at)
        return self._broke(("kamailio",), entry.sent_at - PAUSE, told.at)

    def _to_xmpp_explained(self, entry, told):
        status = str(entry.answers[-1][1]) if entry.answers else told.what
        if status == "503":
            return self._stopping(entry.sent_at, told.at) \
                or self._broke(("stox", "link", "prosody"), entry.sent_at - PAUSE, told.at)
        if status == "504":
            return self._broke(("link", "prosody"), entry.sent_at - SHORTLY, told.at)
        return status in ("408", "timer F") and self._broke(("stox", "link", "prosody", "kamailio"),
                                                            entry.sent_at - LONG, told.at)

    def _stopping(self, first, last):
        return any(end.kind == "stop" and end.begun <= last and end.ended >= first for end in self._ends("stox"))

    def _broke(self, whats, first, last):
        """Whether something befell one of these then; a stall counts."""
        return any(end.begun <= last and (end.ended or last) >= first for end in self._ends(*whats))

    def _both(self, entry, told, unknown, excuses):
        if unknown or any(self._between(what, entry.sent_at - WINDOW, told.at) for what in excuses) \
                and not told.words.startswith(NOT_SENT):
            return Verdict(entry, "told and delivered", told.what)
        if isinstance(entry, ToSip) and any(self._fresh_at_a_kill(entry, key) for _, key in entry.requests):
            return Verdict(entry, "told and delivered", told.what)
        return Verdict(entry, "mistold", f"{told.what} {told.words!r}, and it arrived")

    def _ends(self, *whats):
        return [end for end in self.ledger.ends if end.what in whats]

    def _between(self, what, first, last):
        """Whether such a death came about between two moments; a stall kills nothing."""
        return any(end.begun <= last and (end.ended or last) >= first
                   for end in self._ends(what) if end.kind != "stall")

    def _connections(self, entry):
        return {arrival.connection for other in self.ledger.entries.values() if isinstance(other, ToXmpp)
                and other.line.target == entry.line.target for arrival in other.arrivals if arrival.connection}

    def _unheard(self, entry, error):
        """Whether the sender's device was away, or its server died, when the error came there."""
        owner = entry.connection.owner
        away = not any(connection.covers(error.at) for connection in owner.connections)
        return away or any(end.near(error.at, WINDOW) for end in self._ends("prosody"))


def last_seen_by_connection(ledger):
    """When the last message of each client connection was sent that the server wrote to the link."""
    last = {}
    for entry in ledger.entries.values():
        if isinstance(entry, ToSip) and entry.passages:
            last[entry.connection] = max(last.get(entry.connection, 0.0), entry.sent_at)
    return last


def disorder(verdicts, ends):
    """Messages that arrived before an earlier one of their conversation: only those that the gateway sent once.

    A process that takes up the request of a killed one sends it once more too, under the same key.
    """
    lines = defaultdict(list)
    deaths = [end for end in ends if end.what == "stox"]
    for verdict in verdicts:
        entry = verdict.entry
        if verdict.name != "once":
            continue
        sent = [at for at, _ in entry.requests] if isinstance(entry, ToSip) else [it.at for it in entry.stanzas]
        taken_up = any(sent[0] <= (end.ended or end.begun) and end.begun <= entry.arrivals[0].at for end in deaths)
        if len(sent) == 1 and not taken_up:
            lines[(entry.line.way, entry.line.sender, entry.line.target)].append(entry)
    wrong = []
    for entries in lines.values():
        entries.sort(key=lambda entry: entry.sent_at)
        for before, after in zip(entries, entries[1:]):
            if after.arrivals[0].place < before.arrivals[0].place:
                wrong.append((before, after))
    return wrong


def counts(verdicts):
    return Counter(verdict.name for verdict in verdicts)
