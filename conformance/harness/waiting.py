"""The one way to wait: look at a condition until it holds or its time is over."""

import time

PATIENCE = 20.0         # s; long for a busy machine, and over as soon as what is waited for is there


class TooLate(AssertionError):
    """A condition did not come true before its deadline; the text says which one and what was seen instead."""


def until(condition, what, within=PATIENCE, every=0.02):
    """Return the first true value of `condition()`; after `within` seconds raise TooLate with `what`.

    `what` is a text, or a function that makes one from what is known at the end.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TooLate(f"not within {within:g} s: {what() if callable(what) else what}")
        time.sleep(every)
