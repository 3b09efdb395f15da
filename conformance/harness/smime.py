"""S/MIME with `openssl cms`: people who sign, encrypt, verify and decrypt for themselves (RFC 8551)."""

import re
import subprocess


class SmimePerson:
    """A key and a certificate of one's own; `uri` is the name in it (RFC 3923 §6.3)."""

    def __init__(self, folder, name, uri):
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key = folder / f"{name}.pem", folder / f"{name}-key.pem"
        self._folder = folder
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-addext", f"subjectAltName=URI:{uri}", "-keyout", self._key,
                "-out", self.certificate)

    def signs(self, content):
        """multipart/signed around a MIME entity: its header block on one line each, and its body, lines in CRLF."""
        made = openssl("cms", "-sign", *self._signer(), "-outform", "SMIME", octets=content)
        head, _, body = made.replace(b"\r\n", b"\n").partition(b"\n\n")
        content_type = re.search(rb"(?im)^content-type: (.*(?:\n[ \t].*)*)", head).group(1)
        return b" ".join(content_type.split()).decode(), body.rstrip(b"\n").replace(b"\n", b"\r\n")

    def signs_opaque(self, content):
        """The DER of a SignedData around the content."""
        return openssl("cms", "-sign", "-binary", "-nodetach", *self._signer(), "-outform", "DER", octets=content)

    def encrypts(self, content, whom):
        """The DER of an EnvelopedData for another one."""
        return openssl("cms", "-encrypt", "-binary", "-aes128", "-outform", "DER", whom.certificate, octets=content)

    def decrypts(self, der):
        return openssl("cms", "-decrypt", "-binary", "-inform", "DER", "-recip", self.certificate, "-inkey", self._key,
                       octets=der)

    def verifies(self, content_type, body, by):
        """What `by` has signed; an AssertionError when the signature does not hold."""
        whole = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode() + body
        return openssl("cms", "-verify", "-inform", "SMIME", *self._trust(by), octets=whole)

    def verifies_opaque(self, der, by):
        return openssl("cms", "-verify", "-binary", "-inform", "DER", *self._trust(by), octets=der)

    def _signer(self):
        # short: a MESSAGE has 1300 octets in all
        return "-signer", self.certificate, "-inkey", self._key, "-nocerts", "-noattr"

    @staticmethod
    def _trust(by):
        return "-certfile", by.certificate, "-CAfile", by.certificate, "-purpose", "any"


def openssl(*arguments, octets=b""):
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, input=octets, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stderr.decode(errors='replace')}"
    return done.stdout
