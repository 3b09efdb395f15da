"""Prosody, the XMPP server: c2s on port 5222, components on port 5347, clear text on loopback."""

from pathlib import Path

from . import lab as addresses
from .process import Process, listens
from .template import write


MODULES = Path(__file__).parent / "prosody_modules"


class Prosody(Process):
    name = "prosody"

    def __init__(self, lab, hosts=("xmpp.test",), components=None, octet=addresses.PROSODY, name=None):
        """`components` maps a component's name to its secret."""
        super().__init__(lab, name)
        self.address = lab.address(octet)
        self.hosts = list(hosts)
        self.components = dict(components or {})
        self.more_configuration = ""

    def add_account(self, user, host, password):
        """Accounts are plain files: no prosodyctl (0.6 s each), and they may come while the server runs."""
        self._write_data(host, "accounts", user, f"return {{\n\t[\"password\"] = {lua_string(password)};\n}};\n")

    def forget_offline_messages(self, user, host):
        """So that one story's undelivered messages do not greet the next one's user."""
        (self._data_folder(host, "offline") / f"{lua_name(user)}.list").unlink(missing_ok=True)

    @property
    def component_address(self):
        return f"{self.address}:5347"

    def before_start(self):
        sections = [f'VirtualHost "{host}"' for host in self.hosts]
        sections += [
            f'Component "{name}"\n  component_secret = {lua_string(secret)}'
            for name, secret in self.components.items()
        ]
        write(self.folder / "prosody.cfg.lua", "prosody.cfg.lua", folder=self.folder, address=self.address,
              modules=MODULES, hosts="\n".join([*sections, self.more_configuration]))
        for name in ("data", "certs"):
            (self.folder / name).mkdir(exist_ok=True)

    def command(self):
        return ["prosody", "-F", "--config", self.folder / "prosody.cfg.lua"]

    def ready(self):
        return listens(self.address, 5222) and listens(self.address, 5347)

    def _data_folder(self, host, store):
        return self.folder / "data" / lua_name(host) / store

    def _write_data(self, host, store, user, text):
        folder = self._data_folder(host, store)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{lua_name(user)}.dat").write_text(text, encoding="utf-8")


def lua_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def lua_name(name):
    """File names of Prosody's internal storage: every octet that is not a letter or digit as %xx."""
    return "".join(chr(octet) if chr(octet).isalnum() and octet < 128 else f"%{octet:02x}" for octet in name.encode())
