"""Which standards a row comes from: its source cell, taken apart.

A cell is written for people: "3261 §8.2.3, §21.4.13; 3428 §9", "XEP-0106/0100 component
addressing", "7572 §5 vs 3428 §7". What has no number of its own belongs to the standard before it.
"""

import re

NAMED = r"(?:XEP-\d{4}|\d{4}|XML 1\.0|XML)"
STANDARD = re.compile(rf"({NAMED}(?:/{NAMED})*)(?![\d.])\s*(.*)", re.DOTALL)
BORDER = re.compile(rf"\s*;\s*|\s*,\s*(?=§|{NAMED}(?![\d.]))|\s+(?:vs|\+|/)\s+(?={NAMED}(?![\d.]))")
OWN_REFERENCE = re.compile(r"[A-Z][A-Z0-9]*-\d{2,3}$")  # another row of the catalogue: no source of its own
DERIVED, OTHER = "Derived", "Other"


def sources_of(cell):
    """Pairs of standard and section, such as ("RFC 3261", "§8.2.3")."""
    found, standards = [], [OTHER]
    for piece in pieces(cell):
        named = STANDARD.match(piece)
        if OWN_REFERENCE.match(piece) and not named:
            continue
        if named:
            standards, section = standard_names(named[1]), named[2]
        elif piece.startswith("IMPL"):
            standards, section = [DERIVED], piece.removeprefix("IMPL").strip()
        else:
            section = piece
            if not re.match(r"§|\d|A\.|App", piece):
                standards = [OTHER]
        found += [(standard, section) for standard in standards]
    return found


def pieces(cell):
    """The cell cut at its borders, but never inside parentheses."""
    found, start = [], 0
    for border in BORDER.finditer(cell):
        before = cell[: border.start()]
        if before.count("(") == before.count(")"):
            found.append(cell[start : border.start()])
            start = border.end()
    return [piece.strip() for piece in [*found, cell[start:]] if piece.strip()]


def standard_names(named):
    """RFC and XEP names of "3859/3860", "XEP-0106/0100" or "7247/XEP-0030"."""
    names, kind = [], "RFC "
    for part in named.split("/"):
        if part.startswith("XML"):
            names.append("XML 1.0")
            continue
        kind = "XEP-" if part.startswith("XEP-") else kind
        names.append(kind + part.removeprefix("XEP-"))
    return names


def standard_order(standard):
    """RFCs by number, then XEPs, then the rest."""
    kind = next((rank for rank, prefix in enumerate(("RFC ", "XEP-", "XML")) if standard.startswith(prefix)), 3)
    return (kind, standard == OTHER, standard)


def section_order(section):
    """§6.4 before §6.10, in the order in which a document is read."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", section)]
