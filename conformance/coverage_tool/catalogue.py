"""The rows of the requirement catalogue, read from its Markdown tables."""

import re
from dataclasses import dataclass
from pathlib import Path

GROUPS = ("ADDR", "ARCH", "MSG", "CPIM", "PRES", "SUB", "ERR", "E2E", "CHAT", "MUC", "STATE", "RCPT", "SEC")
ROW = re.compile(rf"\| ((?:{'|'.join(GROUPS)})-\d{{3}}) \|")
CELL_BORDER = re.compile(r"(?<!\\)\|")  # a bar inside a cell is written \|


class CatalogueError(Exception):
    """The catalogue itself is at fault."""


@dataclass(frozen=True)
class Row:
    """One requirement."""

    id: str
    source: str
    direction: str
    requirement: str
    test: str

    @property
    def group(self):
        return self.id.rsplit("-", 1)[0]


def read_catalogue(folder):
    """All rows by id, in the order of the groups and of each group's file."""
    rows = {}
    for group in GROUPS:
        path = Path(folder) / f"{group.lower()}.md"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            row = parse_row(line, f"{path}:{number}")
            if row is None:
                continue
            if row.group != group or row.id in rows:
                raise CatalogueError(f"{path}:{number}: {row.id} stands here a second time or in the wrong file")
            rows[row.id] = row
    return rows


def parse_row(line, place):
    """The row a line holds, None for any other line."""
    if not ROW.match(line):
        return None
    cells = [cell.strip() for cell in CELL_BORDER.split(line)]
    if len(cells) != 7 or cells[0] or cells[-1]:
        raise CatalogueError(f"{place}: a row has five cells, this one {len(cells) - 2}")
    return Row(*cells[1:6])
