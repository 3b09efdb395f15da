"""The component link with TLS from the first octet."""

import pytest

from harness.certificates import Certificates
from harness.tls_front import TlsFront
from harness.town import Town

PORT = 5348


@pytest.fixture
def town():
    town = Town()
    server = town.xmpp_server
    town.certificates = Certificates(town.stox.folder / "certificates", server.address, "xmpp.test")
    town.stox.config["xmpp"]["server"] = f"{server.address}:{PORT}"
    town.stox.config["xmpp"]["tls"] = {"ca_file": str(town.certificates.authority)}
    front = TlsFront((server.address, PORT), (server.address, 5347), town.certificates)
    with town:
        yield town
    front.stop()


def test_they_talk_over_tls(town, juliet, romeo):
    juliet.says("in private", to="romeo@sip.xmpp.test")
    romeo.hears("in private")
    romeo.says("likewise", to="juliet@xmpp.test")
    juliet.hears("likewise")

    # the server's certificate must be for the name that is configured
    town.stox.stop()
    town.stox.config["xmpp"]["tls"]["name"] = "another.test"
    town.stox.launch_with_config()
    town.stox.complains("xmpp.tls", "certificate")
