"""The page deploy/reference/cli.md: each command with its help, as the program tells it."""

from collections.abc import Iterator

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from detector.cli.main import app

WIDTH = 100
HEADING = """\
# Commands

What `--help` tells of each command. Made by `make pages` from `detector/cli/`. The examples are run by the tests.

"""


def commands() -> Iterator[tuple[str, ...]]:
    """The words of every command, that of all and those of groups before those within."""
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    yield from _within(root, ())


def _within(group: TyperGroup, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, TyperGroup):
            yield from _within(command, (*path, name))
        else:
            yield (*path, name)


def help_of(path: tuple[str, ...]) -> tuple[str, list[str]]:
    """What a command tells of itself, and its examples."""
    answer = CliRunner().invoke(app, [*path, "--help"], prog_name="detector", env={"COLUMNS": str(WIDTH)})
    text, _, examples = answer.output.strip().replace("Examples:\n", "Example:\n").partition("\n  Example:\n")
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip(), [line.strip() for line in examples.splitlines() if line.strip()]


def page() -> str:
    """The whole page."""
    parts = [HEADING]
    for path in commands():
        text, examples = help_of(path)
        parts.append(f"## {' '.join(('detector', *path))}\n\n```text\n{text}\n```\n\n")
        if examples:
            parts.append("```\n" + "\n".join(examples) + "\n```\n\n")
    return "".join(parts).rstrip("\n") + "\n"
