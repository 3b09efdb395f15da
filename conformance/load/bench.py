"""Gateways under the load generator: how each is started, one run, and its report."""

import json
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import rival  # noqa: E402 (the path above makes them visible)
from harness.lab import KAMAILIO, PROSODY, STOX  # noqa: E402
from harness.stox import Stox  # noqa: E402

GENERATOR_TARGET = HERE.parents[1] / "target/load"
COMPONENT, XMPP_DOMAIN, SIP_DOMAIN, SECRET = "sip.xmpp.test", "xmpp.test", "sip.test", "s3cret"
DIRECTIONS = ("xmpp-to-sip", "sip-to-xmpp")
ARROWS = {"xmpp-to-sip": "XMPP to SIP", "sip-to-xmpp": "SIP to XMPP"}
RUN_AT_MOST = 1800
# No pause between two documents, and SUBSCRIBE as fast as may be: what is measured is the work.
FAST = {"notify_interval": "0s", "subscribe_rate": 1_000_000, "subscribe_rate_per_user": 1_000_000}
DISTURBED = 0.15


def build():
    """The generator, built apart from the gateway."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--manifest-path", HERE / "Cargo.toml", "--target-dir",
         GENERATOR_TARGET], check=True)
    return GENERATOR_TARGET / "release/stox-load"


class Bench:
    """One lab's addresses, the gateways in it, and the reports."""

    def __init__(self, lab, generator, options):
        self.lab, self.generator, self.options = lab, generator, options
        self.reports = []
        self.database = None        # what the rival's presence modules need

    @property
    def transports(self):
        return self.options.transport or ["udp", "tcp"]

    def measure(self, gateway, transport, direction, *pacing, count=None):
        """One run with a gateway of its own, again if others disturb it; the report of the quietest."""
        words = ["--count", count or self.options.count, *(pacing or ("--window", self.options.window))]
        report = None
        for _ in range(self.options.tries):
            wait_for_idle_machine(self.options.wait)
            tried = self.generate(transport, direction, words, self.command(gateway, transport))
            report = min(report or tried, tried, key=lambda one: one["others"])
            if report["others"] < DISTURBED:
                break
        note(f"{gateway:12} {transport} {ARROWS[direction]}: {summary(report['directions'][0])}, "
             f"{report['gateway']['cpu_s_per_1000']['total']:.4f} CPU s per 1000, others {report['others']:.0%}")
        self.reports.append({"gateway": gateway, **report})
        return report

    def generate(self, transport, direction, words, command=()):
        return self.play("messages", ["--direction", direction, "--transport", transport, *words], command)

    def presence(self, gateway, scenario, *words, **settings):
        """One run of a scenario with presence; `settings` are keys of stox's section `presence`."""
        if gateway == "stox":
            more = {"presence": {**FAST, **settings}, "limits": {"pairs_per_user": 1_000_000, "pending_per_user": 1_000_000,
                                                                     "dialogs_per_user": 1_000_000}}
            command = self.command(gateway, "udp", **more)
        else:
            self.database.empties()
            command = rival.command(self.lab.folder / "rival", "fm" if gateway.endswith("fm") else None,
                                    "rival_presence.cfg", database=self.database.address, **self.marks())
            words = ["--xmpp-in-sip", self.lab.address(STOX), *words]
        report = self.play(scenario, words, command)
        note(f"{gateway:12} {scenario}: {'passed' if report['passed'] else report['faults']}")
        self.reports.append({"gateway": gateway, **report})
        return report

    def play(self, scenario, words, command=()):
        """The generator's report of one run."""
        first = ["nice", "-n", self.options.nice] if self.options.nice is not None else []
        line = [*first, self.generator, scenario, "--json", "--quiet", "--report-only",
                "--xmpp-listen", f"{self.lab.address(PROSODY)}:5347",
                "--sip-listen", f"{self.lab.address(KAMAILIO)}:5060", "--gateway", f"{self.lab.address(STOX)}:5060",
                "--component", COMPONENT, "--secret", SECRET, "--gateway-log", self.lab.folder / "gateway.log",
                *words]
        if command:
            line += ["--", *command]
        finished = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=RUN_AT_MOST,
                                  check=False)
        if finished.returncode != 0:
            log = self.lab.folder / "gateway.log"
            tail = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
            sys.exit(f"{' '.join(map(str, line))}\n{finished.stderr}\n{tail}")
        return json.loads(finished.stdout)

    def command(self, gateway, transport, **more):
        if gateway == "stox":
            name = f"stox-{transport}-{len(self.reports)}"
            peer = f"sip:{self.lab.address(KAMAILIO)}:5060;transport={transport}"
            stox = Stox(self.lab, name=name, components=[(COMPONENT, f"{self.lab.address(PROSODY)}:5347", SECRET)],
                        peers={"core": peer}, domains=[(COMPONENT, SIP_DOMAIN), (XMPP_DOMAIN, XMPP_DOMAIN)], **more)
            stox.write_config()
            return stox.command()
        return rival.command(self.lab.folder / "rival", "fm" if gateway.endswith("fm") else None, transport=transport,
                             **self.marks())

    def marks(self):
        return {"address": self.lab.address(STOX), "xmpp_address": self.lab.address(PROSODY),
                "sip_address": self.lab.address(KAMAILIO), "component": COMPONENT, "xmpp_domain": XMPP_DOMAIN,
                "sip_domain": SIP_DOMAIN, "secret": SECRET}

    def save(self):
        if self.options.json:
            self.options.json.write_text(json.dumps(self.reports, indent=1), encoding="utf-8")


def wait_for_idle_machine(at_most):
    """Until others leave nine tenths of the processors' time, if that comes soon enough."""
    def spent():
        fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4], sum(fields)
    end = time.monotonic() + at_most
    while time.monotonic() < end:
        busy, total = spent()
        time.sleep(0.5)
        busy_later, total_later = spent()
        if busy_later - busy < 0.1 * (total_later - total):
            return


def summary(one):
    return f"{one['rate']:,.0f} messages/s, p50 {one['latency_ms']['p50']:.2f} ms"


def note(text):
    print(text, file=sys.stderr, flush=True)
