"""A lab: a private block of loopback addresses, a scratch folder, and everything that is started in them."""

import atexit
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

from .janitor import Janitor

# The last octet of each peer, the same in every lab.
PROSODY, EJABBERD, KAMAILIO, STOX = 11, 12, 13, 20
FIRST_USER, LAST_USER = 31, 199
STRANGER = 210          # an address that no configuration names
NAME_SERVER = 53
LOCK_OCTET, LOCK_PORT = 254, 9000
UNIX_SOCKET_ROOM = 60   # longest folder that leaves room for the sockets in it (the kernel's limit is 107)


class Lab:
    """Hands out 127.N.M.x to one run alone; ends everything it adopted, whatever happens."""

    def __init__(self, block=None, keep_folder=False):
        """`block` asks for certain addresses, as "127.0.0"; without it any free block will do."""
        end_cleanly_on_sigterm()
        self._lock, self.block = claim(block) if block else claim_any_block()
        self._keep_folder = keep_folder
        self.folder = Path(tempfile.mkdtemp(prefix="stox-"))
        if len(str(self.folder)) > UNIX_SOCKET_ROOM:
            shutil.rmtree(self.folder)
            raise OSError(f"TMPDIR is too long for unix sockets: {self.folder}")
        self.janitor = Janitor()
        if not keep_folder:
            self.janitor.watch_folder(self.folder)
        self._adopted = []
        self._next_user = FIRST_USER
        self._open = True
        atexit.register(self.close)

    def address(self, octet):
        return f"{self.block}.{octet}"

    def next_address(self):
        """A fresh address for one user agent."""
        if self._next_user > LAST_USER:
            self._next_user = FIRST_USER
        octet, self._next_user = self._next_user, self._next_user + 1
        return self.address(octet)

    def adopt(self, thing):
        """Something with a stop() that ends with the lab; newest first."""
        self._adopted.append(thing)

    def close(self):
        if not self._open:
            return
        self._open = False
        atexit.unregister(self.close)
        complaints = []
        for thing in reversed(self._adopted):
            try:
                thing.stop()
            except Exception as trouble:  # one peer that will not stop must not keep the others alive
                complaints.append(f"{trouble}")
        self.janitor.dismiss()
        self._lock.close()
        if not self._keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        for complaint in complaints:
            print(complaint, file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def claim_any_block():
    """A block no other lab on this machine holds."""
    start = os.getpid()
    for step in range(10_000):
        number = (start + step * 7919) % (200 * 250)
        try:
            return claim(f"127.{20 + number // 250}.{1 + number % 250}")
        except OSError:
            continue
    raise OSError("no free block of loopback addresses")


def claim(block):
    """The bound port is the lock: it goes with the process, by whatever death."""
    lock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        lock.bind((f"{block}.{LOCK_OCTET}", LOCK_PORT))
    except OSError as trouble:
        lock.close()
        raise OSError(f"the addresses {block}.* are held by another lab ({trouble.strerror})") from None
    return lock, block


def end_cleanly_on_sigterm():
    """
    Make SIGTERM end the run as Ctrl-C does, so that fixtures and `with` blocks run their endings. Only the main thread
    can; a worker of pytest-xdist may run its stories in another one, and there the janitor alone cleans up.
    """
    if threading.current_thread() is not threading.main_thread():
        return

    def interrupt(*_):
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)
