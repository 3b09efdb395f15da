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


def fill_up(folder):
    with open(folder / "filler", "wb", buffering=0) as full:
        try:
            while True:
                full.write(b"\0" * 4096)
        except OSError:
            pass


def asks_to_see(juliet, town, numbers):
    for number in numbers:
        juliet.tells("subscribe", f"user{number}@sip.xmpp.test")
    until(lambda: town.stox.status()["gauges"]["presence_pairs"] >= numbers[-1], "the gateway knows them all")


def test_a_full_disk_heals_without_a_restart_and_nothing_is_lost(small_disk, people):
    """What was learnt while the disk was full, and after, is there after the next start."""
    town = Town(scripted_proxy=True)
    town.stox.config["store"] = {"path": str(small_disk / "stox.redb")}
    with town:
        town.proxy.always_answers(200)
        juliet = town.xmpp_user("juliet")
        asks_to_see(juliet, town, range(1, 21))
        fill_up(small_disk)
        asks_to_see(juliet, town, range(21, 221))
        until(lambda: any("No space left" in alarm for alarm in town.stox.status()["alarms"]), "the alarm has the cause",
              within=30)
        (small_disk / "filler").unlink()
        until(lambda: not town.stox.status()["alarms"], lambda: f"the alarm is over: {town.stox.status()['alarms']}")
        asks_to_see(juliet, town, range(221, 241))
        juliet.logout()
        assert town.stox.stop() == 0
        town.stox.start()
        assert town.stox.status()["gauges"]["presence_pairs"] == 240


def test_a_stop_with_a_full_disk_says_what_is_lost(small_disk, people):
    town = Town(scripted_proxy=True)
    town.stox.config["store"] = {"path": str(small_disk / "stox.redb")}
    with town:
        town.proxy.always_answers(200)
        juliet = town.xmpp_user("juliet")
        fill_up(small_disk)
        asks_to_see(juliet, town, range(1, 221))
        until(lambda: any("No space left" in alarm for alarm in town.stox.status()["alarms"]), "the alarm is raised",
              within=30)
        juliet.logout()
        assert town.stox.stop() == 1
        town.stox.complains("ERROR", "not on disk, and lost with this process", "records of users", "No space left")


def test_nobody_else_may_read_what_is_on_disk(town):
    def mode(path):
        return oct(path.stat().st_mode & 0o777)
    assert (mode(store(town)), mode(journal(town))) == ("0o600", "0o600")
    town.stox.stop()
    for path in (store(town), journal(town)):
        path.chmod(0o644)       # as an earlier version left them
    town.stox.start()
    assert (mode(store(town)), mode(journal(town))) == ("0o600", "0o600")
    town.stox.stop()
    octets = bytearray(store(town).read_bytes())
    octets[64:4096] = os.urandom(4096 - 64)
    store(town).write_bytes(octets)
    town.stox.start()
    [aside] = store(town).parent.glob("stox.redb.damaged-*")
    assert (mode(aside), mode(store(town))) == ("0o600", "0o600")


def test_texts_do_not_stay_in_the_journal(town, people):
    """They are gone a minute after the end of their messages, and after a stop at once."""
    proxy = town.proxy
    deaf_to_messages(proxy)
    juliet = people.xmpp("juliet")
    juliet.says("read by nobody else", to="romeo@sip.xmpp.test")
    request = proxy.gets("MESSAGE")
    until(lambda: b"read by nobody else" in journal(town).read_bytes(), "it is in the journal")
    proxy.answers_late(request, 200)
    until(lambda: town.stox.status()["gauges"]["messages_in_journal"] == 0, "it has ended")
    until(lambda: b"read by nobody else" not in journal(town).read_bytes(), "it has left the journal", within=70, every=1)
    juliet.says("nor is this", to="romeo@sip.xmpp.test")
    request = proxy.gets("MESSAGE")
    until(lambda: b"nor is this" in journal(town).read_bytes(), "it is in the journal")
    proxy.answers_late(request, 200)
    until(lambda: town.stox.status()["gauges"]["messages_in_journal"] == 0, "it has ended")
    assert town.stox.stop() == 0
    assert b"nor is this" not in journal(town).read_bytes()


def test_a_store_that_is_taken_away_is_made_anew_with_all_that_is_known(small_disk, people):
    """After a failure the store is opened again; where the file is gone, all goes into the new one."""
    town = Town(scripted_proxy=True)
    town.stox.config["store"] = {"path": str(small_disk / "stox.redb")}
    with town:
        town.proxy.always_answers(200)
        juliet = town.xmpp_user("juliet")
        asks_to_see(juliet, town, range(1, 21))
        fill_up(small_disk)
        (small_disk / "stox.redb").rename(small_disk / "elsewhere.redb")
        asks_to_see(juliet, town, range(21, 221))
        until(lambda: any("store" in alarm for alarm in town.stox.status()["alarms"]), "the alarm is raised", within=30)
        (small_disk / "filler").unlink()
        (small_disk / "elsewhere.redb").unlink()
        until(lambda: not town.stox.status()["alarms"], lambda: f"the alarm is over: {town.stox.status()['alarms']}")
        town.stox.complains("WARN", "a new store is begun")
        juliet.logout()
        assert town.stox.stop() == 0
        town.stox.start()
        assert town.stox.status()["gauges"]["presence_pairs"] == 220
