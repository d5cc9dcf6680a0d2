"""How a replay runs: what it holds in memory, what it does when a report cannot be written."""

from pathlib import Path

import pytest

from detector.cli.replay_run import report, shipped_policy
from tests.unit.replay.postfix_log import Log


def test_a_report_that_cannot_be_written_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.submit(1_760_000_000.0, "4AB1")
    (tmp_path / "mail.log").write_bytes(b"".join(log.lines))
    status = report("postfix", [str(tmp_path / "mail.log")], shipped_policy(), tmp_path / "none" / "r.json", None)
    assert status == 2
    assert "none/r.json" in capsys.readouterr().err


def test_no_progress_is_shown_where_nobody_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_bytes(b"Oct  9 10:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]\n" * 9)
    assert report("postfix", [str(tmp_path / "mail.log")], shipped_policy(), None, None) == 0
    assert capsys.readouterr().err == ""
