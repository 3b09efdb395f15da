"""ejabberd, the other XMPP server: c2s on port 5222, components on port 5347.

Started as an Erlang runtime of its own without distribution: no epmd, no cookie, nothing shared with the machine.
"""

from pathlib import Path

from . import lab as addresses
from .process import PeerFailed, Process, listens
from .template import write

READY = "accounts are in place"


class Ejabberd(Process):
    name = "ejabberd"
    # Three of them at once beside two compilers took more than a minute.
    start_within = 180.0
    stop_within = 20.0

    def __init__(self, lab, hosts=("ejab.test",), components=None, accounts=(), octet=addresses.EJABBERD, name=None):
        """`accounts` are (user, host, password); they are made while the server starts."""
        super().__init__(lab, name)
        self.address = lab.address(octet)
        self.hosts = list(hosts)
        self.components = dict(components or {})
        self.accounts = list(accounts)

    @property
    def component_address(self):
        return f"{self.address}:5347"

    def before_start(self):
        hosts = [f'  - "{host}"' for host in self.hosts]
        components = [f'      "{name}":\n        password: "{secret}"' for name, secret in self.components.items()]
        write(self.folder / "ejabberd.yml", "ejabberd.yml",
              address=self.address, hosts="\n".join(hosts), components="\n".join(components) or "      {}")
        (self.folder / "spool").mkdir(exist_ok=True)
        self.log_path.unlink(missing_ok=True)       # the ready line of an earlier start must not count

    def environment(self):
        return {
            "ERL_LIBS": str(erlang_libraries()),
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
            "SPOOL_DIR": str(self.folder / "spool"),
            "HOME": str(self.folder),
        }

    def command(self):
        accounts = ", ".join(
            f'ejabberd_auth:try_register(<<"{user}">>, <<"{host}">>, <<"{password}">>)'
            for user, host, password in self.accounts
        )
        then = f'{accounts + ", " if accounts else ""}io:format("{READY}~n")'
        return ["erl", "-noinput", "+K", "true", "-mnesia", "dir", f'"{self.folder}/spool"',
                "-s", "ejabberd", "-eval", f"{then}."]

    def ready(self):
        return READY in self.log_text() and listens(self.address, 5222) and listens(self.address, 5347)


def erlang_libraries():
    """The folder that holds Debian's ejabberd; its name depends on the machine's architecture."""
    for found in sorted(Path("/usr/lib").glob("*/ejabberd-[0-9]*")):
        return found.parent
    raise PeerFailed("ejabberd is not installed: run conformance/install")
