"""The examples do what they say: they are what operators copy."""

import os
import re
import subprocess

import pytest

from harness.kamailio import Kamailio
from harness.lab import Lab
from harness.prosody import Prosody
from harness.sip_presence import PresenceAgent
from harness.sip_ua import SipUser
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
    talks = run.stdout.split("\n--- ")[1:]
    titles = [talk.split(":")[0] for talk in talks]
    assert titles == ["mercutio -> juliet", "juliet -> mercutio", "juliet -> romeo", "romeo -> juliet"]
    forms = [re.search(r"^SIP  [|] Content-Type: (\S+)", talk, re.MULTILINE).group(1) for talk in talks]
    assert forms == ["message/cpim", "message/cpim", "text/plain", "text/plain"]
    assert all(re.search(r"^XMPP [|] <message ", talk, re.MULTILINE) for talk in talks)
    assert "every message arrived" in run.stdout
    assert 'romeo sees sip:juliet@xmpp.test: "Online"' in run.stdout
    assert 'juliet sees romeo@sip.xmpp.test/' in run.stdout


@pytest.mark.parametrize("file", ["quickstart/stox.yaml", "one-domain/stox.yaml"])
def test_a_configuration_passes_the_check(file, tmp_path):
    copy = tmp_path / "stox.yaml"
    copy.write_text((EXAMPLES / file).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "component-secret").write_text("s3cret\n", encoding="utf-8")
    checked = subprocess.run([binary(), "check", "--config", copy], capture_output=True, text=True, timeout=30,
                             check=False)
    assert checked.returncode == 0, checked.stderr


class ProxyWithRoute(Kamailio):
    """A proxy that has nothing but the example's route, with two scripted gateways in its list."""

    def before_start(self):
        gateways = [self.lab.address(20), self.lab.address(21)]
        (self.folder / "dispatcher.list").write_text(
            "".join(f"1 sip:{address}:5060;transport=udp 0 {10 - index}\n" for index, address in enumerate(gateways)),
            encoding="utf-8")
        route = (EXAMPLES / "kamailio-route.cfg").read_text(encoding="utf-8")
        route = route.replace("/etc/kamailio/dispatcher.list", str(self.folder / "dispatcher.list"))
        (self.folder / "route.cfg").write_text(route, encoding="utf-8")
        modules = "".join(f'loadmodule "{name}.so"\n' for name in ("tm", "tmx", "sl", "rr", "pv", "textops", "siputils", "kex", "corex"))
        (self.folder / "kamailio.cfg").write_text(
            f"#!KAMAILIO\nlisten=udp:{self.address}:5060\nlisten=tcp:{self.address}:5060\nlog_stderror=yes\n"
            f"children=2\ntcp_children=1\ndns=no\nrev_dns=no\nauto_aliases=no\n{modules}"
            f'include_file "{self.folder}/route.cfg"\n'
            "request_route {\n"
            '    if (has_totag() && loose_route()) { if (is_method("SUBSCRIBE|NOTIFY")) record_route(); t_relay(); exit; }\n'
            '    route(TO_XMPP);\n    sl_send_reply("200", "OK");\n}\n', encoding="utf-8")


def test_the_kamailio_route_fails_over():
    with Lab() as lab:
        first, second = (scripted_gateway(lab, octet) for octet in (20, 21))
        proxy = ProxyWithRoute(lab).start()
        romeo = SipUser("sip:romeo@sip.test", lab.next_address(), proxy.target)

        romeo.says("both are well", to="juliet@xmpp.example.com")
        first.hears("both are well")

        first.answers(503)
        romeo.says("the first cannot", to="juliet@xmpp.example.com")
        second.hears("the first cannot")

        first.always_answers(404)
        romeo.says("a no is a no", to="juliet@xmpp.example.com", expect=404)
        assert second.unheard() == []
        first.stop()
        second.stop()
        romeo.stop()


def test_the_kamailio_route_records_itself_in_subscriptions():
    with Lab() as lab:
        proxy = ProxyWithRoute(lab)
        gateway = PresenceAgent("sip:gateway@sip.test", lab.address(20), proxy.target, behind_proxy=False)
        proxy.start()
        romeo = PresenceAgent("sip:romeo@sip.test", lab.next_address(), proxy.target)
        watch = romeo.watches("sip:juliet@xmpp.example.com")
        sight = gateway.is_asked()
        assert f"<sip:{proxy.address};lr" in sight.routes[0]
        sight.notifies("pending;expires=600")
        assert watch.hears("pending").vias[0].startswith(f"SIP/2.0/UDP {proxy.address}")
        gateway.stop()
        romeo.stop()


def test_the_kamailio_route_stops_senders_that_a_comparison_of_text_passes_over():
    with Lab() as lab:
        gateway = scripted_gateway(lab, 20)
        proxy = ProxyWithRoute(lab).start()
        romeo = SipUser("sip:romeo@sip.test", lab.next_address(), proxy.target)
        request = {"to": "sip:juliet@xmpp.example.com", "body": b"forged", "content_type": "text/plain"}
        for sender in ("sip:romeo@SIP.TEST", "sip:romeo@sip.test.", "im:romeo@sip.test", "pres:romeo@sip.test",
                       "sip:sip.test"):
            assert romeo.asks("MESSAGE", from_uri=sender, **request).status == 403, sender
        in_a_dialog = romeo.asks("MESSAGE", to_header="<sip:juliet@xmpp.example.com>;tag=x", **request)
        assert in_a_dialog.status == 481
        romeo.says("plain", to="juliet@xmpp.example.com")
        gateway.hears("plain")
        assert len(gateway.received) == 1, gateway.received
        gateway.stop()
        romeo.stop()


def scripted_gateway(lab, octet):
    return SipUser("sip:gateway@sip.test", lab.address(octet), behind_proxy=False)


def test_the_prosody_component_loads():
    snippet = (EXAMPLES / "prosody-component.cfg.lua").read_text(encoding="utf-8")
    with Lab() as lab:
        prosody = Prosody(lab)
        prosody.more_configuration = snippet
        prosody.start()
        until(lambda: "'component' on" in prosody.log_text(), "the component port is announced")
        assert "error" not in prosody.log_text()


def environment():
    return {**os.environ, "STOX_BIN": str(binary())}
