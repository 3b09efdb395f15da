"""A TLS front before a clear-text port, as stunnel or haproxy stand before a component port (OpenSSL by Python's ssl)."""

import socket
import ssl
import threading


class TlsFront:
    def __init__(self, address, behind, certificates):
        """Listens on `address` (host, port) and passes what it decrypts on to `behind` (host, port)."""
        self._behind = behind
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server)
        self._listener = socket.create_server(address)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            secure = self._context.wrap_socket(plain, server_side=True)
        except (OSError, ssl.SSLError):
            plain.close()
            return
        clear = socket.create_connection(self._behind)
        threading.Thread(target=_pass_on, args=(clear, secure), daemon=True).start()
        _pass_on(secure, clear)


def _pass_on(source, sink):
    try:
        while octets := source.recv(65536):
            sink.sendall(octets)
    except (OSError, ssl.SSLError):
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
