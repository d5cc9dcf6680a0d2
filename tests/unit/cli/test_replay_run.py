"""How a replay runs: what it holds in memory, what it does when a report cannot be written."""

import gzip
import json
from pathlib import Path

import pytest

from detector.cli.replay_run import lines_of, report, shipped_policy
from tests.unit.cli.test_replay import theft


def test_a_report_that_cannot_be_written_is_refused_before_the_reading(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere, log = tmp_path / "none" / "r", str(tmp_path / "no.log")  # a log that is read would be missed
    for files in ((nowhere, None), (None, nowhere), (tmp_path, None)):
        assert report("postfix", [log], shipped_policy(), *files) == 2
        said = capsys.readouterr().err
        assert "cannot be written: " in said
        assert "no.log" not in said


def test_a_disk_that_is_full_in_the_end_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_bytes(b"Oct  9 10:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]\n")
    assert report("postfix", [str(tmp_path / "mail.log")], shipped_policy(), Path("/dev/full"), None) == 2
    assert "No space left" in capsys.readouterr().err


def test_a_login_that_is_not_utf8_loses_no_report(tmp_path: Path) -> None:
    lines = b"".join(theft().lines).replace(b"sasl_username=ann", b"sasl_username=\xffann")
    (tmp_path / "mail.log").write_bytes(lines)
    as_json, as_page = tmp_path / "r.json", tmp_path / "r.html"
    assert report("postfix", [str(tmp_path / "mail.log")], shipped_policy(), as_json, as_page) == 0
    assert [stop["account"] for stop in json.loads(as_json.read_bytes())["stops"]] == ["?ann"]
    assert "<h3>?ann</h3>" in as_page.read_text("utf-8")


def test_lines_that_are_packed_are_read_like_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(b"one\ntwo\n"))
    (tmp_path / "plain").write_bytes(b"three")
    assert list(lines_of([str(tmp_path / "packed"), str(tmp_path / "plain")])) == [b"one\n", b"two\n", b"three"]


def test_no_progress_is_shown_where_nobody_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mail.log").write_bytes(b"Oct  9 10:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]\n" * 9)
    assert report("postfix", [str(tmp_path / "mail.log")], shipped_policy(), None, None) == 0
    assert capsys.readouterr().err == ""
