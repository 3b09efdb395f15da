"""Starts the three servers from the files beside this one, and lets an XMPP user and two SIP users talk and see each other."""

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "conformance"))

from harness.kamailio import Kamailio  # noqa: E402 (the path above makes it visible)
from harness.lab import KAMAILIO, PROSODY, STOX, Lab  # noqa: E402
from harness.process import PeerFailed  # noqa: E402
from harness.prosody import Prosody  # noqa: E402
from harness.stox import Stox  # noqa: E402
from harness.waiting import TooLate  # noqa: E402
from harness.xmpp_user import XmppUser  # noqa: E402
from reader import CpimReader  # noqa: E402
from talk import JULIET, JULIET_URI, TracedBaresip, explain, say, see, talk  # noqa: E402

BLOCK = "127.0.0"
PASSWORD = "secret"
ROMEO_ADDRESS, MERCUTIO_ADDRESS = f"{BLOCK}.31", f"{BLOCK}.32"
ADDRESSES = (
    (PROSODY, 5222, "tcp"), (PROSODY, 5347, "tcp"), (KAMAILIO, 5060, "udp"), (KAMAILIO, 5060, "tcp"),
    (STOX, 5060, "udp"), (STOX, 5060, "tcp"), (31, 5060, "udp"), (31, 4444, "tcp"), (32, 5060, "udp"),
)

ATTACH = f"""
Everything is up. To join with clients of your own on this machine:

  XMPP   JID       juliet@xmpp.test     password {PASSWORD}
         server    {BLOCK}.{PROSODY} port 5222, no TLS
         write to  romeo@sip.xmpp.test, or add that to the roster

  SIP    account   sip:romeo@sip.test   password {PASSWORD} (any other user name works too)
         proxy     {BLOCK}.{KAMAILIO} port 5060, UDP or TCP, also the registrar
         write to  sip:juliet@xmpp.test

  state  {{stox}} status --config {{config}}
  logs   {{logs}}

Ctrl-C stops all of it.
"""


class FromFile:
    """A peer that runs with this folder's file, copied to where it may write."""

    config_file = None

    def before_start(self):
        self.config_copy = Path(shutil.copy(HERE / self.config_file, self.folder))


class QuickProsody(FromFile, Prosody):
    config_file = "prosody.cfg.lua"

    def before_start(self):
        super().before_start()
        for name in ("data", "certs"):
            (self.folder / name).mkdir(exist_ok=True)

    def register(self, user, host):
        subprocess.run(["prosodyctl", "--config", self.config_copy, "register", user, host, PASSWORD],
                       check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=30)


class QuickKamailio(FromFile, Kamailio):
    config_file = "kamailio.cfg"


class QuickStox(FromFile, Stox):
    config_file = "stox.yaml"

    def __init__(self, lab):
        super().__init__(lab, components=[("", "", "")], peers={}, domains=[])

    def before_start(self):
        super().before_start()
        (self.folder / "var").mkdir(exist_ok=True)


def main():
    once = "--once" in sys.argv[1:]
    try:
        refuse_taken_addresses()
        with Lab(block=BLOCK) as lab:
            stox = start_servers(lab)
            meet(lab, stox)
            if not once:
                print(ATTACH.format(stox=stox.command()[0], config=stox.config_path, logs=f"{lab.folder}/*/output.log"))
                wait_for_the_end()
    except (PeerFailed, TooLate, AssertionError, OSError) as trouble:
        print(f"quickstart: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say("everything is stopped")
    return 0


def wait_for_the_end():
    sys.stdout.flush()
    try:
        signal.pause()
    except KeyboardInterrupt:       # Ctrl-C, or SIGTERM, which the lab turns into the same
        say("stopping")


def start_servers(lab):
    prosody = QuickProsody(lab)
    say(f"Prosody on {prosody.address}")
    prosody.start()
    prosody.register("juliet", "xmpp.test")
    kamailio = QuickKamailio(lab)
    say(f"Kamailio on {kamailio.address}")
    kamailio.start()
    stox = QuickStox(lab)
    say(f"stox on {stox.address}")
    stox.start()
    link, peer = stox.status()["links"][0], stox.status()["peers"][0]
    say(f"  component {link['component']} is {link['state']}, proxy {peer['name']} is {peer['state']}")
    return stox


def meet(lab, stox):
    """Brings the three together, and sees that every word arrives."""
    say(f"juliet@xmpp.test logs in (slixmpp); mercutio@sip.test (reads message/cpim) and romeo@sip.test (baresip, bare "
        f"text) register from {MERCUTIO_ADDRESS} and {ROMEO_ADDRESS}")
    proxy = (f"{BLOCK}.{KAMAILIO}", 5060)
    juliet = XmppUser(JULIET, PASSWORD, (f"{BLOCK}.{PROSODY}", 5222)).login()
    mercutio = CpimReader("sip:mercutio@sip.test", MERCUTIO_ADDRESS, proxy, password=PASSWORD).register()
    romeo = TracedBaresip(lab, "sip:romeo@sip.test", proxy, [JULIET_URI],
                          address=ROMEO_ADDRESS, password=PASSWORD, presence="answers").start()
    try:
        talk(juliet, mercutio, romeo)
        print()
        see(juliet, romeo)
        explain(stox)
        say("every message arrived")
    finally:
        juliet.logout()
        romeo.stop()
        mercutio.stop()


def refuse_taken_addresses():
    for octet, port, protocol in ADDRESSES:
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as probe:
            if protocol == "tcp":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((f"{BLOCK}.{octet}", port))
            except OSError as trouble:
                raise PeerFailed(
                    f"{protocol} {BLOCK}.{octet}:{port} cannot be used ({trouble.strerror}). Is another quickstart, or "
                    "a server on all addresses, running? Look with: ss -lntup") from None


if __name__ == "__main__":
    sys.exit(main())
