"""The table of steps in deploy/handbook.md, made from `detector/response/plan.py`: `make pages` writes it in place."""

import re
from pathlib import Path

from detector.config import Response
from detector.response.plan import PLANS, rows

HANDBOOK = Path(__file__).parents[2] / "deploy" / "handbook.md"
HEADING = "| Step | It would have | By | Time limit | Undone |\n|---|---|---|---|---|\n"
PLACE = re.compile(r"(<!-- steps\b.*?-->\n).*?(<!-- end of steps -->)", re.DOTALL)


def table() -> str:
    """What `detector response steps` tells of a configuration in which nothing is set."""
    lines = [
        f"| `{row['step']}` | {row['does']} | `[response.{plan.section}]` | {row['time limit']} | {row['undone']} |\n"
        for plan, row in zip(PLANS.values(), rows(Response()), strict=True)
    ]
    return HEADING + "".join(lines)


def with_table(text: str) -> str:
    """The handbook with the table as it is now. Raises `ValueError` when the handbook has no place for it."""
    written, count = PLACE.subn(lambda place: place[1] + table() + place[2], text)
    if count != 1:
        msg = f"{HANDBOOK.name} must have one place for the table of steps, and has {count}"
        raise ValueError(msg)
    return written


if __name__ == "__main__":
    HANDBOOK.write_text(with_table(HANDBOOK.read_text("utf-8")), "utf-8")
