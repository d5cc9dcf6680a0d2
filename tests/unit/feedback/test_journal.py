"""The journal is followed by its cursor."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.feedback.follower import MANY_LINES
from detector.feedback.journal import JournalSource
from detector.ports import Temporary
from tests.support.journald import Journald, need_journald
from tests.support.ports import wait_for


@pytest.fixture
def journald() -> Iterator[Journald]:
    need_journald()
    with Journald() as journald:
        yield journald


async def lines(source: JournalSource, count: int) -> tuple[list[str], str]:
    """So many lines without their stamps and hosts, and the last position."""
    found: list[str] = []
    position = ""
    while len(found) < count:
        batch = await source.read()
        found += [line.split(b" ", 2)[2].decode("utf-8", "backslashreplace") for line in batch.lines]
        position = batch.position
    return found, position


async def test_a_real_journal_is_followed_and_taken_up_again(journald: Journald) -> None:
    journald.write("postfix/smtp", b"4AB0: of long ago")
    source = JournalSource(journald.command, "")
    first, position = await lines(source, 1)
    assert first == ["postfix/smtp[4711]: 4AB0: of long ago"]
    journald.write("sshd", b"nothing of mail", facility=10)
    journald.write("postfix/smtp", b"4AB1: one")
    assert (await lines(source, 1))[0] == ["postfix/smtp[4711]: 4AB1: one"]
    await source.close()
    journald.write("postfix/cleanup", b"4AB2: \xff two")
    again = JournalSource(journald.command, position)
    found, _ = await lines(again, 2)
    await again.close()
    assert found == ["postfix/smtp[4711]: 4AB1: one", "postfix/cleanup[4711]: 4AB2: \\xff two"]


def program(path: Path, *entries: object, then: str = "time.sleep(60)") -> tuple[str, ...]:
    """In place of journalctl: it says the entries, and its own arguments into a file."""
    said = "\n".join(entry if isinstance(entry, str) else json.dumps(entry) for entry in entries)
    path.write_text(
        f"import json, pathlib, sys, time\npathlib.Path({str(path)!r} + '.told').write_text(json.dumps(sys.argv[1:]))\n"
        f"sys.stdout.write({said!r} + '\\n')\nsys.stdout.flush()\n{then}\n"
    )
    return (sys.executable, str(path))


def entry(cursor: str, message: object, **more: str) -> dict[str, object]:
    return {"__CURSOR": cursor, "__REALTIME_TIMESTAMP": "17", "MESSAGE": message, **more}


async def test_an_entry_reads_like_a_line_of_a_file(tmp_path: Path) -> None:
    named = {"SYSLOG_IDENTIFIER": "postfix/smtp", "SYSLOG_PID": "7", "_HOSTNAME": "mx1"}
    source = JournalSource(
        program(
            tmp_path / "p",
            entry("c1", "4AB1: removed", **named),
            entry("c2", [52, 65, 255], **{**named, "_PID": "8"}),
            entry("c3", "two\nlines"),
            entry("c4", None),
        ),
        "c0",
    )
    batch = await source.read()
    await source.close()
    assert batch.lines == [
        b"17 mx1 postfix/smtp[7]: 4AB1: removed",
        b"17 mx1 postfix/smtp[7]: 4A\xff",
        b"17 localhost [0]: two lines",
        b"17 localhost [0]: ",
    ]
    assert batch.position == "c4"
    assert "--after-cursor=c0" in json.loads((tmp_path / "p.told").read_text())


async def test_what_is_no_entry_is_counted(tmp_path: Path) -> None:
    source = JournalSource(program(tmp_path / "p", "nonsense", "{}", entry("c", [256]), entry("c2", "x")), "")
    batch = await source.read()
    await source.close()
    assert (len(batch.lines), batch.position, batch.problems) == (1, "c2", ("broken",) * 3)


async def test_what_a_person_writes_under_the_name_of_a_mail_server_is_refused(tmp_path: Path) -> None:
    users = {"root": "0", "postfix": "105", "kim": "1000"}
    said = [entry(f"c{user}", user, _UID=user_id) for user, user_id in users.items()]
    source = JournalSource(program(tmp_path / "p", *said, entry("cx", "x", _UID="who")), "")
    batch = await source.read()
    await source.close()
    assert [line.rpartition(b" ")[2] for line in batch.lines] == [b"root", b"postfix"]
    assert (batch.position, batch.problems) == ("ckim", ("refused", "broken"))


async def test_a_program_that_ends_says_why_and_is_started_again(tmp_path: Path) -> None:
    then = "sys.stderr.write('no such cursor'); sys.exit(3)"
    source = JournalSource(program(tmp_path / "p", entry("c1", "x"), then=then), "")
    for _ in range(2):
        assert (await source.read()).position == "c1"
        with pytest.raises(Temporary, match="ended with status 3: no such cursor"):
            await source.read()
    assert "--after-cursor=c1" in json.loads((tmp_path / "p.told").read_text())


async def test_a_program_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="cannot be started"):
        await JournalSource((str(tmp_path / "missing"),), "").read()


async def test_entries_of_a_busy_server_come_in_batches_that_are_not_waited_for(tmp_path: Path) -> None:
    """By a hundred, each with its time to settle, no more than a few hundred lines a second could be followed."""
    written = tmp_path / "written"
    many = [entry(f"c{number}", "x" * 500) for number in range(1600)]
    source = JournalSource(program(tmp_path / "p", *many, then=f"open({str(written)!r}, 'w'); time.sleep(60)"), "")
    first = await source.read()
    await asyncio.to_thread(wait_for, written.exists, "all is written")
    sizes = [len(first.lines)]
    while sum(sizes) < len(many):  # what was written last may not have come yet
        sizes.append(len((await source.read()).lines))
    await source.close()
    assert sum(sizes) == len(many)
    assert sizes[1] > MANY_LINES


async def test_an_entry_beyond_all_measure_ends_the_program(tmp_path: Path) -> None:
    then = "\nwhile True: sys.stdout.write('x' * 65536); sys.stdout.flush()"
    source = JournalSource(program(tmp_path / "p", then=then), "")
    with pytest.raises(Temporary, match="more than"):
        await lines(source, 1)
