"""What a pair of programs goes through: each step asks two people to do something and looks at both screens.

A step is a function of the pair. It returns a note for its cell, or raises Fault with what a person would complain of.
"""

import secrets
import time

from harness.waiting import TooLate, until

LOOK_EVERY = 0.15       # s; a screen is a process of its own in some programs
PACE = 0.1              # s between two lines from SIP: a proxy with several workers may turn round what comes at once

LINES = 20
LONG = 2000
EMOJI = "a family \U0001f469\u200d\U0001f469\u200d\U0001f467 and a flag \U0001f3f3\ufe0f\u200d\U0001f308 here"
RIGHT_TO_LEFT = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u0645\u0631\u062d\u0628\u0627 123"
URL = "https://example.com/caf\u00e9/?q=a&b=%20#x=1"
PICTURE = "https://upload.xmpp.test/7/tower.jpg"

# RFC 6120 §8.3.3: names for programs, which a person cannot act on.
CONDITIONS = (
    "bad-request", "conflict", "feature-not-implemented", "forbidden", "gone", "internal-server-error",
    "item-not-found", "jid-malformed", "not-acceptable", "not-allowed", "not-authorized", "policy-violation",
    "recipient-unavailable", "redirect", "registration-required", "remote-server-not-found", "remote-server-timeout",
    "resource-constraint", "service-unavailable", "subscription-required", "undefined-condition", "unexpected-request",
)
FEWEST_WORDS = 4        # "not signed in now"
STATES_OF_ONE_WHO_IS_THERE = ("online", "away", "busy")

UNSEEN = "unseen"       # the note of a step about typing or marks that no screen showed

STEPS = {}


class Fault(AssertionError):
    """What is wrong on somebody's screen, in one line."""


def step(name):
    def register(function):
        STEPS[name] = function
        return function
    return register


class Person:
    """One side of a pair: a program, and how far its screen has been read."""

    def __init__(self, program, seen_as):
        self.program = program      # a Client
        self.seen_as = seen_as      # the address that the other side knows
        self.read = 0               # lines on the screen that are accounted for
        self.told = 0               # failures that are accounted for

    def news(self):
        return self.program.shown()[self.read:]

    def complaints(self):
        return self.program.failures()[self.told:]

    def catches_up(self):
        self.read, self.told = len(self.program.shown()), len(self.program.failures())


class Pair:
    """Two people with one program each, and the patience of matrix.toml."""

    def __init__(self, deployment, xmpp, sip, patience):
        self.deployment, self.patience = deployment, patience
        self.xmpp, self.sip = xmpp, sip
        self.sip_is_out = False

    def other(self, person):
        return self.sip if person is self.xmpp else self.xmpp

    def settle(self):
        """After a fault: its late lines belong to no later step."""
        time.sleep(self.patience["quiet"])
        for person in (self.xmpp, self.sip):
            person.catches_up()

    # talk

    def talk(self, writer, texts, in_parts=False, **how):
        """`writer` says these texts; the other's screen must show them, and nothing else."""
        for text in texts:
            writer.program.says(self.other(writer).seen_as, text, **how)
            if writer is self.sip and len(texts) > 1:
                time.sleep(PACE)
        return self.appears(writer, texts, in_parts)

    def appears(self, writer, texts, in_parts=False):
        """What the other's screen shows must be these texts. The lines that were shown."""
        reader = self.other(writer)
        shown = self._wait_for_lines(writer, reader, texts, in_parts)
        faults = strangeness(shown, writer.seen_as)
        if not same(shown, texts, in_parts):
            faults.insert(0, difference([line.text for line in shown], texts, in_parts))
        faults += [f"the writer is told: {words}" for _, words in writer.complaints()]
        faults += [f"the reader is told: {words}" for _, words in reader.complaints()]
        if faults:
            raise Fault("; ".join(faults))
        reader.read += len(shown)
        return shown

    def _wait_for_lines(self, writer, reader, texts, in_parts):
        """Until all is shown, the writer is told of a failure, or no line has come for a while."""
        shown, since = reader.news(), time.monotonic()
        while not same(shown, texts, in_parts):
            enough = not in_parts and len(shown) >= len(texts)      # wrong ones, then, and more may still come
            if writer.complaints() or time.monotonic() - since > self.patience["quiet" if enough else "line"]:
                break
            time.sleep(LOOK_EVERY)
            before, shown = shown, reader.news()
            if len(shown) > len(before):
                since = time.monotonic()
        return shown

    def notices(self, condition):
        """Whether something shows that nobody has to show."""
        try:
            return bool(until(condition, "a notice", within=self.patience["notice"], every=LOOK_EVERY))
        except TooLate:
            return False


