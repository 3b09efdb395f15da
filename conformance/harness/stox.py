"""The gateway under test, as an operator runs it: a configuration file, one process, the status command."""

import json
import os
import subprocess
from pathlib import Path

from . import lab as addresses
from .process import PeerFailed, Process
from .waiting import PATIENCE, until

REPOSITORY = Path(__file__).resolve().parents[2]
BUILT = (REPOSITORY / "target/release/stox", REPOSITORY / "target/debug/stox")
ANSWER_WITHIN = 20


def binary():
    """STOX_BIN, else what cargo built."""
    named = os.environ.get("STOX_BIN")
    for candidate in [Path(named).resolve()] if named else BUILT:
        if candidate.is_file():
            return candidate
    raise PeerFailed("no stox to test: set STOX_BIN or run cargo build --release")


class Stox(Process):
    name = "stox"
    start_within = 30.0

    def __init__(self, lab, components, peers, domains, octet=addresses.STOX, name=None, sip=None, **more):
        """
        `components` are (name, server, secret); `peers` maps a name to a SIP URI; `domains` are (xmpp, sip) pairs;
        `sip` adds keys to that section, and further sections come by their names.
        """
        super().__init__(lab, name)
        self.more_environment = {}
        self.address = lab.address(octet)
        self.config = {
            "xmpp": xmpp_section(components),
            "sip": {
                "listen": [f"udp:{self.address}:5060", f"tcp:{self.address}:5060"],
                "peers": [{"name": peer, "uri": uri} for peer, uri in peers.items()],
                **(sip or {}),
            },
            "domains": [{"xmpp": xmpp, "sip": sip} for xmpp, sip in domains],
            "store": {"path": "var/stox.redb"},
            **more,
        }

    @property
    def target(self):
        return self.address, 5060

    @property
    def uri(self):
        return f"sip:{self.address}:5060"

    @property
    def config_path(self):
        return self.folder / "stox.yaml"

    # as an operator

    def status(self):
        """What `stox status --json` prints; None while nothing answers."""
        answer = self.run_command("status", "--json", within=ANSWER_WITHIN)
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def counter(self, name):
        return self.status()["counters"].get(name, 0)

    def check(self, *options):
        """`stox check`, finished: exit code, stdout, stderr."""
        self.write_config()
        return self.run_command("check", *options, within=60)

    def run_command(self, command, *options, within):
        return subprocess.run(
            [binary(), command, "--config", self.config_path, *options], cwd=self.folder,
            env={**os.environ, **self.environment()}, capture_output=True, text=True, timeout=within, check=False,
        )

    def waits_for_link(self, state, within=30):
        """Until every component link is in that state ("up", "connecting", "down")."""
        def reached():
            status = self.status()
            return status and all(link["state"] == state for link in status["links"])
        until(reached, lambda: f"every link is {state}: {self.status()}\n{self.log_tail()}", within=within, every=0.1)

    def waits_for_peer(self, name, state, within=60):
        def reached():
            status = self.status()
            return status and any(peer["name"] == name and peer["state"] == state for peer in status["peers"])
        until(reached, lambda: f"peer {name} is {state}: {self.status()}\n{self.log_tail()}", within=within, every=0.1)

    def complains(self, *words, within=PATIENCE):
        """A line on stderr that holds all the words; the line."""
        def line():
            for candidate in self.log_text().splitlines():
                if all(word in candidate for word in words):
                    return candidate
            return None
        return until(line, lambda: f"stox says {words}\n{self.log_tail()}", within=within)

    def launch_with_config(self):
        """Start it without waiting until it is ready: for configurations that never will be."""
        self.write_config()
        self.launch()

    # Process

    def before_start(self):
        self.write_config()

    def write_config(self):
        """Each section as one line of flow-style YAML, which JSON is."""
        (self.folder / "var").mkdir(exist_ok=True)
        lines = [f"{key}: {json.dumps(value)}" for key, value in self.config.items()]
        self.config_path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def environment(self):
        # a name that does not resolve must not cost the resolver's long default time
        return {"RES_OPTIONS": "timeout:1 attempts:1", **self.more_environment}

    def command(self):
        return [binary(), "run", "--config", self.config_path]

    def ready(self):
        status = self.status()
        return bool(status) and all(link["state"] == "up" for link in status["links"]) \
            and all(peer["state"] == "up" for peer in status["peers"])


def xmpp_section(components):
    links = [{"component": name, "server": server, "secret": secret} for name, server, secret in components]
    return links[0] if len(links) == 1 else {"components": links}


