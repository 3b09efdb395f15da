"""Configuration files with @NAME@ marks, filled in for one run."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent / "templates"
MARK = re.compile(r"@([A-Z][A-Z0-9_]*)@")


def fill(source, **values):
    """The text of a template with every mark replaced; a mark without a value is an error."""

    def value_of(mark):
        name = mark.group(1).lower()
        if name not in values:
            raise KeyError(f"{source}: no value for @{mark.group(1)}@")
        return str(values[name])

    path = Path(source)
    if not path.is_absolute():
        path = FOLDER / path
    return MARK.sub(value_of, path.read_text(encoding="utf-8"))


def write(target, source, **values):
    """Fill a template into the file `target` and return that path."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(fill(source, **values), encoding="utf-8")
    return target
