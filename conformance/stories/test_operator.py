"""What the operator sees: status, clear words about mistakes, a clean end."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from harness.kamailio import Kamailio
from harness.lab import Lab
from harness.prosody import Prosody
from harness.sip_ua import Answer
from harness.stox import Stox, binary
from harness.town import SECRET, Town
from harness.waiting import until


@pytest.fixture(scope="module")
def lab():
    with Lab() as lab:
        yield lab


@pytest.fixture(scope="module")
def prosody(lab):
    server = Prosody(lab, components={"sip.xmpp.test": SECRET})
    server.add_account("juliet", "xmpp.test", "julietpw")
    return server.start()


@pytest.fixture(scope="module")
def kamailio(lab):
    return Kamailio(lab).start()


@pytest.fixture
def stox(lab, prosody, kamailio, request):
    """Not started yet; each story has a folder, and so a log, of its own."""
    name = request.node.name.removeprefix("test_")[:24]
    gateway = Stox(lab, name=name, components=[("sip.xmpp.test", prosody.component_address, SECRET)],
                   peers={"core": kamailio.uri},
                   domains=[("sip.xmpp.test", "sip.test"), ("xmpp.test", "xmpp.test")])
    yield gateway
    gateway.stop()


def test_status_shows_links_and_peers(stox):
    stox.start()
    status = stox.status()
    assert status["version"]
    assert status["uptime_s"] >= 0
    assert [(link["component"], link["state"], link["error"]) for link in status["links"]] == [
        ("sip.xmpp.test", "up", None)]
    assert [(peer["name"], peer["state"]) for peer in status["peers"]] == [("core", "up")]
    assert all(isinstance(count, int) for count in status["counters"].values())


def test_a_peer_that_is_away(stox, kamailio):
    stox.config["sip"].update(options_interval="1s", t1="50ms")      # an OPTIONS is lost after 64 T1
    stox.start()
    kamailio.stop()
    try:
        stox.waits_for_peer("core", "down")
    finally:
        kamailio.start()
    stox.waits_for_peer("core", "up")


def test_sigterm_ends_it_well(stox):
    stox.start()
    assert stox.stop() == 0


def test_status_says_that_nothing_runs(stox):
    stox.write_config()
    assert stox.run_command("status", "--json", within=20).returncode != 0


def test_a_good_configuration_passes_the_check(stox):
    checked = stox.check("--connect")
    assert checked.returncode == 0, checked.stderr


def test_a_wrong_secret_is_named(stox):
    stox.config["xmpp"]["secret"] = "wr0ng"
    stox.launch_with_config()
    line = stox.complains("xmpp.secret")
    assert "wr0ng" not in stox.log_text() and SECRET not in stox.log_text(), "a secret in the log"
    assert "sip.xmpp.test" in line
    assert stox.check("--connect").returncode != 0


def test_a_wrong_port_is_named(stox, prosody):
    stox.config["xmpp"]["server"] = f"{prosody.address}:5999"
    stox.launch_with_config()
    line = stox.complains("server", "5999")
    assert "refuse" in line.lower()
    assert stox.check("--connect").returncode != 0


def test_a_name_that_does_not_resolve_is_named(stox):
    stox.config["xmpp"]["server"] = "xmpp-server.invalid:5347"
    stox.launch_with_config()
    stox.complains("server", "xmpp-server.invalid", within=30)


def test_an_unknown_key_is_named(stox):
    stox.config["sip"]["listenn"] = []
    stox.launch_with_config()
    assert stox.wait_for_exit(within=20) != 0
    stox.complains("listenn")


def test_a_secret_from_a_file_and_from_the_environment(stox):
    secret_file = stox.folder / "secret"
    secret_file.write_text(SECRET + "\n", encoding="utf-8")
    del stox.config["xmpp"]["secret"]
    stox.config["xmpp"]["secret_file"] = "secret"
    stox.start()
    stox.stop()

    del stox.config["xmpp"]["secret_file"]
    stox.config["xmpp"]["secret"] = "${LAB_SECRET}"
    stox.more_environment = {"LAB_SECRET": SECRET}
    stox.start()


def test_the_address_is_taken(stox, lab):
    other = Stox(lab, name="the-second", components=[("sip.xmpp.test", "127.0.0.1:1", SECRET)],
                 peers={"core": "sip:127.0.0.1:9"}, domains=[("sip.xmpp.test", "sip.test"), ("xmpp.test", "xmpp.test")])
    stox.start()
    other.launch_with_config()
    assert other.wait_for_exit(within=20) != 0
    other.complains("listen")
    until(lambda: stox.status(), "the first goes on")


def scrape(url, method="GET"):
    """Status, media type and text of one request."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.headers.get("Content-Type"), answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, None, ""


