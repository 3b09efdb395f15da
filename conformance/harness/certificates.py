"""Certificates for one lab: an authority of its own and a server's certificate, made by openssl."""

import subprocess


class Certificates:
    """`authority` is what a client trusts; `server` holds the server's key and certificate together."""

    def __init__(self, folder, address, name):
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = folder / "authority.pem"
        self.server = folder / "server.pem"
        key, request, signed = folder / "key.pem", folder / "request.pem", folder / "signed.pem"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=lab authority", "-keyout", folder / "authority-key.pem", "-out", self.authority)
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", key, "-out", request)
        extensions = folder / "extensions"
        extensions.write_text(f"subjectAltName=IP:{address},DNS:{name}\nbasicConstraints=CA:FALSE\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey", folder / "authority-key.pem",
                 "-set_serial", "2", "-days", "2", "-extfile", extensions, "-out", signed)
        self.server.write_text(key.read_text() + signed.read_text())


def _openssl(*arguments):
    command = ["openssl", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
