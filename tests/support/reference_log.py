"""The page deploy/reference/log.md: every log event with its level and fields, read from detector/log.py."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "detector" / "log.py"
HEADING = """\
# Log events

One JSON object in a line on standard error (`log.format = "json"`): `event`, `level`, `timestamp` (ISO 8601, UTC), and
the fields below; `exception` holds a traceback where a fault is ours. No field holds a password, a text of a message or
a recipient's address; `account` and `client` are personal. Made by `make pages` from `detector/log.py`.

Events at level info that come in the same turn of the event loop are written together, within milliseconds: a process
that is killed may not have told those of its last turn. Warnings and errors are written at once.

| event | level | fields | when |
|---|---|---|---|
"""


class LogEvent(NamedTuple):
    """`when` is empty where the name says it."""

    name: str
    level: str
    fields: tuple[str, ...]
    when: str


def events() -> Iterator[LogEvent]:
    """In the order of that file."""
    for function in ast.parse(SOURCE.read_text("utf-8")).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("_logger."):
                level = ast.unparse(call.func).removeprefix("_logger.")
                fields = tuple(_named(keyword) for keyword in call.keywords)
                when = " ".join((ast.get_docstring(function) or "").split())
                yield LogEvent(ast.literal_eval(call.args[0]), level, fields, when)


def _named(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        return "a number for each kind"
    return "`exception`" if keyword.arg == "exc_info" else f"`{keyword.arg}`"


def page() -> str:
    """The whole page."""
    rows = [f"| `{one.name}` | {one.level} | {', '.join(one.fields)} | {one.when} |\n" for one in events()]
    return HEADING + "".join(rows)