# contacts

@step("seen-by-xmpp")
def seen_by_xmpp(pair):
    pair.xmpp.program.adds(pair.sip.seen_as)
    accept(pair, pair.sip, within=1.0)      # the proxy may have said yes already
    return sees_online(pair, pair.xmpp, pair.sip)


@step("seen-by-sip")
def seen_by_sip(pair):
    pair.sip.program.adds(pair.xmpp.seen_as)
    if not accept(pair, pair.xmpp, within=pair.patience["presence"]):
        if pair.sip.program.contact_state(pair.xmpp.seen_as) not in STATES_OF_ONE_WHO_IS_THERE:
            raise Fault("the XMPP user is never asked")
    return sees_online(pair, pair.sip, pair.xmpp)


def accept(pair, person, within):
    """Say yes when asked; whether there was a question."""
    asker = pair.other(person).seen_as
    try:
        until(lambda: asker in person.program.asked_by(), "a question", within=within, every=LOOK_EVERY)
    except TooLate:
        return False
    person.program.accepts(asker)
    return True


def sees_online(pair, watcher, watched):
    def state():
        return watcher.program.contact_state(watched.seen_as)
    try:
        return until(lambda: state() in STATES_OF_ONE_WHO_IS_THERE and state(), "online",
                     within=pair.patience["presence"], every=LOOK_EVERY)
    except TooLate:
        raise Fault(f"{watched.seen_as} is shown as {state() or 'nothing'}") from None


# text

def numbered(topic):
    return [f"{topic} {number} of {LINES}" for number in range(1, LINES + 1)]


@step("lines-to-sip")
def lines_to_sip(pair):
    pair.talk(pair.xmpp, numbered("line"))


@step("lines-to-xmpp")
def lines_to_xmpp(pair):
    pair.talk(pair.sip, numbered("answer"))


def long_text():
    """Numbered words, so that a difference says what is missing."""
    return " ".join(f"word{number:04}" for number in range(LONG))[:LONG - 1] + "."


@step("long-to-sip")
def long_to_sip(pair):
    parts = len(pair.talk(pair.xmpp, [long_text()], in_parts=True))
    return f"x{parts}" if parts > 1 else ""


@step("long-to-xmpp")
def long_to_xmpp(pair):
    pair.talk(pair.sip, [long_text()], in_parts=pair.xmpp.program.wraps)


@step("scripts-to-sip")
def scripts_to_sip(pair):
    pair.talk(pair.xmpp, [EMOJI, RIGHT_TO_LEFT, URL])


@step("scripts-to-xmpp")
def scripts_to_xmpp(pair):
    pair.talk(pair.sip, [EMOJI, RIGHT_TO_LEFT, URL])


@step("subject-to-sip")
def subject_to_sip(pair):
    return with_subject(pair, pair.xmpp)


@step("subject-to-xmpp")
def subject_to_xmpp(pair):
    return with_subject(pair, pair.sip)


def with_subject(pair, writer):
    subject = "the balcony scene"
    [shown] = pair.talk(writer, ["a line under a subject"], subject=subject)
    if "subject" in pair.other(writer).program.cannot:
        return "not shown"
    if shown.subject != subject:
        raise Fault(f"the subject is shown as {shown.subject!r}")
    return ""


@step("picture-to-sip")
def picture_to_sip(pair):
    pair.xmpp.program.shares(pair.sip.seen_as, PICTURE)
    pair.appears(pair.xmpp, [PICTURE])


# what goes beside the text

@step("typing-to-sip")
def typing_to_sip(pair):
    return typing(pair, pair.xmpp)


@step("typing-to-xmpp")
def typing_to_xmpp(pair):
    return typing(pair, pair.sip)


def typing(pair, writer):
    reader = pair.other(writer)
    before = len(reader.program.typing_seen())
    writer.program.types(reader.seen_as)
    seen = pair.notices(lambda: len(reader.program.typing_seen()) > before)
    pair.talk(writer, ["a line after typing"])
    return "seen" if seen else UNSEEN


