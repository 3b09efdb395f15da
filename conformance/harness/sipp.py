"""SIPp, a SIP traffic generator with a state machine of its own."""

import csv
import subprocess
from pathlib import Path

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="MESSAGE">
  <send retrans="500">
    <![CDATA[
MESSAGE {to} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:{user}@{domain}>;tag=[pid]SIPp[call_number]
To: <{to}>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Content-Type: text/plain
Content-Length: [len]

[call_number]]]>
  </send>
  <recv response="100" optional="true"/>
  <recv response="200"/>
</scenario>
"""


class Sipp:
    def __init__(self, lab, target, user, domain, to):
        self.folder = Path(lab.folder) / "sipp"
        self.folder.mkdir(exist_ok=True)
        self.address, self.target = lab.next_address(), target
        scenario = SCENARIO.format(user=user, domain=domain, to=to)
        (self.folder / "message.xml").write_text(scenario, encoding="utf-8")

    def sends(self, count, rate=200, within=60):
        """Runs the scenario so often; what its own statistics say."""
        statistics = self.folder / "statistics.csv"
        finished = subprocess.run(
            ["sipp", f"{self.target[0]}:{self.target[1]}", "-sf", "message.xml", "-i", self.address, "-p", "5060",
             "-m", str(count), "-r", str(rate), "-nostdin", "-trace_stat", "-stf", statistics],
            cwd=self.folder, capture_output=True, text=True, timeout=within, check=False)
        if finished.returncode not in (0, 1):
            raise AssertionError(f"sipp: {finished.stdout[-1500:]}{finished.stderr[-1500:]}")
        with open(statistics, encoding="utf-8") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        names = {"successful": "SuccessfulCall(C)", "failed": "FailedCall(C)", "retransmitted": "Retransmissions(C)"}
        return {name: int(last[column]) for name, column in names.items()}