def samples(text):
    """Series to value, as Prometheus reads them; every family is introduced by HELP and TYPE."""
    found, introduced = {}, set()
    for line in text.splitlines():
        if line.startswith("# "):
            _, word, name, *_ = line.split(" ", 3)
            assert word in ("HELP", "TYPE")
            introduced.add((word, name))
            continue
        series, value = line.rsplit(" ", 1)
        name = series.split("{")[0]
        assert {("HELP", name), ("TYPE", name)} <= introduced, line
        assert series not in found, line
        found[series] = float(value)
    return found


def series(name, **labels):
    inner = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inner}}}" if inner else name


def test_metrics_while_messages_flow_and_rules_change():
    town = Town(rules="rules")
    town.stox.config["metrics"] = {"listen": f"{town.stox.address}:9478"}
    with town:
        url = f"http://{town.stox.address}:9478/metrics"

        def now():
            status, media_type, text = scrape(url)
            assert status == 200
            assert media_type == "text/plain; version=0.0.4; charset=utf-8"
            return samples(text)

        juliet, romeo = town.xmpp_user("juliet"), town.sip_user("romeo")
        taken = series("stox_messages_total", direction="xmpp_to_sip", outcome="taken")
        confirmed = series("stox_messages_total", direction="sip_to_xmpp", outcome="confirmed")
        before = now()
        digest = town.stox.status()["rules"]["digest"]
        assert before[series("stox_rules_info", digest=digest)] == 1
        assert before[series("stox_component_link_up", component=town.component)] == 1
        assert before[series("stox_sip_peer_up", peer="core")] == 1
        assert before["process_resident_memory_bytes"] > 0
        for number in range(20):
            juliet.says(f"to romeo {number}", to=town.jid_of("romeo"))
            romeo.says(f"to juliet {number}", to=town.uri_of("juliet"))
            romeo.hears(f"to romeo {number}")
            juliet.hears(f"to juliet {number}")
            after = now()
        assert after[confirmed] == before[confirmed] + 20
        until(lambda: now()[taken] == before[taken] + 20, "every message is counted")

        folder = town.stox.folder / "rules"
        folder.mkdir()
        (folder / "messages.yaml").write_text("rules: 1\n", encoding="utf-8")
        os.kill(town.stox.pid, signal.SIGHUP)
        until(lambda: now()["stox_rules_reload_failures_total"] == 1, "the mistake is counted")
        assert now()[series("stox_rules_info", digest=digest)] == 1
        assert now()["stox_alarms"] == 1
        (folder / "messages.yaml").write_text(SUBJECT, encoding="utf-8")
        os.kill(town.stox.pid, signal.SIGHUP)
        until(lambda: now()["stox_rules_reloads_total"] == 2, "the new rules are counted")
        numbers = now()
        assert numbers["stox_rules_reload_failures_total"] == 1
        assert numbers["stox_alarms"] == 0
        assert series("stox_rules_info", digest=digest) not in numbers
        new = town.stox.status()["rules"]["digest"]
        assert numbers[series("stox_rules_info", digest=new)] == 1

        told = town.stox.run_command("status", "--metrics", within=20)
        assert told.returncode == 0
        assert set(samples(told.stdout)) == set(numbers)
        # Who asks and does not read, or does not ask to the end, keeps nobody from the numbers.
        slow = [socket.create_connection((town.stox.address, 9478)) for _ in range(40)]
        for number, stream in enumerate(slow):
            stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"\r\n" * (number % 2))
        begun = time.monotonic()
        assert set(now()) == set(numbers)
        assert time.monotonic() - begun < 4, "before any of them was given up"
        for stream in slow:
            stream.close()
        assert scrape(url.replace("/metrics", "/"))[0] == 404
        assert scrape(url, method="POST")[0] == 405
        assert scrape(url, method="HEAD") == (200, "text/plain; version=0.0.4; charset=utf-8", "")
        juliet.stop()
        romeo.stop()


