"""The stage: one town with a relay in each of its two links, the people on both sides, and what befalls them."""

import os
import re
import select
import threading
import time

from harness.process import PeerFailed
from harness.prosody import lua_name
from harness.sip_ua import TIMER_F, spoken_text
from harness.town import Town, password_of
from harness.waiting import TooLate

import plan
from component_relay import ComponentRelay
from datagram_relay import DatagramRelay
from ledger import Arrival, ToSip, Told, ToXmpp
from xmpp_client import Gone, XmppClient

LINK_RELAY, PEER_RELAY, GATEWAY_RELAY = 21, 22, 23      # last octets of the relays' addresses
PATIENCE_MS = 30_000                                    # the proxy's, as Kamailio has it by default
JOURNALLED = re.compile(rb"\bx\d{6}\b")
STORED = re.compile(rb"\bs\d{6}\b")


class Stage:
    """Open it, let `play` run, ask `quiet` until it is, and close it."""

    def __init__(self, seed, ledger):
        self.seed, self.ledger = seed, ledger
        self.town = town = Town(patience_ms=PATIENCE_MS)
        address = town.lab.address
        for name in plan.XMPP_PEOPLE:
            town.xmpp_server.add_account(name, town.xmpp_domain, password_of(name))
        # as long as RFC 3261 §17.2.2 wants it (Timer J): a copy must meet its transaction
        town.kamailio.defines.append("WITH_TIMER_J")
        town.stox.more_environment["STOX_LOG"] = "debug"
        town.stox.config["xmpp"].update(confirm_timeout="2s", barrier_timeout="10s")     # as the stalls are planned
        town.stox.config["xmpp"]["server"] = f"{address(LINK_RELAY)}:5347"
        town.stox.config["sip"]["peers"] = [{"name": "core", "uri": f"sip:{address(PEER_RELAY)}:5060;transport=udp"}]
        town.kamailio.domains.append(address(PEER_RELAY))
        self.link = self.datagrams = None
        self.clients, self.agents = {}, {}
        self._over = threading.Event()
        self._threads = []

    def open(self):
        town, address = self.town, self.town.lab.address
        server = (town.xmpp_server.address, 5347)
        self.link = ComponentRelay((address(LINK_RELAY), 5347), server, self.ledger)
        self.datagrams = DatagramRelay((address(PEER_RELAY), 5060), town.stox.target, (address(GATEWAY_RELAY), 5060),
                                       town.kamailio.target, self.seed, self.ledger)
        for relay in (self.link, self.datagrams):
            town.lab.adopt(relay)
        town.xmpp_server.start()
        town.kamailio.routes = {town.xmpp_in_sip: f"sip:{address(GATEWAY_RELAY)}:5060;transport=udp"}
        town.kamailio.start()
        town.stox.start()
        for name in plan.XMPP_PEOPLE:
            self.clients[name] = XmppClient(name, town.xmpp_domain, password_of(name), (town.xmpp_server.address, 5222))
            town.lab.adopt(self.clients[name].start())
        for name in plan.SIP_PEOPLE:
            self.agents[name] = town.sip_user(name)
        for client in self.clients.values():
            if not client.waits_online(10):
                raise TooLate(f"{client.name} cannot log in\n{town.logs()}")
        return self

    def close(self):
        self._over.set()
        for agent in self.agents.values():
            try:
                agent.stop()
            except AssertionError:
                pass            # its faults are in the ledger
        self.town.close()

    # the play

    def play(self, lines, blows=None, from_now=0.0):
        """Let everybody write what the plan has for them, and let the blows fall; returns when all was said."""
        start = time.monotonic() + from_now
        speakers = {}
        for line in lines:
            key = line.sender if line.way == "x" else (line.sender, line.target)
            speakers.setdefault(key, []).append(line)
        speaking = [self._thread(self._speak, start, theirs) for theirs in speakers.values()]
        falling = [self._thread(self._strike, start, theirs) for theirs in (blows or {}).values()]
        for thread in falling + speaking:
            while thread.is_alive():
                thread.join(timeout=0.5)

    def mend(self):
        """Everything runs again, and no datagram is lost any more."""
        self.link.go_on()
        self.datagrams.calm_down()
        self.town.stox.waits_for_link("up")
        for client in self.clients.values():
            if not client.waits_online(10):
                raise TooLate(f"{client.name} does not come back\n{self.town.logs()}")

    def collect(self):
        """Put what the people got into the ledger."""
        entries = self.ledger.entries
        for entry in list(entries.values()):
            entry.arrivals.clear()
            if isinstance(entry, ToSip):
                entry.told.clear()
        for client in self.clients.values():
            for place, heard in enumerate(list(client.received)):
                self._collect_heard(place, heard)
        for agent in self.agents.values():
            for place, request in enumerate(list(agent.received)):
                text = spoken_text(request) if request.method == "MESSAGE" else ""
                entry = entries.get(text[:7])
                if entry is not None:
                    key = (request_branch(request), request.call_id, str(request.cseq[0]), request.from_tag)
                    entry.arrivals.append(Arrival(request.seen_at, key, text, place))

    def _collect_heard(self, place, heard):
        if heard.type == "error":
            entry = self.ledger.entries.get(heard.id)
            if entry is not None:
                entry.told.append(Told(heard.at, heard.condition, heard.words))
            return
        entry = self.ledger.entries.get((heard.body or "")[:7])
        if entry is not None:
            entry.arrivals.append(Arrival(heard.at, (heard.id,), heard.body, place, heard.connection))

    def faults(self):
        """What nobody may put on a wire."""
        found = [f"{agent.user}: {fault}" for agent in self.agents.values() for fault in agent.faults]
        return found + self.link.faults

    # helpers

    def _thread(self, what, *arguments):
        thread = threading.Thread(target=what, args=arguments, daemon=True)
        thread.start()
        return thread

    def _wait_until(self, moment):
        self._over.wait(max(0.0, moment - time.monotonic()))
        return not self._over.is_set()

    def _speak(self, start, lines):
        for line in lines:
            if not self._wait_until(start + line.at):
                return
            if line.way == "x":
                self._say_in_xmpp(line)
            else:
                self._say_in_sip(line)

    def _say_in_xmpp(self, line):
        """A client that is not online waits until it is: the message counts from then on."""
        client = self.clients[line.sender]
        # half of the conversations have a thread, and with it one Call-ID
        threaded = (plan.XMPP_PEOPLE.index(line.sender) + plan.SIP_PEOPLE.index(line.target)) % 2
        thread = f"{line.sender}-{line.target}-{self.seed}" if threaded else None
        entry = ToSip(line, time.monotonic(), thread=thread)
        while client.waits_online(60) and not self._over.is_set():
            entry.sent_at = time.monotonic()
            self.ledger.begin(entry)
            try:
                entry.connection = client.says(line.text, self.town.jid_of(line.target), line.token, thread)
                return
            except Gone:
                del self.ledger.entries[line.token]
        self.ledger.fault(f"{line.sender} did not come online again to say {line.token}")

    def _say_in_sip(self, line):
        """One message of a conversation at a time (RFC 3428 §8)."""
        agent = self.agents[line.sender]
        entry = self.ledger.begin(ToXmpp(line, time.monotonic()))
        transaction = agent.sends(line.text, self.town.uri_of(line.target), content_type="text/plain; charset=utf-8",
                                  call_id=f"{line.token}-{self.seed}@{agent.address}")
        try:
            entry.status = transaction.wait(TIMER_F + 0.5).status
            entry.told = [] if entry.status < 300 else [Told(time.monotonic(), str(entry.status))]
        except TooLate:
            entry.told = [Told(time.monotonic(), "timer F")]
        entry.final_at = time.monotonic()

    # blows

    def _strike(self, start, blows):
        for blow in blows:
            if not self._wait_until(start + blow.at):
                return
            try:
                getattr(self, f"_strike_{blow.target}")(blow)
            except (TooLate, PeerFailed) as trouble:
                self.ledger.fault(f"{blow.target} after {blow.kind}: {trouble}")

    def _strike_stox(self, blow):
        stox = self.town.stox
        self._end("stox", blow, stox, lambda: frozenset(tokens(stox.folder / "var/stox.journal", JOURNALLED)))
        self._over.wait(blow.lasts)
        stox.launch()

    def _strike_prosody(self, blow):
        prosody = self.town.xmpp_server
        stored = prosody.folder / "data" / lua_name(self.town.xmpp_domain) / "offline"
        self._end("prosody", blow, prosody,
                  lambda: frozenset(token for path in stored.glob("*.list") for token in tokens(path, STORED)))
        self._over.wait(blow.lasts)
        prosody.start()

    def _strike_kamailio(self, blow):
        """The registrar forgets everybody: they register again."""
        kamailio = self.town.kamailio
        self._end("kamailio", blow, kamailio, frozenset)
        self._over.wait(blow.lasts)
        kamailio.start()
        for agent in self.agents.values():
            agent.register(within=10)

    def _end(self, what, blow, process, kept):
        if not process.running:
            self.ledger.fault(f"{what} had ended by itself\n{process.log_tail()}")
        end = self.ledger.end(what, blow.kind)
        watch = self._thread(note_death, process.pid, end)
        code = process.kill() if blow.kind == "kill" else process.stop()
        watch.join()
        end.kept = kept()
        if blow.kind == "stop" and what == "stox" and code != 0:
            self.ledger.fault(f"stox ended with {code} on SIGTERM\n{process.log_tail()}")

    def _strike_link(self, blow):
        end = self.ledger.end("link", blow.kind)
        if "stall" in blow.kind:
            self.link.stall()
            self._over.wait(blow.lasts)
        if "cut" in blow.kind:
            self.link.cut()
        self.link.go_on()
        end.ended = time.monotonic()


def note_death(pid, end):
    """Waiting for a child looks now and then; this is told at once."""
    try:
        process = os.pidfd_open(pid)
    except (ProcessLookupError, TypeError):
        end.ended = time.monotonic()        # it had ended by itself
        return
    select.select([process], [], [])
    end.ended = time.monotonic()
    os.close(process)


def request_branch(request):
    """The branch of the request's own sender: that of the last Via."""
    return re.search(r";branch=([^;,\s]+)", request.vias[-1]).group(1)


def tokens(path, pattern):
    octets = path.read_bytes() if path.exists() else b""
    return {token.decode() for token in pattern.findall(octets)}
