"""Reports in a Maildir take effect before they leave it, and nothing in it stops the others."""

import os
import stat
from pathlib import Path

import pytest

from detector.content.mime import MOST_BYTES
from detector.feedback.maildir import Full, MaildirReader, Spool
from detector.metrics import Metrics
from detector.ports import Temporary


class Taken:
    """Takes reports; raises `failure` for a report that contains the word."""

    def __init__(self) -> None:
        self.reports: list[bytes] = []
        self.failures: dict[bytes, Exception] = {}

    async def __call__(self, octets: bytes) -> str:
        for word, failure in self.failures.items():
            if word in octets:
                raise failure
        self.reports.append(octets)
        return "tag"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "reports")
    made.make()
    return made


@pytest.fixture
def taken() -> Taken:
    return Taken()


def reader(spool: Spool, taken: Taken, own: bool = True) -> MaildirReader:
    return MaildirReader(spool.directory, taken, Metrics("test"), own)


def left(spool: Spool) -> dict[str, list[str]]:
    return {part: sorted(path.name for path in (spool.directory / part).iterdir()) for part in ("tmp", "new", "cur")}


async def test_what_is_kept_takes_effect_in_its_order_and_is_erased(spool: Spool, taken: Taken) -> None:
    for name in ("2", "1", "3"):
        spool.keep(name, b"report " + name.encode())
    assert await reader(spool, taken).round() == 3
    assert taken.reports == [b"report 1", b"report 2", b"report 3"]
    assert left(spool) == {"tmp": [], "new": [], "cur": []}


async def test_in_the_maildir_of_others_reports_are_marked_as_read(spool: Spool, taken: Taken) -> None:
    spool.keep("1.host", b"report")
    await reader(spool, taken, own=False).round()
    assert left(spool) == {"tmp": [], "new": [], "cur": ["1.host:2,S"]}


async def test_a_maildir_in_which_nothing_can_be_marked_as_read_is_a_failure(spool: Spool, taken: Taken) -> None:
    spool.keep("1.host", b"report")
    (spool.directory / "cur").rmdir()
    with pytest.raises(FileNotFoundError):
        await reader(spool, taken, own=False).round()


async def test_a_report_that_somebody_else_has_read_meanwhile_is_no_failure(spool: Spool) -> None:
    spool.keep("1.host", b"report")

    async def take(octets: bytes) -> str:
        (spool.directory / "new" / "1.host").unlink()
        return "tag"

    assert await MaildirReader(spool.directory, take, Metrics("test")).round() == 1
    assert left(spool) == {"tmp": [], "new": [], "cur": []}


async def test_what_cannot_be_counted_now_stays(spool: Spool, taken: Taken) -> None:
    for name in ("1", "2", "3"):
        spool.keep(name, name.encode())
    taken.failures = {b"2": Temporary("out of reach")}
    with pytest.raises(Temporary):
        await reader(spool, taken).round()
    assert left(spool)["new"] == ["2", "3"]
    taken.failures = {}
    await reader(spool, taken).round()
    assert taken.reports == [b"1", b"2", b"3"]


async def test_a_report_on_which_we_fail_is_kept_for_people_and_stops_no_other(spool: Spool, taken: Taken) -> None:
    for name in ("1", "2"):
        spool.keep(name, name.encode())
    taken.failures = {b"1": ValueError("a fault of ours")}
    await reader(spool, taken).round()
    assert taken.reports == [b"2"]
    assert left(spool) == {"tmp": [], "new": [], "cur": ["1:2,S"]}


async def test_what_is_no_plain_file_is_not_read(spool: Spool, taken: Taken, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a key")
    (spool.directory / "new" / "1").symlink_to(tmp_path / "secret")
    os.mkfifo(spool.directory / "new" / "2")
    (spool.directory / "new" / "3").mkdir()
    (spool.directory / "new" / ".hidden").write_text("no message")
    spool.keep("4", b"report")
    await reader(spool, taken).round()
    assert [one for one in taken.reports if one] == [b"report"]
    assert left(spool)["new"] == [".hidden"]


async def test_of_a_huge_report_only_the_beginning_is_read(spool: Spool, taken: Taken) -> None:
    (spool.directory / "new" / "1").write_bytes(b"x" * (3 * MOST_BYTES))
    spool.keep("2", b"y" * (3 * MOST_BYTES))
    await reader(spool, taken).round()
    assert [len(one) for one in taken.reports] == [MOST_BYTES + 1] * 2


def test_only_we_may_read_what_is_kept(spool: Spool) -> None:
    spool.keep("1", b"report")
    modes = [stat.S_IMODE((spool.directory / part).stat().st_mode) for part in (".", "new", "new/1")]
    assert modes[1:] == [0o700, 0o600]


def test_what_nobody_looked_at_is_erased_in_time(spool: Spool) -> None:
    for part, name in (("cur", "1"), ("cur", "2"), ("tmp", "3"), ("new", "4")):
        (spool.directory / part / name).write_bytes(b"report")
        if name != "2":
            os.utime(spool.directory / part / name, (1000.0, 1000.0))
    (spool.directory / "tmp" / "0 directory").mkdir()
    os.utime(spool.directory / "tmp" / "0 directory", (1000.0, 1000.0))
    spool.tidy(2000.0)
    assert left(spool) == {"tmp": ["0 directory"], "new": ["4"], "cur": ["2"]}


def test_so_much_waits_and_no_more(spool: Spool) -> None:
    small = Spool(spool.directory, most=2)
    small.keep("1", b"a")
    small.keep("2", b"b")
    with pytest.raises(Full):
        small.keep("3", b"c")
    assert left(spool)["tmp"] == []


def test_what_the_disk_does_not_take_leaves_nothing(spool: Spool) -> None:
    (spool.directory / "new").rmdir()
    with pytest.raises(OSError, match="new"):
        spool.keep("1", b"report")
    assert list((spool.directory / "tmp").iterdir()) == []
