#!/usr/bin/env python3
"""Two users of one SIP program, or of two, and a proxy between them: what each shows of the other.

    conformance/matrix/try_sip.py [--direct] [--keep] PROGRAM [OTHER_PROGRAM]

A program is a module of `clients/`, or MODULE:CLASS where the module has several. With --direct no presence server
publishes their states: each program answers SUBSCRIBE itself. With --keep the folder with all logs stays.

For whoever wraps a program anew or takes a newer version of one: no gateway is involved, nothing is judged.
"""

import importlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.kamailio import Kamailio  # noqa: E402 (the path above makes them visible)
from harness.lab import Lab  # noqa: E402
from harness.waiting import TooLate, until  # noqa: E402
from matrix.client import Client  # noqa: E402

USERS = ("romeo", "benvolio")
STATES_WITHIN = 12.0     # s; libpurple looks every 10 s for whom to subscribe to


def program(name):
    module, _, wanted = name.partition(":")
    module = importlib.import_module(f"matrix.clients.{module}")
    classes = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Client)
               and each.program and each.__module__ == module.__name__]
    return next(each for each in classes if wanted in ("", each.__name__))


def main():
    direct = "--direct" in sys.argv
    names = ([word for word in sys.argv[1:] if not word.startswith("-")] * 2)[:2]
    if not names:
        sys.exit(__doc__)
    kinds = [program(name) for name in names]
    with Lab(keep_folder="--keep" in sys.argv) as lab:
        proxy = Kamailio(lab, present=() if direct else USERS, defines=["WITH_CHALLENGE"], websocket=True).start()
        began = time.monotonic()

        def tell(*words):
            print(f"{time.monotonic() - began:6.2f} s ", *words, flush=True)

        people = [kind(lab=lab, address=f"{user}@sip.test", password=f"{user}pw", server=proxy.target)
                  for kind, user in zip(kinds, USERS)]
        for person in people:
            person.publishes = not direct
            person.start()
            tell(person.program, "is registered as", person.address)
        for person, other in (people, people[::-1]):
            converse(person, other, tell)
        watched = people[0].contact_state(people[1].address)
        people[1].signs_out()
        tell(people[1].address, "signed out")
        if watched:
            seen(tell, "state", lambda: people[0].contact_state(people[1].address) == "offline", within=2.0)
        people[0].says(people[1].address, "who is off gets no line")
        seen(tell, "failure", people[0].failures, within=1.0)
        people[1].comes_back()
        if watched:
            seen(tell, "state", lambda: people[0].contact_state(people[1].address) == "online")
        people[0].says(people[1].address, "back?")
        seen(tell, "line", lambda: [line.text for line in people[1].shown() if line.text == "back?"])
        for person in people:
            tell(person.address, "shows in all", [line.text[:20] for line in person.shown()])
        for person in people:
            person.stop()


def converse(person, other, tell):
    tell(f"-- {person.address} ({person.program}) to {other.address} ({other.program})")
    if not {"presence", "seen-by-sip"} & person.cannot.keys() and "presence" not in other.cannot:
        person.adds(other.address)
        seen(tell, "state", lambda: person.contact_state(other.address) or other.asked_by())
        for asker in other.asked_by():
            tell("asked by", asker)
            other.accepts(asker)
        seen(tell, "state", lambda: person.contact_state(other.address) == "online")
    before = len(other.shown())
    if "typing" not in person.cannot and "typing" not in other.cannot:
        person.types(other.address)
        seen(tell, "typing", other.typing_seen)
    first = "Two households, both alike in dignity \U0001f339"
    person.says(other.address, first if "lines" in person.cannot else first.replace(", ", ",\n"))
    person.says(other.address, "a second line")
    person.says(other.address, "x" * 800)
    seen(tell, "lines", lambda: other.shown()[before:][2:] and other.shown()[before:])
    other.reads(person.address)
    seen(tell, "marks", lambda: any(mark == "displayed" for _, mark in person.receipts_seen()), within=1.0)
    tell("marks", [(text[:20], mark) for text, mark in person.receipts_seen()])
    tell("failures", [(text[:20], words) for text, words in person.failures()])


def seen(tell, what, look, within=STATES_WITHIN):
    try:
        tell(what, until(look, what, within=within))
    except TooLate:
        tell(what, "NOT SEEN, but:", look())


if __name__ == "__main__":
    main()
