"""What one sees while the demo runs: a live table on a terminal, lines elsewhere."""

import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from detector.cli.demo_submission import Fate, Submission
from detector.cli.demo_world import CUSTOMERS, VICTIM

COLUMNS = ("MAIL", "RECIPIENTS", "PASSED", "PACED", "REFUSED", "STOPPED")
STYLES = {"accept": "green", "pace": "yellow", "block": "bold red"}
LEGEND = "paced: recipient window full; refused: no such mailbox; stopped: held, or account blocked"


class Board:
    """Shows how it stands; a context manager. `plain` prints lines and a table at the end of each act."""

    def __init__(self, submission: Submission, clock: Callable[[], float], plain: bool) -> None:
        self._submission = submission
        self._clock = clock
        self._began_at = clock()
        self._act = ""
        self._happened: list[str] = []
        self._verdicts: dict[str, tuple[str, float]] = {}
        self._console = Console(highlight=False, width=80 if plain else None)
        self._live: Live | None = None
        if not plain and sys.stdout.isatty():
            self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def act(self, text: str) -> None:
        """A new act begins."""
        if self._live is None:
            if self._act:
                self._console.print(self._table())
            self._console.print(f"\n{self._time()}  == {text}")
        self._act = text
        self.refresh()

    def tell(self, text: str) -> None:
        """Something worth a line has happened."""
        self._happened.append(f"{self._time()}  {text}")
        if self._live is None:
            self._console.print(self._happened[-1])

    def judged(self, verdicts: Mapping[str, tuple[str, float]]) -> None:
        """The latest verdict and score of accounts."""
        self._verdicts.update(verdicts)

    def refresh(self) -> None:
        if self._live is not None:
            happened = [Text(line) for line in self._happened]
            head = Text(f"{self._time()}  {self._act}", "bold")
            self._live.update(Group(head, Text(), self._table(), Text(LEGEND, "dim"), Text(), *happened), refresh=True)

    def end(self) -> None:
        """The last table, for those who saw lines only."""
        if self._live is None:
            self._console.print(self._table())
            self._console.print(LEGEND)
        self.refresh()

    def _time(self) -> str:
        return f"{self._clock() - self._began_at:5.1f} s"

    def _table(self) -> Table:
        table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column("ACCOUNT", no_wrap=True)
        for name in (*COLUMNS, "VERDICT", "SCORE"):
            table.add_column(name, justify="left" if name == "VERDICT" else "right", no_wrap=True)
        for customer in CUSTOMERS:
            self._add_row(table, customer.account)
        return table

    def _add_row(self, table: Table, account: str) -> None:
        messages = self._submission.messages(account)
        fates = self._submission.fates(account)
        verdict, score = self._verdicts.get(account, ("", 0.0))
        stolen = account == VICTIM.account and any(message.letter.stolen for message in messages)
        counts = [
            len(messages),
            fates.total(),
            *[fates[fate] for fate in FATES],
            fates[Fate.STOPPED] + fates[Fate.HELD],
        ]
        table.add_row(
            Text(account.partition("@")[0], "bold red" if stolen else ""),
            *[str(count) if count else "." for count in counts],
            Text(verdict, STYLES.get(verdict, "")),
            f"{score:.1f}" if verdict else "",
        )


FATES = (Fate.PASSED, Fate.PACED, Fate.REFUSED)
