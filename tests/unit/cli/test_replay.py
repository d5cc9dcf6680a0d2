"""`detector replay` as an operator types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli.main import app
from tests.support.ports import PATIENCE
from tests.unit.replay.postfix_log import Log

DAY = 86_400.0
BEGIN = 1_760_000_000.0  # October 2025
EVENT = '{"type":"transaction","id":"t%d","time":%d,"account":"ann","rcpt_to":["x@a.example"]}\n'


def theft() -> Log:
    """Thirty quiet days and a hijacked evening."""
    log = Log()
    for day in range(30):
        log.submit(BEGIN + day * DAY, f"4AB{day}")
        log.deliver(BEGIN + day * DAY, f"4AB{day}", f"friend{day % 5}@a.example")
        log.remove(BEGIN + day * DAY, f"4AB{day}")
    for number in range(40):
        now = BEGIN + 30 * DAY + 60 * number
        log.submit(now, f"5AB{number}", recipients=10)
        for place in range(10):
            log.deliver(now, f"5AB{number}", f"u{number}.{place}@d{place}.example", "5.1.1" if place < 4 else "2.0.0")
        log.remove(now, f"5AB{number}")
    return log


@pytest.fixture
def log_file(tmp_path: Path) -> str:
    path = tmp_path / "mail.log"
    path.write_bytes(b"".join(theft().lines))
    return str(path)


def test_a_log_becomes_a_report_on_the_terminal_and_in_files(log_file: str, tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")]
    result = CliRunner().invoke(app, ["replay", "--format", "postfix", log_file, *files])
    assert result.exit_code == 0
    assert "1 account would have been stopped" in result.stdout
    assert "0 broken" in result.stdout
    report = json.loads((tmp_path / "r.json").read_bytes())
    assert [stop["account"] for stop in report["stops"]] == ["ann"]
    assert report["reading"]["messages_with_login"] == report["messages"] == 70
    assert "<svg" in (tmp_path / "r.html").read_text("utf-8")


def test_a_log_without_logins_says_what_is_missing(tmp_path: Path) -> None:
    log = Log()
    log.submit(BEGIN, "4AB1", login="")
    (tmp_path / "mail.log").write_bytes(b"".join(log.lines))
    result = CliRunner().invoke(app, ["replay", "--format", "postfix", str(tmp_path / "mail.log")])
    assert result.exit_code == 0
    assert "No line names a login" in result.stdout
    assert "Nothing could be judged" in result.stdout


def test_a_log_can_come_from_standard_input(log_file: str) -> None:
    command = [sys.executable, "-m", "detector", "replay", "--format", "postfix", "-"]
    with Path(log_file).open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert "1 account would have been stopped" in done.stdout
    assert done.stderr == ""


def test_a_folder_of_sent_mail_becomes_a_report(tmp_path: Path) -> None:
    fields = "From: ann@x.example\nTo: b@y.example\nDate: Wed, 4 Mar 2026 12:00:00 +0000\n"
    text = f"From ann@x.example Wed Mar  4 12:00:00 2026\n{fields}\nhello\n"
    (tmp_path / "sent").write_text(text, "utf-8")
    result = CliRunner().invoke(app, ["replay", "--format", "mbox", str(tmp_path / "sent")])
    assert result.exit_code == 0
    assert "1 message read" in result.stdout
    assert "No account would have been stopped" in result.stdout


def test_each_event_is_answered_at_once() -> None:
    command = [sys.executable, "-m", "detector", "replay", "--format", "jsonl", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(EVENT % (number, number))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == f"t{number}"
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_a_broken_event_ends_with_its_line_number_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "events").write_text(EVENT % (1, 1) + "oops\n" + EVENT % (2, 2), "utf-8")
    result = CliRunner().invoke(app, ["replay", "--format", "jsonl", str(tmp_path / "events")])
    assert result.exit_code == 2
    assert result.stderr.startswith("detector: line 2: ")
    assert len(result.stdout.splitlines()) == 1


def test_broken_events_are_answered_and_counted_if_so_wished(tmp_path: Path) -> None:
    (tmp_path / "events").write_text(EVENT % (1, 1) + "oops\n" + EVENT % (2, 2), "utf-8")
    result = CliRunner().invoke(app, ["replay", "--format", "jsonl", "--keep-going", str(tmp_path / "events")])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == "{}"
    assert result.stderr.splitlines()[-1] == "detector: 1 line skipped"


@pytest.mark.parametrize("form", ["jsonl", "postfix", "mbox", "maildir"])
def test_a_record_that_is_not_there_is_a_mistake(form: str) -> None:
    result = CliRunner().invoke(app, ["replay", "--format", form, "/nowhere/record"])
    assert result.exit_code == 2
    assert "/nowhere/record" in result.stderr


def test_events_have_answers_and_no_report() -> None:
    result = CliRunner().invoke(app, ["replay", "--format", "jsonl", "--json", "x", "-"])
    assert result.exit_code == 2
    assert "no report" in result.stderr
