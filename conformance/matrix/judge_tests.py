"""What the matrix must notice: a judge that sees no fault shows nothing."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from matrix import plan, scenario  # noqa: E402 (the path above makes them visible)
from matrix.client import Client, Shown  # noqa: E402

PATIENCE = {"presence": 0.3, "line": 0.3, "notice": 0.1, "quiet": 0.1}
JULIET, ROMEO = "juliet@xmpp.test", "romeo@sip.xmpp.test"


class Scripted(Client):
    """A program whose screen is a list; what is said in it goes through `wire` to the other one's screen."""

    def __init__(self, seen_as):
        super().__init__(lab=None, address=seen_as, password="", server=())
        self.seen_as, self.other, self.wire = seen_as, None, lambda line: [line]
        self.screen, self.errors = [], []

    def says(self, contact, text, subject=None):
        self.other.screen += self.wire(Shown(self.seen_as, text, subject or ""))

    def shown(self):
        return self.screen

    def failures(self):
        return self.errors


@pytest.fixture
def pair():
    juliet, romeo = Scripted(JULIET), Scripted(ROMEO)
    juliet.other, romeo.other = romeo, juliet
    return scenario.Pair(None, scenario.Person(juliet, JULIET), scenario.Person(romeo, ROMEO), PATIENCE)


def fault(call, *arguments):
    with pytest.raises(scenario.Fault) as found:
        call(*arguments)
    return str(found.value)


def test_what_is_as_it_should_be(pair):
    scenario.lines_to_sip(pair)
    scenario.long_to_sip(pair)
    scenario.subject_to_sip(pair)


def test_a_lost_line(pair):
    pair.xmpp.program.wire = lambda line: [] if line.text == "line 7 of 20" else [line]
    assert fault(scenario.lines_to_sip, pair) == "1 of 20 lines missing"


def test_a_line_twice(pair):
    pair.xmpp.program.wire = lambda line: [line] * (2 if line.text == "line 7 of 20" else 1)
    assert fault(scenario.lines_to_sip, pair) == "lines are shown twice"


def test_a_line_too_early(pair):
    kept = []

    def late(line):
        if line.text == "line 7 of 20":
            kept.append(line)
            return []
        return [line, *[kept.pop() for _ in list(kept)]]
    pair.xmpp.program.wire = late
    assert fault(scenario.lines_to_sip, pair) == "the lines are out of order"


def test_an_envelope(pair):
    pair.xmpp.program.wire = lambda line: [Shown(line.sender, f"From: <sip:{JULIET}>\r\n\r\n{line.text}")]
    assert "1 strange lines, as 'From: <sip:juliet" in fault(scenario.subject_to_sip, pair)


def test_a_stranger(pair):
    pair.xmpp.program.wire = lambda line: [Shown(f"{JULIET};gr=balcony", line.text, line.subject)]
    assert fault(scenario.lines_to_sip, pair) == f"from a stranger: {JULIET};gr=balcony"


def test_a_letter_instead_of_a_conversation(pair):
    pair.sip.program.wire = lambda line: [Shown(line.sender, line.text, window="mail")]
    assert fault(scenario.xmpp_back, away(pair)) == "not in the chat window but as: mail"


def test_a_text_in_parts(pair):
    pair.xmpp.program.wire = lambda line: [Shown(line.sender, line.text[:900]), Shown(line.sender, line.text[900:])]
    assert scenario.long_to_sip(pair) == "x2"
    pair.xmpp.program.wire = lambda line: [Shown(line.sender, line.text[:900])]
    assert "900 of 2000 characters in 1 lines" in fault(scenario.long_to_sip, pair)


def test_a_lost_subject(pair):
    pair.xmpp.program.wire = lambda line: [Shown(line.sender, line.text)]
    assert fault(scenario.subject_to_sip, pair) == "the subject is shown as ''"


def test_junk_of_a_typing_notice_is_seen_with_the_next_line(pair):
    pair.xmpp.program.types = lambda contact: pair.sip.program.screen.append(Shown(JULIET, "<isComposing/>"))
    assert "1 strange lines, as '<isComposing/>'" in fault(scenario.typing_to_sip, pair)


def test_an_error_that_was_not_deserved(pair):
    pair.xmpp.program.wire = lambda line: pair.xmpp.program.errors.append(("", "not sent")) or [line]
    assert fault(scenario.subject_to_sip, pair) == "the writer is told: not sent"


def test_a_fault_of_one_step_is_none_of_the_next(pair):
    pair.xmpp.program.wire = lambda line: [line, line]
    fault(scenario.subject_to_sip, pair)
    pair.settle()
    pair.xmpp.program.wire = lambda line: [line]
    scenario.subject_to_sip(pair)


@pytest.mark.parametrize(("words", "enough"), [
    ("romeo is not signed in at the moment (404)", True),
    ("This person cannot be reached now, try again later.", True),
    ("item-not-found", False),
    ("Error from romeo@sip.xmpp.test: item-not-found", False),
    ("Recipient unavailable", False),
    ("404 Not Found", False),
    ("", False),
])
def test_words_that_a_person_can_act_on(pair, words, enough):
    pair.sip.program.signs_out = lambda: None
    pair.xmpp.program.wire = lambda line: pair.xmpp.program.errors.append((line.text, words)) or []
    if enough:
        assert scenario.signed_out(pair) == words
    else:
        assert words in fault(scenario.signed_out, pair)


def test_nothing_told(pair):
    pair.sip.program.signs_out = lambda: None
    pair.xmpp.program.wire = lambda line: []
    assert fault(scenario.signed_out, pair) == "the writer is told nothing"


def test_the_plan_names_programs_and_steps_that_are_there():
    read = plan.read()
    for side in plan.SIDES:
        for name in read.programs[side]:
            client = read.client(side, name)
            assert client.side == side and client.packages
            known = {step.name for step in read.steps}
            known |= {ability for step in read.steps for needs in step.needs.values() for ability in needs}
            assert set(client.cannot) <= known, f"{name}: nothing asks for {set(client.cannot) - known}"


def away(pair):
    pair.xmpp.program.signs_out = pair.xmpp.program.comes_back = lambda: None
    return pair
