"""The messages of all kinds of files, and what is told of each."""

import mailbox
from pathlib import Path

import pytest

from detector.cli.ends import Impossible
from detector.cli.feedback_run import messages, tell
from detector.content.mime import MOST_BYTES
from detector.reports.ties import Ties
from tests.unit.reports.test_complaints import ARF
from tests.unit.reports.test_parts import DSN

NO_KEY = Ties([], "X-Transaction-Tag", 1.0)


def test_a_file_may_be_one_message_a_mailbox_or_a_folder(tmp_path: Path) -> None:
    one, many, folder = tmp_path / "one.eml", tmp_path / "many", tmp_path / "Maildir"
    one.write_bytes(DSN)
    box = mailbox.mbox(many)
    inbox = mailbox.Maildir(folder)
    for _ in range(3):
        box.add(DSN)
        inbox.add(DSN)
    box.close()
    assert [len(list(messages(str(path)))) for path in (one, many, folder)] == [1, 3, 3]


def test_an_empty_file_has_no_message(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    assert list(messages(f"{tmp_path}/empty")) == []


def test_a_directory_without_mail_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match="no directory cur"):
        list(messages(str(tmp_path)))


def test_no_more_is_read_than_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(DSN + b"x" * (2 * MOST_BYTES))
    (octets,) = messages(f"{tmp_path}/large")
    assert len(octets) == MOST_BYTES + 1


@pytest.mark.parametrize(
    ("octets", "kind", "says", "tie"),
    [
        (ARF.format(kind="abuse").encode(), "complaint", "abuse", "untagged"),
        (ARF.format(kind="auth-failure").encode(), "authentication failure", "auth-failure", "untagged"),
        (b"From: bob@example.net\nAuto-Submitted: auto-replied\n\naway\n", "automatic answer", "vacation", ""),
        (b"From: bob@example.net\n\nhello\n", "other mail", "other mail", ""),
    ],
)
def test_each_kind_is_told_by_its_name(octets: bytes, kind: str, says: str, tie: str) -> None:
    told = tell("file", 1, octets, NO_KEY)
    assert (told.kind, told.says, told.tie) == (kind, says, tie)


def test_without_a_configuration_nothing_is_tied() -> None:
    assert tell("file", 1, ARF.format(kind="abuse").encode(), None).tie == ""


def test_a_warning_is_told_as_one() -> None:
    octets = b"From: MAILER-DAEMON@mx.example\nSubject: Delayed Mail\n\n<bob@example.net>: timed out\nwarning only\n"
    assert tell("file", 1, octets, None).says == "bob@example.net: temporary (only late)"
