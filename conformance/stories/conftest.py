"""The towns that stories play in, and the people in them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.sip_presence import PresenceAgent  # noqa: E402
from harness.town import Town  # noqa: E402 (the path above makes it visible)

LONG_QUEUES = {"queue_per_target": 2000}
# Users with presence at the proxy: their clients publish. All others' phones answer SUBSCRIBE themselves.
PRESENT = ("mercutio", "benvolio", "paris", "escalus")


@pytest.fixture(scope="session")
def verona():
    """Prosody, Kamailio and the gateway, in the sub-domain form; shared by most stories."""
    with Town(routes=["elsewhere.test"], present=PRESENT, limits=LONG_QUEUES,
              presence={"notify_interval": "0s"}) as town:
        yield town


@pytest.fixture(scope="session")
def verona_identity():
    """The same with component "sip.test": every address is the same on both sides."""
    with Town(component="sip.test", sip_domain="sip.test", presence={"notify_interval": "0s"}) as town:
        yield town


@pytest.fixture
def town(verona):
    """Where a story plays; a file of stories that wants another town overrides this."""
    return verona


@pytest.fixture
def people(town):
    """Calls users into the story by name, and sees them off afterwards."""
    crowd = People(town)
    yield crowd
    crowd.leave()


@pytest.fixture
def juliet(people):
    return people.xmpp("juliet")


@pytest.fixture
def romeo(people):
    return people.sip("romeo")


@pytest.fixture
def nothing_reached(town):
    """`nothing_reached(juliet, romeo)`: what juliet gets next from romeo is a marker, so nothing came before it."""
    def check(juliet, romeo):
        romeo.says("nothing came before this", to=town.uri_of(juliet.name))
        juliet.hears("nothing came before this")
        assert juliet.unheard() == []
    return check


class People:
    """Who is in the story."""

    def __init__(self, town):
        self._town = town
        self._present = []

    def xmpp(self, name, **options):
        return self._welcome(self._town.xmpp_user(name, **options))

    def sip(self, name, **options):
        return self._welcome(self._town.sip_user(name, **options))

    def phone(self, name, **options):
        """A SIP user whose phone does presence by itself."""
        return self.sip(name, kind=PresenceAgent, **options)

    def stranger(self, address):
        return self._welcome(self._town.stranger(address))

    def starts(self, client):
        """A real client's process."""
        return self._welcome(client.start())

    def leave(self):
        faults = []
        for one in reversed(self._present):
            try:
                one.stop()
            except AssertionError as fault:
                faults.append(str(fault))
        assert not faults, "\n".join(faults)

    def _welcome(self, one):
        self._present.append(one)
        return one


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed story shows the ends of its town's logs."""
    outcome = yield
    report = outcome.get_result()
    town = item.funcargs.get("town") if hasattr(item, "funcargs") else None
    if report.failed and town is not None:
        report.sections.append(("logs", town.logs()))


def pytest_collection_modifyitems(items):
    """Files in alphabetical order, the tests of a file as they stand: a town is opened once."""
    items.sort(key=lambda item: item.fspath.basename)
