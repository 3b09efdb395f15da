"""profanity in a terminal (tmux): what it shows is read from the screen."""

import re
import subprocess
import time

from harness.process import PeerFailed, Process
from harness.waiting import until

from ..client import Client, Shown

# One line of the screen for one message, the longest too, and room for all that a conversation has.
WIDTH, HEIGHT = 2300, 300

# 17:59:44 - romeo@sip.xmpp.test/desk: the text
SAID = re.compile(r"^\d\d:\d\d:\d\d - (?P<who>[^\s/:]+@[^\s/:]+)(?P<device>/[^\s:]*)?: (?P<text>.*)$")
ASKS = re.compile(r"(?P<who>[^\s*]+@\S+) Authorization request|Received authorization request from (?P<other>\S+)")
FAILED = re.compile(r"^\d\d:\d\d:\d\d - Error from (?P<who>\S+): (?P<words>.*)$")
STATE = re.compile(r"^ ?(?P<who>\S+@\S+)\s.*?\[(?P<state>online|away|xa|dnd|chat|offline)\]")
STATES = {"chat": "online", "xa": "away", "dnd": "busy"}
CONSOLE = " Profanity."     # its title
CONSOLE_EVERY = 0.7         # s; one goes there and back by keys
LOGGED_IN = "logged in successfully"


class Profanity(Client):
    program = "profanity 0.13.1"
    side = "xmpp"
    packages = ("deb:profanity", "deb:tmux")
    cannot = {
        "subject": "it sets subjects in rooms alone",
        "picture": "it uploads a file by itself (XEP-0363), and sends a given link as text",
        "typing": "it sends no typing notices unless /outtype is switched on",
        "reads": "it sends no receipts unless /receipts send is switched on",
    }

    _terminal = None

    def start(self):
        user = self.address.split("@")[0]
        self._terminal = Terminal(self.lab, f"profanity-{user}", WIDTH, HEIGHT)
        self._contact = None
        self._kept = []             # what was shown before a logout
        self._failures, self._looked_at = [], 0.0
        self._accepted = set()
        write_settings(self._terminal.folder, self.address, self.password, self.server)
        self._terminal.start()
        self._terminal.runs("profanity", "-a", self.address)
        until(lambda: LOGGED_IN in self._screen(), lambda: f"profanity logs in: {self._screen()[-2000:]}", every=0.1)
        return self

    def stop(self):
        if self._terminal:
            self._terminal.keeps_screen()
            self._terminal.kill()

    # contacts

    def adds(self, contact):
        self._orders(f"/roster add {contact}")
        self._orders(f"/sub request {contact}")
        self._opens(contact)

    def asked_by(self):
        asked = [found["who"] or found["other"] for found in ASKS.finditer(self._screen())]
        return [contact for contact in dict.fromkeys(asked) if contact not in self._accepted]

    def accepts(self, contact):
        self._accepted.add(contact)
        self._orders(f"/sub allow {contact}")

    def contact_state(self, contact):
        title = STATE.match(self._lines()[0])
        if not title or title["who"] != contact:
            return None
        return STATES.get(title["state"], title["state"])

    # messages

    def says(self, contact, text, subject=None):
        self._opens(contact)
        self._orders(text)

    def shown(self):
        """A window may be empty again after a logout."""
        lines = [Shown(said["who"], said["text"]) for said in map(SAID.match, self._lines()) if said]
        return lines if lines[:len(self._kept)] == self._kept else self._kept + lines

    def failures(self):
        """It tells them in its console."""
        if self._contact and time.monotonic() - self._looked_at > CONSOLE_EVERY:
            self._goes("M-1", lambda title: title.startswith(CONSOLE))
            self._failures = [("", found["words"]) for found in map(FAILED.match, self._lines()) if found]
            self._goes("M-2", lambda title: not title.startswith(CONSOLE))
            self._looked_at = time.monotonic()
        return self._failures

    # presence on the network

    def signs_out(self):
        self._kept = self.shown()
        self._orders("/disconnect")

    def comes_back(self):
        self._goes("M-1", lambda title: title.startswith(CONSOLE))
        before = self._screen().count(LOGGED_IN)
        self._orders(f"/connect {self.address}")
        until(lambda: self._screen().count(LOGGED_IN) > before, "profanity logs in again", every=0.1)
        contact, self._contact = self._contact, None        # it shows its console after a login
        if contact:
            self._opens(contact)

    # helpers

    def _opens(self, contact):
        """Bring the window of the contact to the front; all that is shown in it stays on the screen."""
        if self._contact != contact:
            self._orders(f"/msg {contact}")
            self._contact = contact

    def _orders(self, line):
        self._terminal.types(line)
        self._terminal.presses("Enter")

    def _goes(self, key, arrived):
        """To another window; it is there when the title is its own and the rest is drawn."""
        self._terminal.presses(key)
        seen = [""]

        def drawn():
            before, seen[0] = seen[0], self._screen()
            return arrived(seen[0].split("\n")[0]) and seen[0] == before
        until(drawn, f"profanity goes to the window of {key}", every=0.05)

    def _screen(self):
        return self._terminal.screen()

    def _lines(self):
        return self._screen().splitlines() or [""]


class Terminal(Process):
    """A tmux server of its own with one program in it."""

    def __init__(self, lab, name, width, height):
        super().__init__(lab, name)
        self._width, self._height = width, height

    def command(self):
        return ["tmux", *self._server(), "-D"]

    def environment(self):
        # a tmux that surrounds this run is none of its business
        return {"HOME": str(self.folder), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TMUX": "", "XDG_DATA_HOME": "",
                "XDG_CONFIG_HOME": "", "TERM": "screen-256color"}

    def ready(self):
        return (self.folder / "tmux").exists()

    def runs(self, *words):
        self._tmux("new-session", "-d", "-s", "one", "-x", str(self._width), "-y", str(self._height), *words)

    def types(self, text):
        self._tmux("send-keys", "-t", "one", "-l", "--", text)

    def presses(self, key):
        self._tmux("send-keys", "-t", "one", key)

    def screen(self):
        """What is on it now, blanks at the ends of lines left out."""
        return "\n".join(line.rstrip() for line in self._tmux("capture-pane", "-t", "one", "-p").splitlines())

    def keeps_screen(self):
        """In its log, for whoever looks for a fault."""
        if self.running:
            with open(self.log_path, "a", encoding="utf-8") as log:
                log.write(self.screen())

    def _server(self):
        return "-u", "-S", str(self.folder / "tmux"), "-f", "/dev/null"

    def _tmux(self, *words):
        done = subprocess.run(["tmux", *self._server(), *words], env={"PATH": "/usr/bin:/bin", **self.environment()},
                              capture_output=True, timeout=20, check=False)
        if done.returncode:
            raise PeerFailed(f"{self.name}: tmux {words[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout.decode("utf-8", "replace")


def write_settings(folder, address, password, server):
    """An account as /account add and /account set leave it."""
    accounts = folder / ".local/share/profanity/accounts"
    accounts.parent.mkdir(parents=True, exist_ok=True)
    accounts.write_text(
        f"[{address}]\nenabled=true\njid={address}\nresource=profanity\npassword={password}\nserver={server[0]}\n"
        f"port={server[1]}\ntls.policy=disable\npresence.last=online\npresence.login=online\n", encoding="utf-8")
    settings = folder / ".config/profanity/profrc"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[ui]\nsplash=false\n", encoding="utf-8")
