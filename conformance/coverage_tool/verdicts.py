"""Each row's verdict: rows, statuses and results put together."""

from dataclasses import dataclass, field

from .results import PASSED, SKIPPED, rows_named

SHOWN, EXCLUDED, WAITING, OPEN = "shown", "excluded", "waiting", "open"
VERDICTS = (SHOWN, EXCLUDED, WAITING, OPEN)


@dataclass
class Verdict:
    """What is known of one row: its status, the reason or feature, the tests that carry its id."""

    status: str = OPEN
    reason: str = ""
    tests: list = field(default_factory=list)
    failing: list = field(default_factory=list)
    not_run: list = field(default_factory=list)


def judge(rows, statuses, results):
    """The verdict for each row id, and the faults found on the way."""
    verdicts = {row_id: Verdict() for row_id in rows}
    faults = []
    for result in sorted(set(results), key=lambda result: (result.name, result.outcome)):
        faults += record(verdicts, result)
    for row_id, verdict in verdicts.items():
        faults += conclude(row_id, verdict, statuses)
    return verdicts, faults


def record(verdicts, result):
    """Writes a result down at the row it shows; a test without an id shows none."""
    named = rows_named(result.name)
    if len(named) > 1:
        return [f"test {result.name}: the name carries {' and '.join(named)}; a test shows one row"]
    if named and named[0] not in verdicts:
        return [f"test {result.name}: there is no row {named[0]}"]
    for row_id in named:
        verdict = verdicts[row_id]
        {PASSED: verdict.tests, SKIPPED: verdict.not_run}.get(result.outcome, verdict.failing).append(result.name)
    return []


def conclude(row_id, verdict, statuses):
    """Sets the status. All tests of a row must have run and passed for the row to be shown."""
    listed = [
        (status, texts[row_id])
        for status, texts in ((EXCLUDED, statuses.excluded), (WAITING, statuses.waiting))
        if row_id in texts
    ]
    shown = bool(verdict.tests) and not verdict.failing and not verdict.not_run
    if shown:
        verdict.status = SHOWN
    elif listed:
        verdict.status, verdict.reason = listed[0]
    if shown and listed:
        return [f"{row_id} is shown by {verdict.tests[0]} and yet {listed[0][0]} in status.toml; take it out there"]
    return []
