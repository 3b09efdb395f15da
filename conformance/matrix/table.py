"""The rows of the matrix as a table, as reasons, as one closing line, and as JSON."""

import json

from .play import EXCLUDED, FAILED, OK
from .scenario import UNSEEN

NOTICED = ("typing-", "reads-")     # steps whose note is what was shown of it


def table(plan, rows):
    """Programs x steps: what became of each, and in which form the text went."""
    heads = ["", *[step.head for step in plan.steps]]
    body = [[f"{row.xmpp} : {row.sip}", *[cell_text(cell) for cell in row.cells]] for row in rows]
    # a head of two words stands in two lines
    upper, lower = zip(*[(head.split(" ") + [""])[:2] for head in heads])
    widths = [max(len(line[column]) for line in (upper, lower, *body)) for column in range(len(heads))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip()
             for line in (upper, lower, *body)]
    return "\n".join(lines)


def cell_text(cell):
    if cell.verdict == EXCLUDED:
        return "-"
    return " ".join(word for word in (cell.verdict, cell.form) if word)


def notices(plan, rows):
    """How often something was shown that nobody has to show: typing notices and marks."""
    told = []
    for step in plan.steps:
        notes = [cell.note for row in rows for cell in row.cells
                 if cell.step == step.name and cell.verdict == OK and step.name.startswith(NOTICED)]
        if notes:
            told.append(f"{step.name} {sum(note != UNSEEN for note in notes)} of {len(notes)}")
    return f"shown beside the text: {', '.join(told)}" if told else ""


def reasons(rows):
    """Every failure with what a person would complain of, and every exclusion once, with its pairs."""
    lines = []
    for row in rows:
        failed = {}         # a pair that could not be tried has one reason for all
        for cell in row.cells:
            if cell.verdict == FAILED:
                failed.setdefault(cell.reason, []).append(cell.step)
        lines += [f"FAIL {row.xmpp} : {row.sip}  {', '.join(steps)}: {reason}" for reason, steps in failed.items()]
    excluded = {}
    for row in rows:
        for cell in row.cells:
            if cell.verdict == EXCLUDED:
                steps = excluded.setdefault(cell.reason, [])
                if cell.step not in steps:
                    steps.append(cell.step)
    lines += [f"excluded {', '.join(steps)}: {reason}" for reason, steps in excluded.items()]
    return "\n".join(lines)


def counts(rows):
    cells = [cell for row in rows for cell in row.cells]
    return tuple(sum(cell.verdict == verdict for cell in cells) for verdict in (OK, FAILED, EXCLUDED))


def closing_line(rows):
    return "{} passed, {} failed, {} skipped".format(*counts(rows))


def as_json(plan, rows, seconds):
    passed, failed, skipped = counts(rows)
    programs = {side: {name: plan.client(side, name).program for name in plan.programs[side]
                       if any(name == getattr(row, side) for row in rows)} for side in plan.programs}
    return json.dumps({
        "passed": passed, "failed": failed, "skipped": skipped, "seconds": round(seconds, 1), "programs": programs,
        "pairs": [{"xmpp": row.xmpp, "sip": row.sip, "seconds": round(row.seconds, 1),
                   "steps": [{**vars(cell), "seconds": round(cell.seconds, 2)} for cell in row.cells]} for row in rows],
    }, indent=1) + "\n"