@step("reads-to-sip")
def reads_to_sip(pair):
    return reads(pair, pair.xmpp)


@step("reads-to-xmpp")
def reads_to_xmpp(pair):
    return reads(pair, pair.sip)


def reads(pair, reader):
    """The other one writes, `reader` reads it and answers; the mark, if the other's program shows one, is the note."""
    writer = pair.other(reader)
    text = f"a line to be read {secrets.token_hex(3)}"
    pair.talk(writer, [text])
    reader.program.reads(writer.seen_as)
    pair.notices(lambda: marks_of(writer, text))
    pair.talk(reader, ["an answer after reading"])
    return "+".join(marks_of(writer, text)) or UNSEEN


def marks_of(writer, text):
    return sorted({mark for own, mark in writer.program.receipts_seen() if own == text})


# away and back

@step("signed-out")
def signed_out(pair):
    sign_sip_out(pair)
    writer = pair.xmpp
    writer.program.says(pair.sip.seen_as, "are you still there?")
    try:
        until(writer.complaints, "a failure", within=pair.patience["line"], every=LOOK_EVERY)
    except TooLate:
        raise Fault("the writer is told nothing") from None
    words = [words for _, words in writer.complaints()]
    writer.catches_up()
    if not any(can_be_acted_on(each, pair.sip.seen_as) for each in words):
        raise Fault(f"the writer is told: {'; '.join(words)}")
    return "; ".join(words)


def sign_sip_out(pair):
    pair.sip.program.signs_out()
    pair.sip_is_out = True


@step("sip-back")
def sip_back(pair):
    if not pair.sip_is_out:
        sign_sip_out(pair)
    pair.sip.program.comes_back()
    pair.sip_is_out = False
    pair.talk(pair.xmpp, ["good to see you again"])
    pair.talk(pair.sip, ["here I am"])


@step("xmpp-back")
def xmpp_back(pair):
    pair.xmpp.program.signs_out()
    pair.xmpp.program.comes_back()
    pair.talk(pair.sip, ["and you are back too"])
    pair.talk(pair.xmpp, ["so we are"])


# judging

def same(shown, texts, in_parts):
    """Where a text came in parts, the blank between two may be the end of the one or a new line."""
    shown = [line.text.rstrip("\r\n") for line in shown]
    return shown == texts or (in_parts and len(shown) > 1 and without_blanks(shown) == without_blanks(texts))


def without_blanks(texts):
    return "".join("".join(texts).split())


def strangeness(shown, contact):
    """Whether each line stands in the conversation with the contact."""
    faults = []
    strangers = sorted({line.sender for line in shown if line.sender != contact})
    if strangers:
        faults.append(f"from a stranger: {', '.join(strangers)}")
    windows = sorted({line.window for line in shown if line.window != "chat"})
    if windows:
        faults.append(f"not in the chat window but as: {', '.join(windows)}")
    return faults


def difference(shown, texts, in_parts):
    """What a person would say about these lines."""
    if not shown:
        return "nothing is shown"
    if in_parts:
        there, all_of_it = sum(map(len, shown)), sum(map(len, texts))
        return f"{there} of {all_of_it} characters in {len(shown)} lines, at first {short(shown[0])}"
    shown = [text.rstrip("\r\n") for text in shown]
    faults = []
    strange = [text for text in shown if text not in texts]
    if strange:
        faults.append(f"{len(strange)} strange lines, as {short(strange[0])}")
    missing = [text for text in texts if text not in shown]
    if missing:
        faults.append(f"{len(missing)} of {len(texts)} lines missing")
    if len(shown) - len(strange) > len(set(shown) & set(texts)):
        faults.append("lines are shown twice")
    return ", ".join(faults) or "the lines are out of order"


def short(text, most=60):
    return repr(text if len(text) <= most else text[:most] + "...")


def can_be_acted_on(words, contact):
    """A sentence remains when addresses and the names of conditions are taken out."""
    for name in (contact, *CONDITIONS, *(condition.replace("-", " ") for condition in CONDITIONS)):
        words = words.lower().replace(name, " ")
    return sum(word.strip(".,:;!?()'\"").isalpha() for word in words.split()) >= FEWEST_WORDS
