"""`detector feedback --apply` hands reports to the server, durably, and the audit log knows who did."""

from pathlib import Path

import pytest

from detector.feedback import maildir
from detector.feedback.maildir import Spool
from tests.support.feedback import arf
from tests.unit.cli.conftest import Keyboard


@pytest.fixture
def spool(keyboard: Keyboard) -> Spool:
    made = Spool(keyboard.directory / "state" / "reports")
    made.make()
    return made


def waiting(spool: Spool) -> list[bytes]:
    return [path.read_bytes() for path in sorted((spool.directory / "new").iterdir())]


def test_reports_wait_for_the_server_as_if_they_had_come_to_its_door(
    keyboard: Keyboard, spool: Spool, tmp_path: Path
) -> None:
    reports = [arf("bob@example.net"), arf("cid@example.net")]
    files = [tmp_path / "1.eml", tmp_path / "2.eml"]
    for file, report in zip(files, reports, strict=True):
        file.write_bytes(report)
    assert keyboard.read("feedback", "--apply", *map(str, files)) == {"handed_over": 2}
    assert waiting(spool) == reports
    records = keyboard.records()
    assert any(entry.action == "apply reports" for entry in records.audit_log())
    records.close()


def test_before_the_first_start_there_is_nobody_to_take_them(keyboard: Keyboard, tmp_path: Path) -> None:
    (tmp_path / "1.eml").write_bytes(arf("bob@example.net"))
    answer = keyboard.type("feedback", "--apply", str(tmp_path / "1.eml"))
    assert answer.status == 1
    assert "at its first start" in answer.complaint


def test_when_too_many_wait_it_is_told_how_far_it_came(
    keyboard: Keyboard, spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def keep(self: Spool, name: str, octets: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise maildir.Full

    monkeypatch.setattr(Spool, "keep", keep)
    for name in "12":
        (tmp_path / f"{name}.eml").write_bytes(arf("bob@example.net"))
    answer = keyboard.type("feedback", "--apply", str(tmp_path / "1.eml"), str(tmp_path / "2.eml"))
    assert "it has 1 of these" in answer.complaint
