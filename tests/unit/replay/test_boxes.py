"""Folders of sent mail become transactions."""

import gzip
import mailbox
from contextlib import closing
from pathlib import Path

import pytest

from detector.mail.transaction import Stream, Transaction
from detector.replay.boxes import Box, Count, NoBox, open_maildir, open_mbox, transactions

LATE = (
    "From: Ann <Ann@x.example>\nTo: Bob <bob@a.example>, cy@b.example\nCc: bob@a.example\n"
    "Date: Thu, 5 Mar 2026 12:00:00 +0100\nMessage-ID: <2@x>\n\nhello\n"
)
EARLY = "From: ann@x.example\nBcc: d@c.example\nDate: Wed, 4 Mar 2026 12:00:00 +0100\nList-Id: <l.example>\n\nhello\n"
BROKEN = (
    "From: ann@x.example\nTo: bob@a.example\n\nno date\n",
    "From: ann@x.example\nTo: bob@a.example\nDate: tomorrow\n\nodd date\n",
    "From: ann@x.example\nDate: Wed, 4 Mar 2026 12:00:00 +0100\n\nno recipient\n",
    "From: ann@x.example\nTo: bob@a.example\nDate: 31 Dec 9999 23:59:59 -2359\n\nfar future\n",
    "From: ann@x.example\nTo: bob@a.example\nDate: 31 Dec 1989 23:59:59 +0000\n\nbefore all mail\n",
    "To: bob@a.example\nDate: Wed, 4 Mar 2026 12:00:00 +0100\n\nno author\n",
    "\n\n",
)


def filled(box: mailbox.Mailbox[mailbox.Message]) -> None:
    for text in (LATE, *BROKEN, EARLY):
        box.add(text.encode())
    box.flush()
    box.close()


def read(box: Box, count: Count) -> list[Transaction]:
    steps: list[int] = []
    found = list(transactions([box], count, steps.append))
    assert sum(steps) == 4  # those with a date
    assert all(b"subject" in message.header.named or message.rest for _, message in found)
    return [transaction for transaction, _ in found]


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_messages_come_in_the_order_of_their_dates_and_broken_ones_are_counted(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "box")
    filled(mailbox.mbox(path) if kind == "mbox" else mailbox.Maildir(path))
    count = Count()
    early, late = read(open_mbox(path) if kind == "mbox" else open_maildir(path), count)
    assert (count.messages, count.broken) == (9, 7)
    assert late.received_at - early.received_at == 86400.0
    assert [str(one.address) for one in late.recipients] == ["bob@a.example", "cy@b.example"]
    assert [str(one.address) for one in early.recipients] == ["d@c.example"]
    assert late.identity.account == early.identity.account == "ann@x.example"
    assert (early.stream, late.stream) == (Stream.AUTOMATIC, Stream.PERSONAL)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoBox, match="no such file"):
        open_mbox(str(tmp_path / "none"))
    with pytest.raises(NoBox, match="no Maildir"):
        open_maildir(str(tmp_path))


def test_an_mbox_that_is_packed_is_read_like_a_plain_one_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    filled(mailbox.mbox(tmp_path / "box"))
    (tmp_path / "packed").write_bytes(gzip.compress((tmp_path / "box").read_bytes()))
    count = Count()
    assert len(read(open_mbox(str(tmp_path / "packed")), count)) == 2
    assert count.messages == 9
    assert {path.name for path in tmp_path.iterdir()} == {"box", "packed"}


PACKED = gzip.compress(b"hello\n", mtime=0)  # else it is named by the second in which it is collected


@pytest.mark.parametrize("content", [b"hello\n", b"\n\nhello\nFrom here\n", PACKED, b"\0" * 99])
def test_a_file_that_does_not_begin_like_an_mbox_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "box").write_bytes(content)
    with pytest.raises(NoBox, match="is no mbox"):
        open_mbox(str(tmp_path / "box"))


def test_a_damaged_packed_mbox_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"From ann Wed Mar  4 12:00:00 2026\n" * 5000)
    (tmp_path / "box").write_bytes(packed[:-20])
    with pytest.raises(NoBox, match="box: cannot be read"):
        open_mbox(str(tmp_path / "box"))


def test_an_empty_file_is_an_mbox_without_mail(tmp_path: Path) -> None:
    (tmp_path / "box").touch()
    with closing(open_mbox(str(tmp_path / "box"))) as box:
        assert len(box) == 0
