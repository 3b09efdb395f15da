"""The command line of conformance/coverage."""

import argparse
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .catalogue import GROUPS, CatalogueError, read_catalogue
from .report import open_rows, plain_table, standards_matrix
from .results import read_cargo_log, read_junit
from .statuses import read_statuses, status_faults
from .verdicts import judge

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "conformance/coverage"
GOOD, FAULTY, UNUSABLE = 0, 1, 2

DESCRIPTION = """\
Counts, for each group of conformance/requirements, the rows that the last test run has shown,
the rows excluded with a reason, the rows that wait for a feature, and the open ones; then writes
docs/standards.md, the same seen from the RFCs and XEPs."""

EPILOGUE = """\
A row is shown by tests whose NAME carries its id, when all of them ran and passed:
  Rust                 fn msg_013_no_contact()
  a story              def test_err_039_unknown_user()
  a table of vectors   ERR-039 404 item-not-found
The id is group, one of - _ or space, three digits. One name carries one id.

Results are read from files, so run the tests first:
  cargo test 2>&1 | tee target/conformance/cargo-test.log
  /usr/bin/python3 -m pytest conformance/stories --junitxml=target/conformance/stories.xml

To leave a row out, or let it wait for a feature, name it in conformance/requirements/status.toml.
A row that is shown may stand in neither list.

exit status: 0 good, 1 a fault or a difference under --check, 2 an input cannot be read"""


def main(arguments=None):
    """Runs the command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        rows = read_catalogue(options.requirements)
        statuses = read_statuses(options.requirements / "status.toml")
        results = read_results(options)
    except (OSError, CatalogueError, tomllib.TOMLDecodeError, ElementTree.ParseError) as error:
        say(f"cannot be read: {error}")
        return UNUSABLE
    verdicts, faults = judge(rows, statuses, results)
    faults = status_faults(statuses, rows) + faults
    print(open_rows(options.group, rows, verdicts) if options.group else plain_table(verdicts))
    for fault in faults:
        say(fault)
    if faults:
        return FAULTY
    return GOOD if options.group else deliver(standards_matrix(rows, verdicts), options)


def deliver(matrix, options):
    """Writes the matrix, or compares it with the one on disk."""
    path = options.standards
    if not options.check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(matrix, encoding="utf-8")
        return GOOD
    if path.is_file() and path.read_text(encoding="utf-8") == matrix:
        return GOOD
    say(f"{path} is not what this run gives; run {COMMAND} and commit the file")
    return FAULTY


def read_results(options):
    """All results; a file that is not there is a fault unless --partial allows it."""
    results = []
    if present(options.cargo_log, options.partial):
        found, lost = read_cargo_log(options.cargo_log)
        results += found
        if lost:
            say(f"{options.cargo_log}: {lost} results could not be found; their rows count as not shown")
    if present(options.stories, options.partial):
        results += read_junit(options.stories)
    return results


def present(path, partial):
    """Whether to read the file; reading a missing one is left to fail by itself."""
    return path.is_file() or not partial


def parser():
    """The options."""
    made = argparse.ArgumentParser(
        prog=COMMAND, description=DESCRIPTION, epilog=EPILOGUE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--check", action="store_true", help="write nothing; fail when docs/standards.md would change")
    made.add_argument("--group", type=str.upper, choices=GROUPS, help="list the open rows of one group and stop")
    made.add_argument("--partial", action="store_true", help="go on when a result file is missing")
    places = {
        "--cargo-log": (ROOT / "target/conformance/cargo-test.log", "what `cargo test` printed"),
        "--stories": (ROOT / "target/conformance/stories.xml", "the JUnit file of the stories"),
        "--requirements": (ROOT / "conformance/requirements", "the folder of the catalogue"),
        "--standards": (ROOT / "docs/standards.md", "the matrix to write"),
    }
    for flag, (place, text) in places.items():
        made.add_argument(flag, type=Path, default=place, metavar="PATH", help=f"{text} [{place.relative_to(ROOT)}]")
    return made


def say(text):
    """A line for people, apart from the table."""
    print(f"coverage: {text}", file=sys.stderr)
