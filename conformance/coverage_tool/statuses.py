"""Why a row has no test: status.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

SECTIONS = ("features", "excluded", "waiting")


@dataclass(frozen=True)
class Statuses:
    """The features a row may wait for, the excluded rows with their reason, the waiting ones with their feature."""

    features: dict
    excluded: dict
    waiting: dict


def read_statuses(path):
    """Reads the file; raises tomllib.TOMLDecodeError on what is no TOML."""
    document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    unknown = sorted(set(document) - set(SECTIONS))
    if unknown:
        raise tomllib.TOMLDecodeError(f"{path}: unknown section {unknown[0]}; known: {', '.join(SECTIONS)}")
    return Statuses(*(document.get(section, {}) for section in SECTIONS))


def status_faults(statuses, rows):
    """What is wrong with the file, as sentences."""
    faults = []
    for section in ("excluded", "waiting"):
        for row_id in getattr(statuses, section):
            if row_id not in rows:
                faults.append(f"status.toml [{section}]: there is no row {row_id}")
    for section in SECTIONS:
        for key, text in getattr(statuses, section).items():
            if not isinstance(text, str) or not text.strip():
                faults.append(f"status.toml [{section}]: {key} has an empty text; say it in words")
    for row_id in statuses.excluded.keys() & statuses.waiting.keys():
        faults.append(f"status.toml: {row_id} is excluded and waits; it can be only one of them")
    for row_id, feature in statuses.waiting.items():
        if feature not in statuses.features:
            faults.append(f"status.toml [waiting]: {row_id} waits for '{feature}', which [features] does not name")
    for feature in statuses.features.keys() - set(statuses.waiting.values()):
        faults.append(f"status.toml [features]: no row waits for '{feature}' any more; take it out")
    return sorted(faults)
