"""Prints pages for operators: headings, fields, tables and lists; plain and uncut where nobody looks at a terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from rich.console import Console, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from detector.cli.words import shown

WIDE = 400  # columns of a page that goes into a pipe: nothing is cut or wrapped there


class Page:
    """Writes to standard output as it is when the page is made."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)

    def _print(self, what: RenderableType, wrapped: bool = True) -> None:
        if sys.stdout.isatty():
            self._console.print(what, soft_wrap=not wrapped)
            return
        with self._console.capture() as captured:
            self._console.print(what, soft_wrap=not wrapped)
        print("\n".join(line.rstrip() for line in captured.get().split("\n")), end="")  # tables are filled with blanks

    def heading(self, text: str) -> None:
        self._print(Text(f"\n{shown(text)}", "bold"))

    def line(self, text: str, style: str = "") -> None:
        self._print(Text(shown(text), style))

    def command(self, text: str) -> None:
        """A line to copy into a shell: the terminal may break it, we do not."""
        self._print(Text(f"    {shown(text)}"), wrapped=False)

    def fields(self, fields: Mapping[str, str]) -> None:
        """A name and what it says, one below the other; empty ones are left out."""
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in fields.items():
            if value:
                table.add_row(name, Text(shown(value)))
        self._print(table)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A column whose name begins with `>` is set to the right."""
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
        for name in columns:
            right = name.startswith(">")
            one_line = right or name.startswith("TIME")
            justify: JustifyMethod = "right" if right else "left"
            table.add_column(name.removeprefix(">"), justify=justify, overflow="fold", no_wrap=one_line)
        for row in rows:
            table.add_row(*[Text(shown(cell)) for cell in row])
        self._print(Padding(table, (0, 0, 0, 2)))

    def bullets(self, texts: Iterable[str]) -> None:
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for text in texts:
            table.add_row(" -", Text(shown(text)))
        self._print(table)


def print_json(value: object) -> None:
    """Any of our values as one JSON document; dataclasses become objects, times stay Unix seconds."""
    print(json.dumps(msgspec.to_builtins(value), indent=2))
