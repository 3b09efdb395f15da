"""What the operator sees: status, clear words about mistakes, a clean end."""

import pytest

from harness.kamailio import Kamailio
from harness.lab import Lab
from harness.prosody import Prosody
from harness.stox import Stox
from harness.town import SECRET
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
