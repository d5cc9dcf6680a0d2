"""What `detector check` says of the ways in which reports come."""

from pathlib import Path

from detector.cli.check_reports import check_reports
from detector.cli.finding import Level
from detector.config import parse

DOOR = '[feedback]\nlisten = ["127.0.0.1:10027"]\naddresses = ["bounces@hop.example.net"]\n'


def findings(text: str) -> list[tuple[Level, str]]:
    return [(one.level, one.text) for one in check_reports(parse(text))]


def maildir(path: Path) -> str:
    return f'[[feedback.maildirs]]\npath = "{path}"\n'


def test_without_any_way_in_complaints_are_not_heard() -> None:
    ((level, text),) = findings("")
    assert level is Level.HINT
    assert "complaints" in text


def test_it_is_told_where_the_addresses_must_be_sent() -> None:
    assert findings(DOOR) == [(Level.OK, "bounces@hop.example.net: your mail servers must send it to 127.0.0.1:10027")]


def test_a_maildir_must_be_one(tmp_path: Path) -> None:
    ((level, text),) = findings(maildir(tmp_path))
    assert level is Level.PROBLEM
    assert "no directory new" in text
    for part in ("new", "cur"):
        (tmp_path / part).mkdir()
    (tmp_path / "new" / "1").write_text("x")
    assert findings(maildir(tmp_path)) == [(Level.OK, "can be read; 1 wait there")]
