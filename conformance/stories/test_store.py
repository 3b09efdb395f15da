"""The files beside the gateway: missing, damaged, something else, and a disk without room."""

import os
import subprocess
from pathlib import Path

import pytest

from harness.sip_ua import Answer
from harness.town import Town
from harness.waiting import until


@pytest.fixture
def town():
    with Town(scripted_proxy=True) as town:
        yield town


def store(town):
    return town.stox.folder / "var" / "stox.redb"


def journal(town):
    return town.stox.folder / "var" / "stox.journal"


def deaf_to_messages(proxy):
    proxy.always_answers(lambda request: Answer(None if request.method == "MESSAGE" else 200))


def talk(town, people, text):
    juliet = people.xmpp("juliet", resource=f"r{abs(hash(text)) % 10_000}")
    town.proxy.always_answers(200)
    juliet.says(text, to="romeo@sip.xmpp.test")
    town.proxy.hears(text)


def test_files_that_are_missing_are_made(town, people):
    assert "is new" in town.stox.log_text()
    town.stox.stop()
    store(town).unlink()
    journal(town).unlink()
    town.stox.start()
    assert town.stox.log_text().count("is new") == 2
    talk(town, people, "with new files")


def test_a_damaged_store_is_set_aside_and_told(town, people):
    town.stox.stop()
    octets = bytearray(store(town).read_bytes())
    octets[64:4096] = os.urandom(4096 - 64)     # behind the first octets, by which it is known
    store(town).write_bytes(octets)
    town.stox.start()
    [aside] = store(town).parent.glob("stox.redb.damaged-*")
    assert aside.read_bytes()[64:4096] == bytes(octets[64:4096])
    [alarm] = town.stox.status()["alarms"]
    assert "store damaged" in alarm and aside.name in alarm
    assert "ALARM" in town.stox.run_command("status", within=20).stdout
    talk(town, people, "after the damage")


def test_a_file_that_is_no_store_is_left_alone(town):
    town.stox.stop()
    store(town).write_text("my notes\n" * 1000, encoding="utf-8")
    town.stox.launch_with_config()
    assert town.stox.wait_for_exit(within=20) != 0
    town.stox.complains("store.path", "is no store", "move it away")
    assert store(town).read_text(encoding="utf-8").startswith("my notes")


def test_a_damaged_journal_is_set_aside_and_told(town, people):
    deaf_to_messages(town.proxy)
    juliet = people.xmpp("juliet")
    juliet.says("never answered", to="romeo@sip.xmpp.test")
    until(lambda: b"never answered" in journal(town).read_bytes(), "it is in the journal")
    town.stox.kill()
    octets = bytearray(journal(town).read_bytes())
    octets[octets.index(b"never answered")] ^= 0x20
    journal(town).write_bytes(octets)
    town.stox.start()
    [aside] = journal(town).parent.glob("stox.journal.damaged-*")
    assert aside.read_bytes() == bytes(octets)
    assert any("journal damaged" in alarm for alarm in town.stox.status()["alarms"])


def test_a_foreign_journal_is_left_alone(town):
    town.stox.stop()
    journal(town).write_text("something else", encoding="utf-8")
    town.stox.launch_with_config()
    assert town.stox.wait_for_exit(within=20) != 0
    town.stox.complains("store.path", "is no journal")
    assert journal(town).read_text(encoding="utf-8") == "something else"


class TestAKilledGateway:
    def test_goes_on_with_what_it_had_sent(self, town, people):
        """The same request under the same branch; the proxy's answer reaches the sender."""
        deaf_to_messages(town.proxy)
        juliet = people.xmpp("juliet")
        sent = juliet.says("to be continued", to="romeo@sip.xmpp.test")
        first = town.proxy.gets("MESSAGE")
        until(lambda: b"to be continued" in journal(town).read_bytes(), "it is in the journal")
        town.stox.kill()
        before = len(town.proxy.retransmissions)
        town.stox.start()
        until(lambda: len(town.proxy.retransmissions) > before, "the request comes again")
        again = town.proxy.retransmissions[-1][0]
        assert (again.branch, again["Call-ID"], again["CSeq"]) == (first.branch, first["Call-ID"], first["CSeq"])
        town.proxy.answers_late(first, 486)
        juliet.gets_error(sent, "recipient-unavailable")
        until(lambda: town.stox.status()["gauges"]["messages_in_journal"] == 0, "nothing is unfinished")

    def test_sends_what_had_waited_for_its_turn(self, town, people):
        deaf_to_messages(town.proxy)
        juliet = people.xmpp("juliet")
        for text in ("one", "two", "three"):
            juliet.says(text, to="romeo@sip.xmpp.test")
        first = town.proxy.gets("MESSAGE")
        until(lambda: b"three" in journal(town).read_bytes(), "all are in the journal")
        town.stox.kill()
        town.proxy.always_answers(200)
        town.proxy.answers_late(first, 200)
        town.stox.start()
        town.proxy.hears("two")
        town.proxy.hears("three")
        assert juliet.unheard() == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of one mebibyte and a half."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1536k", "stox-test", tmp_path],
                          capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no right to mount a small file system here: {made.stderr.strip()}")
    yield Path(tmp_path)
    subprocess.run(["umount", "-l", tmp_path], check=False)


def test_a_full_disk_is_told_and_messages_go_on(small_disk, people):
    town = Town(scripted_proxy=True)
    town.stox.config["store"] = {"path": str(small_disk / "stox.redb")}
    with town:
        juliet = town.xmpp_user("juliet")
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as full:
            try:
                while True:
                    full.write(b"\0" * 4096)
            except OSError:
                pass
        deaf_to_messages(town.proxy)
        for number in range(8):     # more than the file's last page has room for
            juliet.says(f"held for a while {number} " + "x" * 500, to=f"user{number}@sip.xmpp.test")
        until(lambda: any("journal" in alarm for alarm in town.stox.status()["alarms"]), "the alarm is raised")
        held = [town.proxy.gets("MESSAGE") for _ in range(8)]
        town.proxy.always_answers(200)
        juliet.says("goes on", to="tybalt@sip.xmpp.test")
        town.proxy.hears("goes on")

        filler.unlink()
        until(lambda: not town.stox.status()["alarms"], lambda: f"the alarm is over: {town.stox.status()['alarms']}")
        until(lambda: b"held for a while 7" in (small_disk / "stox.journal").read_bytes(), "what lasts is in the journal")
        for request in held:
            town.proxy.answers_late(request, 200)
        until(lambda: town.stox.status()["gauges"]["messages_in_journal"] == 0, "nothing is unfinished")
        juliet.logout()
