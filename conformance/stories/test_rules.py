"""An operator edits the mapping rules while people talk: a broken file changes nothing, a mended one counts at once."""

import json
import os
import signal
import subprocess
import threading

import pytest

from harness.stox import binary
from harness.town import Town
from harness.waiting import until


@pytest.fixture(scope="module")
def town():
    with Town(rules="rules", limits={"queue_per_target": 2000}) as town:
        yield town


@pytest.fixture
def edit(town):
    """`edit("messages.yaml", text)`: the operator saves a rule file; the directory is empty afterwards."""
    folder = town.stox.folder / "rules"
    folder.mkdir(exist_ok=True)

    def save(name, text):
        (folder / name).write_text(text, encoding="utf-8")
    yield save
    for file in folder.iterdir():
        file.unlink()


def rules(town, *words):
    """`stox rules …` as the operator types it: exit code, stdout, stderr."""
    return subprocess.run([binary(), "rules", *words], cwd=town.stox.folder, capture_output=True, text=True, timeout=30,
                          check=False)


def reload(town):
    return rules(town, "reload", "--config", str(town.stox.config_path))


def test_a_file_is_broken_and_mended_under_traffic(town, people, edit):
    juliet, romeo = people.xmpp("juliet"), people.sip("romeo")
    before = town.stox.status()["rules"]
    talk = Talk(town, juliet, romeo)
    with talk:
        talk.goes_on(5)
        edit("messages.yaml", "to_sip: { profil: text }\nrules:\n  - { name: a, when: { to: x }, set: { subject: 1 } }\n")
        broken = reload(town)
        assert broken.returncode != 0
        assert "did you mean `profile`?" in broken.stderr
        assert "needs a rule for one direction" in broken.stderr, "all mistakes at once"
        assert "the old rules still count" in broken.stderr
        status = town.stox.status()
        assert status["rules"]["digest"] == before["digest"]
        assert any(alarm.startswith("rules: ") for alarm in status["alarms"])
        talk.goes_on(5)

        edit("messages.yaml", SUBJECT + TEST.replace("EXPECTED", "wrong"))
        failing = reload(town)
        assert failing.returncode != 0
        assert "- subject: wrong" in failing.stderr and "+ subject: Verona" in failing.stderr
        assert town.stox.status()["rules"]["digest"] == before["digest"]
        talk.goes_on(5)

        edit("messages.yaml", SUBJECT + TEST.replace("EXPECTED", "Verona"))
        mended = reload(town)
        assert mended.returncode == 0, mended.stderr
        status = town.stox.status()
        assert status["rules"]["digest"] != before["digest"]
        assert (status["rules"]["taken"], status["rules"]["refused"]) == (1, 2)
        assert status["alarms"] == []
        talk.goes_on(5)
    talk.is_whole()
    assert set(talk.subjects) == {None, "Verona"}
    assert talk.subjects[-1] == "Verona"


def test_sighup_loads_the_rules_anew(town, people, edit):
    juliet, romeo = people.xmpp("juliet"), people.sip("romeo")
    taken = town.stox.status()["rules"]["taken"]
    edit("messages.yaml", SUBJECT)
    os.kill(town.stox.pid, signal.SIGHUP)
    until(lambda: town.stox.status()["rules"]["taken"] == taken + 1, "SIGHUP is heard", within=10, every=0.05)
    juliet.says("hello", to=town.jid_of("romeo"))
    assert romeo.hears("hello").get("Subject") == "Verona"


def test_a_changed_file_is_seen():
    with Town(rules={"directory": "rules", "watch": "100ms"}) as town:
        folder = town.stox.folder / "rules"
        folder.mkdir()
        (folder / "messages.yaml").write_text(SUBJECT, encoding="utf-8")
        until(lambda: town.stox.status()["rules"]["taken"] >= 1, "the change is seen", within=10, every=0.05)
        (folder / "messages.yaml").write_text("rules: 1\n", encoding="utf-8")
        until(lambda: town.stox.status()["rules"]["refused"] >= 1, "the mistake is seen", within=10, every=0.05)
        town.stox.complains("expected a list")


