"""What ran: the text that `cargo test` prints, and the JUnit file that pytest writes."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from .catalogue import GROUPS

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
OUTCOMES = {"ok": PASSED, "FAILED": FAILED, "failed": FAILED, "ignored": SKIPPED}
# A line of the test program, wherever other output on standard output has pushed it: the result
# may have been pushed to a later line.
STARTED = re.compile(r"\btest (?P<name>\S[^\n]*?) +\.\.\.(?: (?P<outcome>ok|FAILED|ignored)\b)?")
ENDED = re.compile(r"(?:^|\W)(ok|FAILED|ignored)$", re.MULTILINE)
FAILED_NAMES = re.compile(r"^failures:\n(?P<names>(?: {4}\S[^\n]*\n)+)", re.MULTILINE)
SUMMARY = re.compile(r"\btest result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;")
ROW_ID = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(GROUPS)})[-_ ](\d{{3}})(?![A-Za-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """One test that was asked to run."""

    name: str
    outcome: str


def read_cargo_log(path):
    """The results, and how many results the log announces that could not be found in it."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    starts = list(STARTED.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    failed = {line.strip() for block in FAILED_NAMES.finditer(text) for line in block["names"].splitlines()}
    results = []
    for start, end in zip(starts, ends):
        name = start["name"].removesuffix(" - should panic")
        outcome = start["outcome"] or delayed_outcome(text[start.end():end])
        results.append(Result(name, FAILED if name in failed else OUTCOMES[outcome]))
    announced = sum(int(count) for summary in SUMMARY.findall(text) for count in summary)
    return results, max(0, announced - len(results))


def delayed_outcome(text):
    """The outcome printed after output of the test itself; a test without any did not pass."""
    ended = ENDED.findall(re.split(r"\n(?:failures|test result):", text, maxsplit=1)[0])
    return ended[-1] if ended else "failed"


def read_junit(path):
    """The results of a JUnit file; the file of the test stands before its name."""
    results = []
    for case in ElementTree.parse(path).iter("testcase"):
        module = case.get("classname", "").rsplit(".", 1)[-1]
        results.append(Result(f"{module}::{case.get('name')}", junit_outcome(case)))
    return results


def junit_outcome(case):
    children = {child.tag for child in case}
    if children & {"failure", "error"}:
        return FAILED
    return SKIPPED if "skipped" in children else PASSED


def rows_named(name):
    """The row ids a test's name carries."""
    return sorted({f"{group.upper()}-{number}" for group, number in ROW_ID.findall(name)})
