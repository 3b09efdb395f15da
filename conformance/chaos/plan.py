"""What a seed decides: who writes what to whom and when, and what breaks when. Nothing here looks at a clock."""

import random
from dataclasses import dataclass

XMPP_PEOPLE = ("juliet", "nurse", "tybalt", "benvolio")
SIP_PEOPLE = ("romeo", "mercutio", "paris", "friar")

RATE = 12.0             # messages per second, each way
CALM_BEFORE = 2.0       # seconds without a blow at the start

WORDS = ("soft", "what light", "a rose", "<thus>", "R&J", 'a "kiss"', "so früh", "прощай", "愛", "night 🌙", "wherefore",
         "]]>", "%41", "o'er", "two  spaces", "star-crossed")

# How each target is hit: the shortest and the longest pause between two blows, and how often each kind comes.
PAUSES = {"stox": (5, 14), "link": (5, 14), "prosody": (14, 32), "kamailio": (14, 32)}
KINDS = {
    "stox": (("kill", 4), ("stop", 1)),
    "prosody": (("kill", 6), ("stop", 4)),
    "kamailio": (("kill", 6), ("stop", 4)),
    "link": (("cut", 5), ("stall", 3), ("stall and cut", 2)),
}
LONGEST_AWAY = 3.0
# Stalls below confirm_timeout (2 s here), above it, and above barrier_timeout (10 s here): the latter make the gateway
# reconnect.
STALLS = (((0.2, 1.6), 6), ((2.2, 4.5), 3), ((10.5, 12.5), 1))
LAST_STALL = (0.05, 0.6)    # before a cut: what is held then is thrown away


@dataclass(frozen=True)
class Line:
    """One message of the plan; `way` is "x" for XMPP to SIP and "s" for SIP to XMPP."""

    at: float
    way: str
    token: str
    sender: str
    target: str
    words: str

    @property
    def text(self):
        return f"{self.token} {self.words}"


@dataclass(frozen=True)
class Blow:
    """Something breaks at `at` and is mended (`lasts` seconds later)."""

    at: float
    target: str
    kind: str
    lasts: float


def messages(seed, seconds):
    """All messages of a run, in the order of their times."""
    dice = random.Random(f"{seed}/messages")
    lines = []
    for way, senders, targets in (("x", XMPP_PEOPLE, SIP_PEOPLE), ("s", SIP_PEOPLE, XMPP_PEOPLE)):
        at, number = 0.0, 0
        while (at := at + dice.expovariate(RATE)) < seconds:
            number += 1
            words = " ".join(dice.choices(WORDS, k=dice.randint(1, 6)))
            lines.append(Line(at, way, f"{way}{number:06}", dice.choice(senders), dice.choice(targets), words))
    return sorted(lines, key=lambda line: line.at)


def last_words():
    """One message in each conversation after everything is mended: each must arrive."""
    pairs = [("x", sender, target) for sender in XMPP_PEOPLE for target in SIP_PEOPLE]
    pairs += [("s", sender, target) for sender in SIP_PEOPLE for target in XMPP_PEOPLE]
    return [Line(0.0, way, f"{way}{900_000 + number:06}", sender, target, "good night")
            for number, (way, sender, target) in enumerate(pairs)]


def blows(seed, seconds):
    """All blows of a run, by target, each list in the order of its times."""
    return {target: list(blows_at(random.Random(f"{seed}/{target}"), target, seconds)) for target in PAUSES}


def blows_at(dice, target, seconds):
    at = CALM_BEFORE + dice.uniform(0, PAUSES[target][0])
    while at < seconds:
        kind = weighted(dice, KINDS[target])
        if target == "link":
            span = {"cut": (0.0, 0.0), "stall": weighted(dice, STALLS), "stall and cut": LAST_STALL}[kind]
            lasts = dice.uniform(*span)
        else:
            lasts = 0.0 if dice.random() < 0.4 else dice.uniform(0, LONGEST_AWAY)
        yield Blow(at, target, kind, lasts)
        at += lasts + dice.uniform(*PAUSES[target])


def weighted(dice, choices):
    return dice.choices([choice for choice, _ in choices], [weight for _, weight in choices])[0]
