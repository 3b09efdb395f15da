"""Kamailio's own xmpp module as a gateway, to measure stox against.

COMPAT: the module of Debian's kamailio-xmpp-modules 5.6.3 ends the process at the first start tag: it looks for the
end of the parser's list of attributes by an empty name, where that list ends with a null pointer. A copy that tests
the pointer is made in a scratch folder; what is installed stays as it is.
"""

import re
from pathlib import Path

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


def command(folder, memory_manager=None, **marks):
    """The command line of one run; `marks` fill in rival.cfg."""
    folder = Path(folder)
    modules = f"{mended_module(folder / 'modules')}/:{INSTALLED}/"
    text = (HERE / "rival.cfg").read_text(encoding="utf-8")
    for name, value in {**marks, "modules": modules}.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    config = folder / f"rival-{marks['transport']}.cfg"
    config.write_text(text, encoding="utf-8")
    manager = ["-x", memory_manager] if memory_manager else []
    # With less shared memory it loses messages silently once that is full.
    return ["kamailio", "-DD", "-E", "-m", "2048", *manager, "-Y", str(folder), "-f", str(config)]
