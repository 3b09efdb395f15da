"""A proxy that listens on UDP alone, and requests that are too large for that (RFC 3261 §18.1.1)."""

import pytest

from harness.town import Town

TEXT = "wherefore art thou " * 100


@pytest.fixture(scope="module")
def town():
    town = Town(scripted_proxy=True, rules="rules")
    folder = town.stox.folder / "rules"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "messages.yaml").write_text("to_sip: { max_request_octets: 20000 }\n", encoding="utf-8")
    with town:
        yield town


def test_arch_006_what_is_too_large_goes_by_udp_where_tcp_is_refused(town, juliet):
    town.proxy.always_answers(200)
    for number in range(3):
        juliet.says(f"{number} {TEXT}", to="romeo@sip.xmpp.test")
        heard = town.proxy.hears(f"{number} {TEXT}")
        assert len(heard.raw) > 1_300
        assert heard.vias[0].startswith("SIP/2.0/UDP ")
    # TCP was tried once: the others knew.
    assert town.stox.counter("sip_large_by_udp") == 1
    assert town.stox.log_tail(200).count("SIP peer takes no TCP: large requests go by UDP") == 1
    assert town.stox.counter("xmpp_to_sip_failed") == 0