SUBJECT = "rules:\n  - { name: town, when: { direction: to_sip }, set: { Subject: Verona } }\n"
TEST = """tests:
  - name: the subject
    xmpp: { from: juliet@example.com, to: romeo@example.net, body: hello }
    expect: { subject: EXPECTED }
"""


def test_rules_that_break_their_promise_do_not_serve(stox):
    folder = stox.folder / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    stox.config["rules"] = "rules"
    (folder / "messages.yaml").write_text(SUBJECT + TEST.replace("EXPECTED", "wrong"), encoding="utf-8")
    stox.launch_with_config()
    assert stox.wait_for_exit(within=20) != 0
    stox.complains("FAILED the subject", "messages.yaml")
    stox.complains("+ subject: Verona")
    checked = stox.check()
    assert checked.returncode != 0
    assert "FAILED the subject" in checked.stderr
    assert "1 test of the rules failed" in checked.stderr
    (folder / "messages.yaml").write_text(SUBJECT + TEST.replace("EXPECTED", "Verona"), encoding="utf-8")
    stox.start()


@pytest.mark.parametrize("text", ["my notes\n", ""])
def test_what_stands_at_the_admin_socket_and_is_none_is_left_alone(stox, text):
    precious = stox.folder / "precious.txt"
    precious.write_text(text, encoding="utf-8")
    stox.config["admin"] = {"socket": "precious.txt"}
    checked = stox.check()
    assert checked.returncode == 1
    assert "admin.socket" in checked.stderr and "is no socket" in checked.stderr and "move it away" in checked.stderr
    stox.launch_with_config()
    assert stox.wait_for_exit(within=20) != 0
    stox.complains("admin.socket", "is no socket")
    assert precious.read_text(encoding="utf-8") == text
    # The place that nobody named is looked at as well.
    del stox.config["admin"]
    default = stox.folder / "var" / "stox.sock"
    default.write_text(text, encoding="utf-8")
    stox.launch_with_config()
    assert stox.wait_for_exit(within=20) != 0
    stox.complains("admin.socket", "that is no socket: move it away")
    assert default.read_text(encoding="utf-8") == text


def test_a_mistake_beside_a_secret_does_not_show_it(stox):
    """The harness writes each section in one line, the secret with it."""
    stox.config["xmpp"].update(secret="TOPSECRET1", timeuot="3s")
    stox.config["sip"]["peers"][0]["auth"] = {"username": "stox", "password": "TOPSECRET2", "relm": "x"}
    checked = stox.check()
    assert checked.returncode == 1 and "TOPSECRET" not in checked.stderr + checked.stdout
    for word in ("timeuot", "relm"):
        shown = checked.stderr.splitlines()
        at = next(number for number, line in enumerate(shown) if word in line and " | " in line)
        caret = shown[at + 1].split("^")
        assert shown[at][len(caret[0]):].lstrip('"').startswith(word), "\n".join(shown[at:at + 2])
    stox.launch_with_config()
    assert stox.wait_for_exit(within=20) != 0
    stox.complains("timeuot")
    assert "TOPSECRET" not in stox.log_text()


@pytest.mark.parametrize("value", ["verbose", "stox=debug", "2"])
def test_a_wrong_log_level_is_told(stox, value):
    stox.more_environment = {"STOX_LOG": value}
    stox.launch_with_config()
    assert stox.wait_for_exit(within=20) == 1
    stox.complains("STOX_LOG", value, "write error, warn, info or debug")


@pytest.mark.parametrize("value", ["", " Info ", "WARNING"])
def test_a_log_level_as_people_write_it(stox, value):
    stox.more_environment = {"STOX_LOG": value}
    before = stox.log_text().count("serving") if stox.log_path.exists() else 0
    stox.start()
    assert stox.log_text().count("serving") - before == (value != "WARNING")


def test_two_peers_of_one_name(stox):
    stox.config["sip"]["peers"].append({"name": "core", "uri": "sip:127.0.0.77"})
    checked = stox.check()
    assert checked.returncode == 1 and "two peers are called core" in checked.stderr


def test_signals_that_mean_nothing_end_nothing(stox):
    stox.start()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        os.kill(stox.pid, number)
        stox.complains(signal.Signals(number).name, "means nothing here")
    assert stox.status()["in_service"]
    assert stox.stop() == 0


