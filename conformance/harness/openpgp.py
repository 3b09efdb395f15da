"""OpenPGP messages made by GnuPG, with a key that lives as long as the `with` block."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path


class OpenPgp:
    def __enter__(self):
        self._home = Path(tempfile.mkdtemp(prefix="stox-gpg-"))     # short: the agent's socket is in it
        self._home.chmod(0o700)
        self._gpg("--passphrase", "", "--quick-generate-key", "xmpp:romeo@sip.xmpp.test", "ed25519", "sign,cert", "2d")
        listed = self._gpg("--list-keys", "--with-colons").decode()
        print_of = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        self._gpg("--passphrase", "", "--quick-add-key", print_of, "cv25519", "encr", "2d")
        return self

    def __exit__(self, *_):
        subprocess.run(["gpgconf", "--kill", "all"], env=self._environment(), check=False, timeout=30)
        shutil.rmtree(self._home, ignore_errors=True)

    def encrypts(self, text):
        """An armoured message."""
        return self._gpg("--encrypt", "--armor", "--recipient", "xmpp:romeo@sip.xmpp.test", octets=text.encode()).decode()

    def signs(self, text):
        """An armoured detached signature."""
        return self._gpg("--passphrase", "", "--detach-sign", "--armor", octets=text.encode()).decode()

    def _gpg(self, *arguments, octets=b""):
        command = ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", "--trust-model", "always", *arguments]
        done = subprocess.run(command, input=octets, env=self._environment(), capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def _environment(self):
        return {**os.environ, "GNUPGHOME": str(self._home)}


def bare(armour):
    """The base64 of an armoured block, without its frame: what XEP-0027 and XEP-0373 carry."""
    _, _, body = armour.replace("\r\n", "\n").partition("\n\n")
    return "".join(line for line in body.splitlines() if line and not line.startswith(("-", "=")))
