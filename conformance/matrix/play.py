"""Plays the pairs side by side, each with accounts and programs of its own."""

import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.process import PeerFailed
from harness.waiting import TooLate

from .deployment import Deployment
from .plan import SIDES, missing
from .scenario import STEPS, Fault, Pair, Person

OK, FAILED, EXCLUDED = "ok", "FAIL", "excluded"
FORMS = {"message/cpim": "cpim", "text/plain": "text"}
# what goes beside the text; its form is not the text's
BESIDE = ("application/im-iscomposing+xml", "message/imdn+xml")


@dataclass
class Cell:
    """What became of one step of one pair."""

    step: str
    verdict: str
    form: str = ""      # how the text went over the SIP wire
    note: str = ""      # what else is worth knowing
    reason: str = ""    # of a failure or an exclusion
    seconds: float = 0.0


@dataclass
class Row:
    """One pair."""

    xmpp: str
    sip: str
    number: int
    cells: list = field(default_factory=list)
    seconds: float = 0.0


class Matrix:
    """Plays pairs; `tell` takes a line for whoever waits."""

    def __init__(self, plan, tell, keep=False):
        self._plan, self._tell, self._keep = plan, tell, keep
        self._starting = threading.Lock()
        self._over = False

    def play(self, pairs):
        """Rows in the order of `pairs`."""
        rows = [Row(xmpp, sip, number) for number, (xmpp, sip) in enumerate(pairs, start=1)]
        deployment = Deployment(keep=self._keep)
        pool = ThreadPoolExecutor(max_workers=self._plan.pairs_at_once)
        try:
            deployment.open()
            if self._keep:
                self._tell(f"logs: {deployment.lab.folder}")
            list(pool.map(lambda row: self._play_row(deployment, row), rows))
        finally:
            self._over = True       # Ctrl-C: no pair goes on to its next step
            pool.shutdown(wait=False, cancel_futures=True)
            deployment.close()
        return rows

    def _play_row(self, deployment, row):
        began = time.monotonic()
        try:
            self._play_pair(deployment, row)
        except Exception as trouble:    # a program that cannot be had fails its pair, and no other
            done = {cell.step for cell in row.cells}
            row.cells += [Cell(step.name, FAILED, reason=f"not tried: {in_one_line(trouble)}")
                          for step in self._plan.steps if step.name not in done]
        row.seconds = time.monotonic() - began
        failures = sum(cell.verdict == FAILED for cell in row.cells)
        self._tell(f"{row.xmpp} with {row.sip}: {f'{failures} FAILED' if failures else 'ok'} in {row.seconds:.0f} s")

    def _play_pair(self, deployment, row):
        classes = {"xmpp": self._plan.client("xmpp", row.xmpp), "sip": self._plan.client("sip", row.sip)}
        for side in SIDES:
            if absent := missing(classes[side]):
                raise PeerFailed(f"not installed: {', '.join(absent)} (see conformance/install and matrix/install)")
        xmpp_name, sip_name = f"juliet{row.number:02}", f"romeo{row.number:02}"
        address, password = deployment.xmpp_account(xmpp_name)
        xmpp = classes["xmpp"](deployment.lab, address, password, deployment.xmpp_server)
        address, password = deployment.sip_account(sip_name)
        sip = classes["sip"](deployment.lab, address, password, deployment.sip_proxy)
        people = (xmpp, sip)
        try:
            for person in people:
                with self._starting:        # two cores: programs that start side by side start slower than in a row
                    person.start()
            pair = Pair(deployment, Person(xmpp, deployment.as_sip_sees(xmpp_name)),
                        Person(sip, deployment.as_xmpp_sees(sip_name)), self._plan.patience)
            for step in self._plan.steps:
                if self._over:
                    break
                row.cells.append(self._play_step(pair, step, classes, (xmpp_name, sip_name)))
        finally:
            for person in people:
                person.stop()

    def _play_step(self, pair, step, classes, names):
        if reason := step.exclusion(classes):
            return Cell(step.name, EXCLUDED, reason=reason)
        began, cell = time.monotonic(), Cell(step.name, OK)
        before = len(pair.deployment.sent(*names)), len(pair.deployment.sent(*names[::-1]))
        try:
            cell.note = STEPS[step.name](pair) or ""
        except (Fault, TooLate, PeerFailed) as fault:
            cell.verdict, cell.reason = FAILED, in_one_line(fault)
        except Exception as trouble:    # a mistake of ours is a failure too, and its place is wanted
            place = traceback.extract_tb(trouble.__traceback__)[-1]
            where = f"{place.filename.split('/')[-1]}:{place.lineno}"
            cell.verdict, cell.reason = FAILED, f"{type(trouble).__name__}: {in_one_line(trouble)} ({where})"
        if cell.verdict == FAILED:
            pair.settle()
        cell.form = self._forms(pair, step, names, before)
        cell.seconds = time.monotonic() - began
        return cell

    def _forms(self, pair, step, names, before):
        """In which forms the text of this step was taken, in the direction that its name tells."""
        to_sip = not step.name.endswith("-to-xmpp")
        sent = pair.deployment.sent(*names)[before[0]:] if to_sip else pair.deployment.sent(*names[::-1])[before[1]:]
        taken = [each for each in sent if each.content_type not in BESIDE and 200 <= each.status < 300]
        forms = [FORMS.get(each.content_type, each.content_type) for each in taken]
        return "+".join(dict.fromkeys(forms))


def in_one_line(trouble):
    lines = str(trouble).splitlines() or [""]
    return lines[0] or type(trouble).__name__
