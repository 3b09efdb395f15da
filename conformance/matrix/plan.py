"""matrix.toml, read and checked: the programs of both sides, and what each pair goes through."""

import importlib
import json
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .client import Client
from .scenario import STEPS

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parents[1] / "target" / "matrix"       # what conformance/matrix/install puts there
SIDES = ("xmpp", "sip")


class BadPlan(Exception):
    """matrix.toml or a file of clients/ is not as README.md says."""


@dataclass(frozen=True)
class Step:
    name: str
    head: str
    what: str
    needs: dict     # side -> abilities

    def exclusion(self, programs):
        """Why this step is left out for these programs (side -> Client class); None when it is not."""
        for side in SIDES:
            for ability in (self.name, *self.needs.get(side, ())):
                if ability in programs[side].cannot:
                    return f"{programs[side].program}: {programs[side].cannot[ability]}"
        return None


@dataclass(frozen=True)
class Plan:
    programs: dict      # side -> name -> "module" or "module:Class"
    steps: list
    patience: dict
    pairs_at_once: int

    def pairs(self, wanted=()):
        """(XMPP, SIP) names: all of them, or those that `XMPP:SIP` selects, where either may be left out."""
        pairs = [(xmpp, sip) for sip in self.programs["sip"] for xmpp in self.programs["xmpp"]]
        if not wanted:
            return pairs
        chosen = []
        for text in wanted:
            xmpp, _, sip = text.partition(":")
            found = [pair for pair in pairs if xmpp in ("", pair[0]) and sip in ("", pair[1])]
            if not found:
                known = " : ".join(", ".join(self.programs[side]) for side in SIDES)
                raise BadPlan(f"no pair {text!r}: {known}")
            chosen += [pair for pair in found if pair not in chosen]
        return chosen

    def client(self, side, name):
        """The class of clients/ that wraps the program."""
        module, _, wanted = self.programs[side][name].partition(":")
        module = importlib.import_module(f"matrix.clients.{module}")
        classes = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Client)
                   and each.__module__ == module.__name__ and wanted in ("", each.__name__)]
        if len(classes) != 1:
            raise BadPlan(f"{name} of matrix.toml is {len(classes)} classes of {module.__name__}")
        return classes[0]

    def packages(self, kind):
        """What all programs together need of "deb", "pypi" or "npm"."""
        clients = [self.client(side, name) for side in SIDES for name in self.programs[side]]
        wanted = {package for client in clients for package in client.packages}
        return sorted(package.partition(":")[2] for package in wanted if package.startswith(f"{kind}:"))


def read():
    with open(HERE / "matrix.toml", "rb") as file:
        told = tomllib.load(file)
    steps = [Step(each["name"], each["head"], each["what"], each.get("needs", {})) for each in told["step"]]
    unknown = {each.name for each in steps} ^ set(STEPS)
    if unknown:
        raise BadPlan(f"steps of matrix.toml and of scenario.py differ: {', '.join(sorted(unknown))}")
    return Plan({side: told[side] for side in SIDES}, steps, told["patience"], told["run"]["pairs_at_once"])


# packages

def missing(client):
    """The packages of a program that are not there."""
    return [package for package in client.packages if not CHECKS[package.split(":")[0]](package.partition(":")[2])]


def is_installed_deb(name):
    told = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", name], capture_output=True, text=True,
                          check=False)
    # Node may have come from elsewhere
    return told.stdout == "installed" or (name == "nodejs" and shutil.which("node") is not None)


def is_installed_pypi(requirement):
    name, _, version = requirement.partition("==")
    folder = name.replace("-", "_").lower()
    return any(INSTALLED.glob(f"venv/lib/python*/site-packages/{folder}-{version}.dist-info"))


def is_installed_npm(requirement):
    name, _, version = requirement.rpartition("@")
    manifest = INSTALLED / "node" / "node_modules" / name / "package.json"
    return manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8"))["version"] == version


CHECKS = {"deb": is_installed_deb, "pypi": is_installed_pypi, "npm": is_installed_npm}
