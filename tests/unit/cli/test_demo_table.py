"""Lines for those who have no terminal."""

import pytest

from detector.cli.demo_submission import Submission
from detector.cli.demo_table import Board
from tests.support.ports import free_port


def test_acts_events_and_tables_are_printed_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    clock = iter(range(100)).__next__
    with Board(Submission(port, port, lambda: 0.0), lambda: float(clock()), plain=True) as board:
        board.act("First act.")
        board.judged({"elin.brandt@hafen.example": ("block", 12.34)})
        board.tell("something happens")
        board.act("Second act.")
        board.end()
    printed = capsys.readouterr().out
    assert "1.0 s  == First act." in printed
    assert "2.0 s  something happens" in printed
    assert printed.count("ACCOUNT") == 2
    assert "12.3" in printed
    assert max(map(len, printed.splitlines())) <= 80
