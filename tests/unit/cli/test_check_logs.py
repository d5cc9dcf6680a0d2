"""`detector check` looks at the logs that are to be followed."""

import os
import socket
import sys
from pathlib import Path

import pytest

from detector import config
from detector.cli.check_logs import check_logs
from detector.cli.finding import Finding, Level
from tests.support.ports import HOST, free_port
from tests.unit.replay.postfix_log import Log


def find(*lines: str) -> list[Finding]:
    return list(check_logs(config.parse("\n".join(("[[feedback.logs]]", *lines)))))


def in_file(path: Path, mta: str = "postfix") -> Finding:
    (finding,) = find('source = "file"', f'mta = "{mta}"', f'path = "{path}"')
    return finding


def test_no_log_at_all_is_a_hint() -> None:
    (finding,) = check_logs(config.parse(""))
    assert finding.level is Level.HINT


def test_a_log_of_the_right_server_is_in_order(tmp_path: Path) -> None:
    log = Log()
    log.submit(1_772_700_000.0, "4AB1")
    log.deliver(1_772_700_000.0, "4AB1", "bob@y.example")
    (tmp_path / "mail.log").write_bytes(b"".join(log.lines))
    finding = in_file(tmp_path / "mail.log")
    assert finding.level is Level.OK
    assert finding.about == f"feedback.logs {tmp_path / 'mail.log'}"
    assert "2 of its last 4 lines" in finding.text


def test_a_log_of_another_program_is_a_hint(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(b"Mar  5 10:00:00 mx1 cron[1]: nothing\n")
    for mta in ("postfix", "exim"):
        finding = in_file(tmp_path / "mail.log", mta)
        assert finding.level is Level.HINT
        assert "right log" in finding.text


def test_a_log_that_is_not_there_yet_is_a_hint(tmp_path: Path) -> None:
    assert in_file(tmp_path / "missing").level is Level.HINT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "mail.log").touch(mode=0)
    assert in_file(tmp_path / "mail.log").level is Level.PROBLEM


def test_a_directory_is_no_log(tmp_path: Path) -> None:
    finding = in_file(tmp_path)
    assert finding.level is Level.PROBLEM
    assert "adm" in finding.text


@pytest.mark.parametrize(
    ("code", "level"),
    [
        ("print('{}')", Level.OK),
        ("", Level.HINT),
        ("import sys; sys.exit('no permission')", Level.PROBLEM),
    ],
)
def test_the_journal_is_asked(code: str, level: Level) -> None:
    (finding,) = find('source = "journald"', 'mta = "postfix"', f'journalctl = ["{sys.executable}", "-c", "{code}"]')
    assert finding.level is level


def test_a_journal_without_a_program_is_a_problem(tmp_path: Path) -> None:
    (finding,) = find('source = "journald"', 'mta = "postfix"', f'journalctl = ["{tmp_path}/missing"]')
    assert finding.level is Level.PROBLEM


def test_an_address_for_syslog_is_tried() -> None:
    (finding,) = find('source = "syslog"', 'mta = "postfix"', f'listen = "{HOST}:{free_port()}"')
    assert finding.level is Level.OK
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        where = f'listen = "{HOST}:{taken.getsockname()[1]}"'
        (finding,) = find('source = "syslog"', 'mta = "postfix"', 'transport = "tcp"', where)
    assert finding.level is Level.HINT
    (finding, udp) = find('source = "syslog"', 'mta = "postfix"', 'listen = "192.0.2.1:10514"')
    assert (finding.level, udp.level) == (Level.PROBLEM, Level.HINT)


def test_a_certificate_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    tls = f'tls = {{ certificate = "{tmp_path}/c.pem", key = "{tmp_path}/c.key" }}'
    (finding,) = find('source = "syslog"', 'mta = "postfix"', 'transport = "tls"', tls)
    assert finding.level is Level.PROBLEM
    assert "c.pem" in finding.text
