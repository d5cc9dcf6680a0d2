"""Pages in a pipe: nothing is wrapped, nothing cut, nothing coloured."""

import json

import pytest

from detector.cli.page import Page, print_json
from detector.incident.strike import Strike


def test_a_table_in_a_pipe_has_one_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    Page().table(("NAME", ">COUNT"), [("x" * 150, "1"), ("[red]y", "22")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["x" * 150, "1"]
    assert lines[2].split() == ["[red]y", "22"]


def test_empty_fields_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    Page().fields({"Name": "ann", "Phone": ""})
    assert capsys.readouterr().out.split() == ["Name", "ann"]


def test_lists_and_headings(capsys: pytest.CaptureFixture[str]) -> None:
    page = Page()
    page.heading("Why")
    page.bullets(["one", "two\n"])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["", "Why", "- one", "- two?"]


def test_a_command_stays_on_one_line_however_narrow_the_terminal_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Page().command("postqueue -j | while read id")
    assert capsys.readouterr().out == "    postqueue -j | while read id\n"


def test_json_holds_our_values_whatever_octets_are_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([Strike("ann\udcff", "i-1", 1.5)])
    assert json.loads(capsys.readouterr().out) == [{"account": "ann\udcff", "incident_id": "i-1", "at": 1.5}]
