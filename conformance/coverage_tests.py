"""Tests of conformance/coverage. Run: /usr/bin/python3 -m pytest conformance/coverage_tests.py"""

import pytest

from coverage_tool.catalogue import GROUPS, CatalogueError, parse_row, read_catalogue
from coverage_tool.cli import ROOT, main
from coverage_tool.results import FAILED, PASSED, SKIPPED, Result, read_cargo_log, read_junit, rows_named
from coverage_tool.sources import section_order, sources_of
from coverage_tool.statuses import Statuses, read_statuses, status_faults
from coverage_tool.verdicts import OPEN, SHOWN, WAITING, judge

REAL = ROOT / "conformance/requirements"
LOG = """\
running 3 tests
test translate::tests::msg_013_no_contact ... ok
test translate::tests::err_001_bad_request ... FAILED
test translate::tests::unnamed ... ignored, needs a peer

failures:

failures:
    translate::tests::err_001_bad_request

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s
"""
STORIES = """<testsuites><testsuite>
<testcase classname="stories.test_errors" name="test_err_039_unknown_user"/>
<testcase classname="stories.test_errors" name="test_err_002_conflict"><failure message="no"/></testcase>
<testcase classname="stories.test_errors" name="test_err_003_split"><skipped/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def desk(tmp_path):
    """A small catalogue with results, and the command over it."""
    for group in GROUPS:
        (tmp_path / f"{group.lower()}.md").write_text("# empty\n")
    rows = "".join(f"| ERR-{n:03} | 7247 Table 2 | X2S | a \\| b {n} | in -> out |\n" for n in (1, 2, 3, 39))
    (tmp_path / "err.md").write_text("# ERR\n\n| ID | Source | Dir | Requirement | Observable test |\n" + rows)
    (tmp_path / "msg.md").write_text("| MSG-013 | 3428 §4 | X2S | No Contact. | none |\n")
    (tmp_path / "log").write_text(LOG)
    (tmp_path / "stories").write_text(STORIES)
    desk = Desk(tmp_path)
    desk.statuses()
    return desk


class Desk:
    """The folder of one test."""

    def __init__(self, folder):
        self.folder = folder
        self.standards = folder / "docs/standards.md"

    def statuses(self, excluded="", waiting='ERR-003 = "later"'):
        text = f'[features]\nlater = "Comes later."\n[excluded]\n{excluded}\n[waiting]\n{waiting}\n'
        (self.folder / "status.toml").write_text(text)

    def run(self, *more):
        places = {"--cargo-log": "log", "--stories": "stories", "--requirements": "", "--standards": "docs/standards.md"}
        flags = [text for flag, name in places.items() for text in (flag, str(self.folder / name))]
        return main([*flags, *more])


def test_the_catalogue_is_whole_and_its_statuses_are_sound():
    rows = read_catalogue(REAL)
    assert len(rows) == 922
    assert status_faults(read_statuses(REAL / "status.toml"), rows) == []


def test_a_bar_inside_a_cell_is_no_border():
    assert parse_row("| ERR-001 | s | d | a \\| b | t |", "x:1").requirement == "a \\| b"
    with pytest.raises(CatalogueError, match="x:1: a row has five cells, this one 4"):
        parse_row("| ERR-001 | s | d | t |", "x:1")


def test_a_row_twice_is_refused(desk):
    (desk.folder / "msg.md").write_text("| MSG-013 | s | d | r | t |\n" * 2)
    assert desk.run() == 2


@pytest.mark.parametrize("name, ids", [
    ("translate::tests::msg_013_no_contact", ["MSG-013"]),
    ("test_err_039_unknown_user", ["ERR-039"]),
    ("ERR-039 404 item-not-found", ["ERR-039"]),
    ("addr 012", ["ADDR-012"]),
    ("e2e_003_body_is_no_fallback", ["E2E-003"]),
    ("test_row[STATE-001-active]", ["STATE-001"]),
    ("terr_039", []),
    ("err_0391", []),
    ("err039", []),
    ("msg_013x", []),
    ("msg_013_then_err_039", ["ERR-039", "MSG-013"]),
], ids=lambda _: "")  # no ids of rows in the names of these tests: they show none
def test_ids_in_names(name, ids):
    assert rows_named(name) == ids


def test_the_log_of_cargo_is_read(desk):
    results, lost = read_cargo_log(desk.folder / "log")
    assert [result.outcome for result in results] == [PASSED, FAILED, SKIPPED]
    assert results[2].name == "translate::tests::unnamed"
    assert lost == 0


def test_output_between_name_and_result_is_stepped_over(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        "noise test a::msg_001_x ... a line: ok\nmore\nok\ntest ERR-001 400 bad-request   ... ok\n"
        "test b::msg_002_y ... aborted\ntest c::msg_003_z - should panic ... ok\n"
        "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured\n"
    )
    results, lost = read_cargo_log(log)
    assert results == [
        Result("a::msg_001_x", PASSED),
        Result("ERR-001 400 bad-request", PASSED),
        Result("b::msg_002_y", FAILED),
        Result("c::msg_003_z", PASSED),
    ]
    assert lost == 1


def test_junit_is_read(desk):
    assert read_junit(desk.folder / "stories") == [
        Result("test_errors::test_err_039_unknown_user", PASSED),
        Result("test_errors::test_err_002_conflict", FAILED),
        Result("test_errors::test_err_003_split", SKIPPED),
    ]


def verdict_of(results, waiting=None):
    rows = {"MSG-013": None, "MSG-014": None}
    verdicts, faults = judge(rows, Statuses({}, {}, waiting or {}), results)
    return verdicts["MSG-013"].status, faults


@pytest.mark.parametrize("outcomes, status", [
    ([PASSED], SHOWN), ([PASSED, PASSED], SHOWN), ([PASSED, FAILED], OPEN), ([PASSED, SKIPPED], OPEN), ([], OPEN),
])
def test_all_tests_of_a_row_must_pass(outcomes, status):
    results = [Result(f"msg_013_{number}", outcome) for number, outcome in enumerate(outcomes)]
    assert verdict_of(results) == (status, [])


def test_a_name_run_twice_must_pass_twice():
    assert verdict_of([Result("msg_013", PASSED), Result("msg_013", FAILED)])[0] == OPEN


def test_faults_of_names():
    status, faults = verdict_of([Result("msg_013_like_msg_014", PASSED), Result("msg_999_x", PASSED)])
    assert status == OPEN
    assert faults == [
        "test msg_013_like_msg_014: the name carries MSG-013 and MSG-014; a test shows one row",
        "test msg_999_x: there is no row MSG-999",
    ]


def test_a_row_shown_and_waiting_is_a_fault():
    status, faults = verdict_of([Result("msg_013_x", PASSED)], {"MSG-013": "later"})
    assert (status, len(faults)) == (SHOWN, 1)
    assert verdict_of([Result("msg_013_x", FAILED)], {"MSG-013": "later"}) == (WAITING, [])


def test_faults_of_statuses():
    statuses = Statuses({"a": "A.", "b": ""}, {"X-1": "why", "R-1": " "}, {"R-1": "a", "R-2": "c"})
    assert status_faults(statuses, {"R-1", "R-2"}) == [
        "status.toml [excluded]: R-1 has an empty text; say it in words",
        "status.toml [excluded]: there is no row X-1",
        "status.toml [features]: b has an empty text; say it in words",
        "status.toml [features]: no row waits for 'b' any more; take it out",
        "status.toml [waiting]: R-2 waits for 'c', which [features] does not name",
        "status.toml: R-1 is excluded and waits; it can be only one of them",
    ]


@pytest.mark.parametrize("cell, found", [
    ("7247 §6.4(1)-(2)", [("RFC 7247", "§6.4(1)-(2)")]),
    ("3261 §8.2.3, §21.4.13; 3428 §9", [("RFC 3261", "§8.2.3"), ("RFC 3261", "§21.4.13"), ("RFC 3428", "§9")]),
    ("7572 §5 vs 3428 §7", [("RFC 7572", "§5"), ("RFC 3428", "§7")]),
    ("8048 §5.3.3 vs privacy", [("RFC 8048", "§5.3.3 vs privacy")]),
    ("XEP-0106/0100 component", [("XEP-0106", "component"), ("XEP-0100", "component")]),
    ("7247/XEP-0030", [("RFC 7247", ""), ("XEP-0030", "")]),
    ("IMPL (3261 §7.4.1, 3629)", [("Derived", "(3261 §7.4.1, 3629)")]),
    ("3862 §4.7; D-29", [("RFC 3862", "§4.7")]),
    ("6120 §8.3.1; 8.2.3", [("RFC 6120", "§8.3.1"), ("RFC 6120", "8.2.3")]),
    ("3862 §2.2; measured peers", [("RFC 3862", "§2.2"), ("Other", "measured peers")]),
])
def test_sources_are_taken_apart(cell, found):
    assert sources_of(cell) == found


def test_every_row_has_a_source():
    assert [row.id for row in read_catalogue(REAL).values() if not sources_of(row.source)] == []


def test_sections_stand_in_reading_order():
    assert sorted(["§10", "§6.10", "§6.4"], key=section_order) == ["§6.4", "§6.10", "§10"]


def test_the_table_and_the_matrix(desk, capsys):
    assert desk.run() == 0
    table = capsys.readouterr().out.splitlines()
    assert table[GROUPS.index("ERR") + 1].split() == ["ERR", "4", "1", "0", "1", "2"]
    assert table[-1].split() == ["all", "5", "2", "0", "1", "2"]
    matrix = desk.standards.read_text()
    assert "| §4 | MSG-013 | shown | `translate::tests::msg_013_no_contact` |" in matrix
    assert "| Table 2 | ERR-001 | open | fails: translate::tests::err_001_bad_request |" in matrix
    assert "| Table 2 | ERR-003 | waiting | later |" in matrix


def test_check_fails_on_a_stale_matrix_and_writes_nothing(desk):
    assert desk.run("--check") == 1
    assert not desk.standards.exists()
    assert (desk.run(), desk.run("--check")) == (0, 0)
    (desk.folder / "stories").write_text("<testsuites/>")
    assert desk.run("--check") == 1


def test_a_group_lists_its_open_rows(desk, capsys):
    assert desk.run("--group", "err") == 0
    printed = capsys.readouterr().out
    assert "ERR-001  (X2S; 7247 Table 2)  fails: translate::tests::err_001_bad_request\n  a \\| b 1" in printed
    assert "ERR-003" not in printed and "ERR-039" not in printed
    assert not desk.standards.exists()


def test_faults_stop_the_matrix(desk, capsys):
    desk.statuses(excluded='ERR-039 = "nobody does it"')
    assert desk.run() == 1
    assert "ERR-039 is shown by test_errors::test_err_039_unknown_user and yet excluded" in capsys.readouterr().err
    assert not desk.standards.exists()


def test_missing_results_are_an_error_unless_allowed(desk):
    (desk.folder / "stories").unlink()
    assert (desk.run(), desk.run("--partial")) == (2, 0)