def reload(stox):
    return subprocess.run([binary(), "rules", "reload", "--config", stox.config_path], cwd=stox.folder,
                          capture_output=True, text=True, timeout=30, check=False)


def test_a_reload_without_rules_says_so(stox):
    stox.start()
    reloaded = reload(stox)
    assert reloaded.returncode == 1
    assert "without `rules`" in reloaded.stdout + reloaded.stderr


def test_a_reload_tells_that_the_configuration_has_changed(stox):
    (stox.folder / "rules").mkdir()
    stox.config["rules"] = "rules"
    stox.start()
    assert "has changed" not in reload(stox).stdout
    stox.config["limits"] = {"queue": 1000}
    stox.write_config()
    reloaded = reload(stox)
    assert reloaded.returncode == 0
    assert "stox.yaml has changed since the start: restart to take it" in reloaded.stdout + reloaded.stderr
    os.kill(stox.pid, signal.SIGHUP)
    stox.complains("WARN", "has changed since the start")


def test_a_user_who_is_none_is_not_removed(stox):
    stox.start()
    for wrong, why in {"nobody@nowhere.test": "does not serve that domain", "juliet@xmpp.test": "an XMPP user",
                       "garbage": "does not serve that domain", "romeo@sip.xmpp.test/t1": "without a device",
                       "sip.xmpp.test": "name a user", "nobody@sip.xmpp.test": "nothing to remove"}.items():
        removed = stox.run_command("remove", wrong, within=20)
        assert removed.returncode == 1 and why in removed.stderr, (wrong, removed.stderr)


def test_translate_refuses_what_the_gateway_refuses(stox):
    stox.write_config()
    message = stox.folder / "message"
    head = "MESSAGE sip:juliet@xmpp.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.13;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n" \
           "From: <sip:romeo@evil.test>;tag=1\r\nTo: <sip:juliet@xmpp.test>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n" \
           "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    message.write_text(head, encoding="utf-8", newline="")
    shown = stox.run_command("translate", str(message), within=20).stdout
    assert "SIP/2.0 403" in shown and "is not served here" in shown and "hello" not in shown
    message.write_text("<message type='chat' from='juliet@other.test/a' to='romeo@sip.xmpp.test' id='1'>"
                       "<body>hello</body></message>", encoding="utf-8")
    shown = stox.run_command("translate", str(message), within=20).stdout
    assert "forbidden" in shown and "MESSAGE sip:" not in shown


class TestALogThatNobodyReads:
    """Standard error is a pipe that stands still: the gateway goes on, and counts what it drops."""

    @pytest.fixture
    def town(self):
        with Town(scripted_proxy=True) as town:
            yield town

    def test_holds_nobody_up(self, town):
        town.proxy.always_answers(200)
        town.stox.stop()
        deaf, mouth = os.pipe()
        stox = subprocess.Popen([binary(), "run", "--config", town.stox.config_path], cwd=town.stox.folder,
                                env={**os.environ, "STOX_LOG": "debug"}, stderr=mouth, stdout=subprocess.DEVNULL)
        try:
            os.close(mouth)
            town.stox.waits_for_link("up")
            juliet = town.xmpp_user("juliet")
            for number in range(1_000):         # 64 KiB is what a pipe holds
                juliet.says(f"message {number}", to=f"user{number % 50}@sip.xmpp.test")
            until(lambda: town.stox.counter("xmpp_to_sip_taken") == 1_000, "all have arrived", within=60)
            assert town.stox.status()["in_service"]
            began = time.monotonic()
            stox.send_signal(signal.SIGTERM)
            assert stox.wait(15) == 0 and time.monotonic() - began < 12
        finally:
            stox.kill()
            stox.wait()
            os.close(deaf)
        town.stox.start()

    def test_a_second_signal_ends_it_at_once(self, town):
        town.proxy.always_answers(lambda request: Answer(None if request.method == "MESSAGE" else 200))
        juliet = town.xmpp_user("juliet")
        juliet.says("never answered", to="romeo@sip.xmpp.test")
        town.proxy.gets("MESSAGE")
        os.kill(town.stox.pid, signal.SIGTERM)
        town.stox.complains("stopping")
        began = time.monotonic()
        os.kill(town.stox.pid, signal.SIGINT)
        assert town.stox.wait_for_exit(within=3) == 0
        assert time.monotonic() - began < 3
        town.stox.complains("told to stop again")
