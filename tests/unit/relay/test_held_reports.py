from pathlib import Path

import pytest

from detector.mail.report import MOST_RETURNED, Failure
from detector.records.held_entries import HeldState
from detector.relay.dots import unstuffed
from detector.relay.held_files import HeldFiles
from detector.relay.held_keys import HoldKeys
from detector.relay.held_reports import Reports, beginning_of
from tests.support.held_house import KEY, a_held_message

FAILURES = (Failure("TO:<bob@example.net>", "550 5.1.1 No such user"),)


@pytest.fixture
def files(tmp_path: Path) -> HeldFiles:
    return HeldFiles(tmp_path, HoldKeys([KEY]))


def put(files: HeldFiles, octets: bytes) -> None:
    writer = files.create("t1")
    writer.write(octets)
    writer.commit()


def written(files: HeldFiles, mail: str) -> bytes:
    report = Reports(files, "hop.example", lambda: "r1").write(a_held_message(mail=mail), FAILURES, 100.0)
    return unstuffed(b"".join(files.read(report.message_id)))


def test_a_report_is_a_message_of_its_own_to_the_reverse_path_that_is_due_at_once(files: HeldFiles) -> None:
    put(files, b"Subject: x\r\n\r\nbody\r\n")
    report = Reports(files, "hop.example", lambda: "r1").write(a_held_message(), FAILURES, 100.0)
    assert (report.mail, report.recipients[0].argument) == ("FROM:<>", "TO:<ann@example.org>")
    assert (report.state, report.next_attempt_at, report.released_at) == (HeldState.RELEASING, 100.0, 100.0)
    assert (report.about, report.decided_by, report.xforward) == ("t1", "detector", {})
    assert report.transaction.mail_from.is_null
    assert files.complete() == {"t1", "r1"}


def test_an_address_that_is_not_ascii_is_named_as_it_is(files: HeldFiles) -> None:
    put(files, b"Subject: x\r\n\r\n")
    message = a_held_message(mail="FROM:<ünal@example.org> SMTPUTF8")
    report = Reports(files, "hop.example", lambda: "r1").write(message, FAILURES, 100.0)
    assert (report.mail, report.recipients[0].argument) == ("FROM:<> SMTPUTF8", "TO:<ünal@example.org>")


def test_headers_come_back_and_the_body_only_where_it_was_asked_for(files: HeldFiles) -> None:
    put(files, b"Subject: x\r\n\r\n..body\r\n")
    assert b"Subject: x" in written(files, "FROM:<ann@example.org>")
    assert b".body" not in written(files, "FROM:<ann@example.org>")
    assert b"\r\n.body\r\n" in written(files, "FROM:<ann@example.org> RET=FULL")


def test_of_a_large_message_only_the_headers_come_back(files: HeldFiles) -> None:
    put(files, b"Subject: x\r\n\r\n" + b"body\r\n" * MOST_RETURNED)
    assert b"body" not in written(files, "FROM:<ann@example.org> RET=FULL")


def test_of_an_unreadable_message_nothing_comes_back(files: HeldFiles) -> None:
    assert beginning_of(files, "t1", 100) == (b"", False)
    assert b"550 5.1.1 No such user" in written(files, "FROM:<ann@example.org>")