def test_an_operator_sees_tries_and_tests_before_it_counts(tmp_path):
    def stox(*words, given=None):
        return subprocess.run([binary(), *words], cwd=tmp_path, input=given, capture_output=True, text=True, timeout=30,
                              check=False)
    (tmp_path / "messages.yaml").write_text(SUBJECT + TEST.replace("EXPECTED", "Verona"), encoding="utf-8")
    assert "profile: auto" in stox("rules", "show", "messages").stdout
    assert "RFC 3922" in stox("rules", "show", "rfc3922").stdout
    shown = stox("rules", "diff", "--rules", ".").stdout
    assert "messages.rules[town] (./messages.yaml:2)" in shown
    tested = stox("rules", "test", "--rules", ".")
    assert tested.returncode == 0 and "tests passed" in tested.stdout
    (tmp_path / "messages.yaml").write_text(SUBJECT + TEST.replace("EXPECTED", "wrong"), encoding="utf-8")
    failed = stox("rules", "test", "--rules", ".")
    assert failed.returncode != 0 and "- subject: wrong" in failed.stdout and "+ subject: Verona" in failed.stdout

    said = "<message from='juliet@example.com/b' to='romeo@example.net' id='m1'><body>hi</body></message>"
    sent = stox("translate", "--rules", ".", "--explain", given=said).stdout
    assert "MATCHES" in sent and "changed subject: none -> Verona" in sent and "MESSAGE sip:romeo@example.net" in sent
    both = json.loads(stox("translate", "--json", "--answer", "486", given=said).stdout)
    assert [one["profile"] for one in both] == ["text", "cpim"]
    assert [[part["to"] for part in one["sent"]] for one in both] == [["sip", "xmpp"], ["sip", "xmpp"]]
    request = "MESSAGE sip:juliet@example.com SIP/2.0\nFrom: <sip:romeo@example.net>\nTo: <sip:juliet@example.com>\n\n"
    assert "SIP/2.0 " in stox("translate", "--from", "sip", given=request).stdout
    steps = stox("explain", "o\\27malley@example.net").stdout
    assert "sip:o'malley@example.net" in steps and "back again" in steps
    for wrong in (("explain", "@"), ("rules", "show", "nothing"), ("rules", "schema", "nothing")):
        assert stox(*wrong).returncode != 0


SUBJECT = "rules:\n  - { name: town, when: { direction: to_sip }, set: { Subject: Verona } }\n"
TEST = """tests:
  - name: the subject
    xmpp: { from: juliet@example.com, to: romeo@example.net, body: hello }
    expect: { subject: EXPECTED }
"""


class Talk:
    """Both of them say a word again and again, until the story ends; each must be heard, in order and once."""

    def __init__(self, town, juliet, romeo):
        self._town, self._juliet, self._romeo = town, juliet, romeo
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._fault = None
        self._said = 0
        self.subjects = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        try:
            while not self._over.is_set():
                self._exchange(self._said)
                self._said += 1
        except AssertionError as fault:
            self._fault = fault

    def _exchange(self, number):
        self._juliet.says(f"to romeo {number}", to=self._town.jid_of("romeo"))
        self._romeo.says(f"to juliet {number}", to=self._town.uri_of("juliet"))
        self.subjects.append(self._romeo.hears(f"to romeo {number}").get("Subject"))
        self._juliet.hears(f"to juliet {number}")

    def goes_on(self, words):
        """Until so many more words were heard on both sides."""
        goal = self._said + words
        until(lambda: self._said >= goal or self._fault, "they talk on", within=20, every=0.02)
        self.is_whole()

    def is_whole(self):
        if self._fault:
            raise self._fault
