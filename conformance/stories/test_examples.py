"""The examples do what they say: they are what operators copy."""

import os
import subprocess

import pytest

from harness.lab import Lab
from harness.prosody import Prosody
from harness.stox import REPOSITORY, binary
from harness.waiting import until

EXAMPLES = REPOSITORY / "examples"
TAKEN = ("cannot be used", "held by another lab")


def test_the_quickstart():
    """Its addresses are fixed, so another run on this machine may have to end first."""
    def finished():
        run = subprocess.run([EXAMPLES / "quickstart/run", "--once"], env=environment(), capture_output=True, text=True,
                             timeout=120, check=False)
        return None if any(word in run.stderr for word in TAKEN) else run

    run = until(finished, "its addresses are free", within=120, every=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert 'romeo reads, from sip:juliet@xmpp.test' in run.stdout
    assert 'juliet reads, from romeo@sip.xmpp.test' in run.stdout


@pytest.mark.parametrize("file", ["quickstart/stox.yaml", "one-domain/stox.yaml"])
def test_a_configuration_passes_the_check(file, tmp_path):
    copy = tmp_path / "stox.yaml"
    copy.write_text((EXAMPLES / file).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "component-secret").write_text("s3cret\n", encoding="utf-8")
    checked = subprocess.run([binary(), "check", "--config", copy], capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_kamailio_route_loads(tmp_path):
    route = (EXAMPLES / "kamailio-route.cfg").read_text(encoding="utf-8")
    (tmp_path / "route.cfg").write_text(route.replace("/etc/kamailio/dispatcher.list", str(EXAMPLES / "dispatcher.list")),
                                        encoding="utf-8")
    modules = "".join(f'loadmodule "{name}.so"\n' for name in ("tm", "tmx", "sl", "pv", "textops"))
    (tmp_path / "kamailio.cfg").write_text(
        f'#!KAMAILIO\nlisten=udp:127.0.0.1:5099\n{modules}include_file "{tmp_path}/route.cfg"\n'
        'request_route { route(TO_XMPP); sl_send_reply("404", "Not Found"); }\n', encoding="utf-8")
    checked = subprocess.run(["kamailio", "-c", "-f", tmp_path / "kamailio.cfg"], capture_output=True, text=True,
                             timeout=30, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_prosody_component_loads():
    snippet = (EXAMPLES / "prosody-component.cfg.lua").read_text(encoding="utf-8")
    with Lab() as lab:
        prosody = Prosody(lab)
        prosody.more_configuration = snippet
        prosody.start()
        assert "'component' on" in prosody.log_text() and "error" not in prosody.log_text()


def environment():
    return {**os.environ, "STOX_BIN": str(binary())}
