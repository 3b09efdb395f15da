"""Kamailio's own xmpp module as a gateway, to measure stox against.

COMPAT: the module of Debian's kamailio-xmpp-modules 5.6.3 ends the process at the first start tag: it looks for the
end of the parser's list of attributes by an empty name, where that list ends with a null pointer. A copy that tests
the pointer is made in a scratch folder; what is installed stays as it is.
"""

import re
import subprocess
from pathlib import Path

from harness.process import PeerFailed, Process

HERE = Path(__file__).parent
INSTALLED = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
PLACES = 8

# x86-64: load the next attribute's name into rsi, compare its first octet with 0, branch on equal or not equal.
READS_THROUGH_NULL = re.compile(rb"(\x48\x8b(?:\x33|\x34.|\x75\x00|\x74.\x00))\x80\x3e\x00(?=[\x74\x75])", re.DOTALL)
TEST_THE_POINTER = rb"\1" + b"\x48\x85\xf6"


class NotThisModule(Exception):
    """The installed module is not the one whose fault is known."""


def mended_module(folder):
    """A copy of the module that can be used; the folder that it is in."""
    source = INSTALLED / "xmpp.so"
    if not source.is_file():
        raise NotThisModule(f"{source} is missing: run conformance/install kamailio kamailio-xmpp-modules")
    mended, places = READS_THROUGH_NULL.subn(TEST_THE_POINTER, source.read_bytes())
    if places != PLACES:
        raise NotThisModule(f"{source} has {places} of the {PLACES} places that are to be mended: another version?")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "xmpp.so").write_bytes(mended)
    return folder


def command(folder, memory_manager=None, template="rival.cfg", **marks):
    """The command line of one run; `marks` fill in the template."""
    folder = Path(folder)
    modules = f"{mended_module(folder / 'modules')}/:{INSTALLED}/"
    text = (HERE / template).read_text(encoding="utf-8")
    for name, value in {**marks, "modules": modules}.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    config = folder / template
    config.write_text(text, encoding="utf-8")
    manager = ["-x", memory_manager] if memory_manager else []
    # With less shared memory it loses messages silently once that is full.
    return ["kamailio", "-DD", "-E", "-m", "2048", *manager, "-Y", str(folder), "-f", str(config)]


class Database(Process):
    """MariaDB, which the rival's presence modules keep their subscriptions in."""

    name = "mariadb"
    octet = 17
    tables = Path("/usr/share/kamailio/mysql")

    def __init__(self, lab):
        super().__init__(lab)
        self.address = lab.address(self.octet)
        self.socket = self.folder / "socket"

    def before_start(self):
        made = subprocess.run(
            ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={self.folder / 'data'}", "--skip-test-db",
             "--auth-root-authentication-method=normal"], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise PeerFailed(f"mariadb-install-db: {made.stderr}")

    def command(self):
        # Nothing waits for the disk.
        return ["mariadbd", "--no-defaults", "--user=root", f"--datadir={self.folder / 'data'}",
                f"--socket={self.socket}", f"--bind-address={self.address}", "--innodb-flush-log-at-trx-commit=0"]

    def ready(self):
        return self._says("SELECT 1").returncode == 0

    def empties(self):
        """Empty tables: the rival remembers subscriptions over its runs."""
        said = self._says(
            "DROP DATABASE IF EXISTS kamailio; DROP USER IF EXISTS kam@'%'; CREATE DATABASE kamailio; "
            "CREATE USER kam@'%' IDENTIFIED BY 'kam'; GRANT ALL ON kamailio.* TO kam@'%'; USE kamailio;\n"
            f"SOURCE {self.tables}/standard-create.sql;\nSOURCE {self.tables}/presence-create.sql;\n")
        if said.returncode != 0:
            raise PeerFailed(f"mariadb: {said.stderr}")

    def _says(self, statements):
        return subprocess.run(["mariadb", "--no-defaults", "-S", self.socket, "-u", "root"], input=statements,
                              capture_output=True, text=True, check=False)
