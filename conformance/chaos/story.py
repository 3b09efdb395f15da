"""One run from its seed to its last line."""

import shutil
import sys
import time
from pathlib import Path

import plan
from judge import BROKEN, FINE, Judge, counts, disorder
from ledger import Ledger, ToSip
from stage import Stage

REPOSITORY = Path(__file__).resolve().parents[2]
SETTLE = 45.0           # Timer F is 32 s, and a message may have waited behind one that ran into it
IN_HAND = ("messages_to_sip_in_flight", "requests_waiting_for_xmpp", "messages_in_journal")
SHOWN = 12              # broken messages that are told in full


class Story:
    def __init__(self, seed, seconds, keep=False, show=()):
        self.seed, self.seconds, self.keep, self.show = seed, seconds, keep, list(show)
        self.ledger = Ledger()
        self.stage = None
        self.kept_in = REPOSITORY / f"target/conformance/chaos/seed-{seed}"

    def run(self):
        """True when all was well. Prints the table and the last line."""
        lines, blows = plan.messages(self.seed, self.seconds), plan.blows(self.seed, self.seconds)
        falling = sum(len(theirs) for theirs in blows.values())
        say(f"chaos: seed {self.seed}: {len(lines)} messages and {falling} blows in {self.seconds:g} s")
        self.stage = Stage(self.seed, self.ledger)
        try:
            self.stage.open()
            self.stage.play(lines, blows)
            self.stage.mend()
            self._settle()
            self._last_words()
            self._look_back()
            verdicts = Judge(self.ledger).verdicts()
            passed = self._tell(verdicts)
            if self.keep or not passed:
                self._keep(verdicts)
        finally:
            self.stage.close()
        return passed

    # helpers

    def _settle(self):
        """Until every message is accounted for, or every timer has run out."""
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            self.stage.collect()
            if not any(verdict.name in BROKEN for verdict in Judge(self.ledger).verdicts()) \
                    and not self._unfinished():
                return
            time.sleep(0.5)

    def _last_words(self):
        self.stage.play(plan.last_words())
        deadline = time.monotonic() + 15
        words = [entry for token, entry in self.ledger.entries.items() if token[1] == "9"]
        while True:
            self.stage.collect()
            if all(entry.arrivals for entry in words):
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        for entry in words:
            if not entry.arrivals:
                self.ledger.fault(f"everything is mended, and {entry.line.token} did not arrive")

    def _unfinished(self):
        """What the gateway still has in hand."""
        status = self.stage.town.stox.status()
        return {name: status["gauges"].get(name) for name in IN_HAND if status["gauges"].get(name) != 0} \
            if status else {"status": None}

    def _look_back(self):
        for fault in self.stage.faults():
            self.ledger.fault(fault)
        if self._unfinished():
            self.ledger.fault(f"left behind in the gateway: {self._unfinished()}")
        for line in self.stage.town.stox.log_text().splitlines():
            if "panicked" in line or "damaged" in line or "put aside" in line:
                self.ledger.fault(f"stox says: {line}")
        if self.stage.datagrams.counts["lost"] == 0:
            self.ledger.fault("no datagram was lost: the relay is not in the way")

    def _tell(self, verdicts):
        wrong = disorder(verdicts, self.ledger.ends)
        say(self._table(verdicts))
        self._tell_excused(verdicts)
        broken = [verdict for verdict in verdicts if verdict.name in BROKEN]
        for verdict in broken[:SHOWN]:
            say(self._account(verdict))
        for before, after in wrong[:SHOWN]:
            say(f"  out of order: {after.line.token} came before {before.line.token}")
        for fault in self.ledger.faults[:SHOWN]:
            say(f"  fault: {fault}")
        for verdict in verdicts:
            if verdict.entry.line.token in self.show:
                say(self._account(verdict))
        found = counts(verdicts)
        numbers = ", ".join(f"{name} {found[name]}" for name in (*FINE, *BROKEN))
        say(f"chaos: seed {self.seed}: {len(verdicts)} messages, {numbers}, out of order {len(wrong)}, "
            f"faults {len(self.ledger.faults)}")
        return not broken and not wrong and not self.ledger.faults

    def _table(self, verdicts):
        names = (*FINE, *BROKEN)
        rows = [("", "messages", *names)]
        for title, kind in (("XMPP to SIP", True), ("SIP to XMPP", False)):
            theirs = [verdict for verdict in verdicts if isinstance(verdict.entry, ToSip) == kind]
            found = counts(theirs)
            rows.append((title, str(len(theirs)), *(str(found[name]) for name in names)))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
        ends = counts_of((f"{end.what} {end.kind}" for end in self.ledger.ends))
        text += [f"blows: {ends}", f"datagrams: {listed(self.stage.datagrams.counts)}"]
        for title, name in (("told", "told"), ("told and delivered", "told and delivered"), ("again", "again")):
            text.append(f"{title}: {counts_of(v.entry.line.way + ' ' + v.reason for v in verdicts if v.name == name)}")
        return "\n".join(text)

    def _tell_excused(self, verdicts):
        """What is counted apart, with the seconds at which each was sent."""
        excused = {}
        for verdict in verdicts:
            if verdict.name in ("unacknowledged", "lost by a server"):
                at = f"{verdict.entry.line.token} {self.ledger.seconds(verdict.entry.sent_at):.3f}"
                excused.setdefault((verdict.name, verdict.reason), []).append(at)
        for (name, reason), those in excused.items():
            say(f"{name}, {reason}: {', '.join(those)}")

    def _account(self, verdict):
        """Everything that is known of one message."""
        entry, seconds = verdict.entry, self.ledger.seconds
        line = entry.line
        rows = [(entry.sent_at, f"sent by {line.sender} to {line.target}")]
        rows += [(told.at, f"sender told {told.what} {told.words}") for told in entry.told]
        rows += [(arrival.at, f"arrived {arrival.key}") for arrival in entry.arrivals]
        if isinstance(entry, ToSip):
            rows += [(it.at, f"server wrote it{'' if it.given else ', thrown away'}") for it in entry.passages]
            rows += [(at, f"gateway sent {key}") for at, key in entry.requests]
            rows += [(it.at, f"gateway wrote its error{'' if it.given else ', thrown away'}") for it in entry.errors]
        else:
            rows += [(it.at, f"gateway wrote {it.id}{'' if it.given else ', thrown away'}"
                             f"{f', confirmed {seconds(it.confirmed_at):.3f}' if it.confirmed_at else ''}")
                     for it in entry.stanzas]
            rows += [(at, f"gateway answered {status}") for at, status in entry.answers]
            rows += [(entry.final_at, f"sender has {entry.status}")] if entry.final_at else []
        last = max(at for at, _ in rows)
        rows += [(end.begun, f"-- {end.what} {end.kind}, over at {seconds(end.ended or last):.3f}")
                 for end in self.ledger.ends if entry.sent_at - 2 <= end.begun <= last + 2]
        told = "\n".join(f"    {seconds(at):9.3f} {text}" for at, text in sorted(rows))
        return f"  {verdict.name}: {line.token}: {verdict.reason}\n{told}"

    def _keep(self, verdicts):
        shutil.rmtree(self.kept_in, ignore_errors=True)
        self.kept_in.mkdir(parents=True)
        for path in Path(self.stage.town.lab.folder).rglob("*"):
            if path.is_file() and path.suffix in (".log", ".yaml", ".cfg", ".journal", ".list"):
                target = self.kept_in / path.relative_to(self.stage.town.lab.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        text = [self._account(verdict) for verdict in verdicts]
        ends = [f"{self.ledger.seconds(end.begun):9.3f} {end.what} {end.kind}, over at "
                f"{self.ledger.seconds(end.ended or end.begun):.3f}" for end in self.ledger.ends]
        (self.kept_in / "ledger.txt").write_text("\n".join([*ends, "", *self.ledger.faults, "", *text]) + "\n")
        say(f"kept in {self.kept_in.relative_to(REPOSITORY)}")


def counts_of(things):
    found = {}
    for thing in things:
        found[thing] = found.get(thing, 0) + 1
    return listed(dict(sorted(found.items()))) or "none"


def listed(numbers):
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def say(text):
    print(text, flush=True, file=sys.stdout)
