"""What is seen at a glance is what was written last, or nothing."""

import os
import random
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from detector.state import glance as module
from detector.state import pages, table
from detector.state.glance import Glance
from detector.state.write_behind import Form, WriteBehind
from detector.state.writer import Row, Writer
from tests.support.page_cache import told

AHEAD = 500


class WrittenBehind(WriteBehind[str]):
    glances = True


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AHEAD", AHEAD)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


@pytest.fixture
def glance(path: Path) -> Glance:
    return Glance(path)


@pytest.fixture
def writer(path: Path, glance: Glance) -> Iterator[Writer[str]]:
    writer = Writer(path, str.encode, 1, glance)
    yield writer
    writer.close()


def write(writer: Writer[str], values: Mapping[str, str | None]) -> None:
    rows: dict[str, Row[str]] = {key: (1.0, value, ()) for key, value in values.items()}
    writer.write(rows, {}, None, True)


def after_checkpoint(writer: Writer[str], values: Mapping[str, str | None]) -> None:
    write(writer, values)
    write(writer, {f"other{number}": "x" for number in range(AHEAD)})


def seen(path: Path, glance: Glance, key: str) -> bytes | None:
    return told(path, lambda: glance.value(key))


def test_before_anything_was_written_nothing_is_seen(glance: Glance) -> None:
    assert glance.value("ann") is None


def test_what_was_written_is_seen_after_the_next_checkpoint_and_not_as_it_was_before(
    path: Path, glance: Glance, writer: Writer[str]
) -> None:
    write(writer, {"ann": "1", "bob": "1"})
    assert glance.value("ann") is None
    after_checkpoint(writer, {})
    assert (seen(path, glance, "ann"), seen(path, glance, "bob")) == (b"1", b"1")
    write(writer, {"ann": "2"})
    assert (glance.value("ann"), seen(path, glance, "bob")) == (None, b"1")
    after_checkpoint(writer, {})
    assert seen(path, glance, "ann") == b"2"


def test_the_file_stays_as_it_is_until_the_glance_is_shut(path: Path, glance: Glance, writer: Writer[str]) -> None:
    after_checkpoint(writer, {"ann": "1"})
    before = path.read_bytes()
    write(writer, {f"other{number}": "x" * 10_000 for number in range(AHEAD - 10)})  # more than SQLite lets wait
    unchanged = path.read_bytes() == before
    assert unchanged
    assert seen(path, glance, "ann") == b"1"


def test_what_a_start_finds_is_seen_at_once_also_what_a_killed_process_left_in_the_journal(
    path: Path, glance: Glance
) -> None:
    with closing(table.open_for_writing(path)) as killed:
        table.write_rows(killed, [(b"ann", 1.0, b"1", None, None)])
        assert path.with_name("rows.sqlite-wal").stat().st_size > 0
        writer = Writer(path, str.encode, 1, glance)
        assert seen(path, glance, "ann") == b"1"
        writer.close()
    assert glance.value("ann") is None


def test_what_was_deleted_or_forgotten_is_not_seen_any_more(path: Path, glance: Glance, writer: Writer[str]) -> None:
    after_checkpoint(writer, {"ann": "1", "bob": "1"})
    write(writer, {"ann": None})
    assert (glance.value("ann"), seen(path, glance, "bob")) == (None, b"1")
    writer.write({}, {}, (2.0, 2**31), True)
    assert glance.value("bob") is None


def test_while_somebody_reads_an_earlier_state_nothing_new_is_seen_and_nothing_old(
    path: Path, glance: Glance, writer: Writer[str]
) -> None:
    after_checkpoint(writer, {"ann": "1"})
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM rows").fetchone()
        after_checkpoint(writer, {"ann": "2"})
        assert glance.value("ann") is None
        reader.execute("COMMIT")
    write(writer, {"bob": "1"})
    assert seen(path, glance, "ann") == b"2"


def test_what_is_read_while_the_file_is_changed_does_not_count(
    path: Path, glance: Glance, writer: Writer[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    after_checkpoint(writer, {"ann": "1"})
    read, preadv = [], os.preadv

    def changed_meanwhile(descriptor: int, room: list[bytearray], offset: int, flags: int) -> int:
        read.append(offset)
        glance.shut()
        return preadv(descriptor, room, offset, flags & ~pages.NOWAIT)

    monkeypatch.setattr(os, "preadv", changed_meanwhile)
    assert glance.value("ann") is None
    assert read


def test_while_the_disk_takes_in_what_was_written_others_look(
    path: Path, glance: Glance, writer: Writer[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    after_checkpoint(writer, {"ann": "1", "bob": "1"})
    synced, fsync = list[tuple[str, bytes | None, bytes | None]](), os.fsync

    def slow_disk(descriptor: int) -> None:
        file = Path(f"/proc/self/fd/{descriptor}").readlink().name
        synced.append((file, glance.value("ann"), seen(path, glance, "bob")))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow_disk)
    after_checkpoint(writer, {"ann": "2"})
    (journal, *before), (file, *after) = synced  # in that order, or a power failure leaves half of it
    assert (journal, before) == ("rows.sqlite-wal", [None, b"1"])
    assert (file, after) == ("rows.sqlite", [b"2", b"1"])


def test_a_file_that_takes_its_place_is_the_one_that_is_seen(path: Path, glance: Glance) -> None:
    for value in ("1", "2"):
        writer = Writer(path, str.encode, 1, glance)
        after_checkpoint(writer, {"ann": value})
        assert seen(path, glance, "ann") == value.encode()
        writer.give_up()
        assert glance.value("ann") is None
        path.rename(path.with_name(f"away-{value}"))


def test_a_file_that_has_left_its_place_is_not_seen_while_it_changes(
    path: Path, glance: Glance, writer: Writer[str]
) -> None:
    after_checkpoint(writer, {"ann": "1"})
    assert seen(path, glance, "ann") == b"1"
    away = path.rename(path.with_name("away"))
    with closing(sqlite3.connect(away)) as connection:
        glance.look(connection)
    assert glance.value("ann") is None
    away.rename(path)


def test_where_it_cannot_be_seen_rows_are_written_all_the_same(
    path: Path, glance: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: str) -> None:
        raise PermissionError

    monkeypatch.setattr(module, "OpenFile", refused)
    writer = Writer(path, str.encode, 1, glance)
    after_checkpoint(writer, {"ann": "1"})
    assert (glance.value("ann"), table.stored_value(path, "ann")) == (None, b"1")
    writer.close()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_put_deleted_and_forgotten_is_found_as_it_was_put_last(
    path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(module, "MOST_AHEAD", 7)
    degraded = Gauge("degraded", "As the metric of the same meaning.", registry=CollectorRegistry())
    drawn, put = random.Random(seed), dict[str, tuple[float, str]]()
    rows = WrittenBehind(path, Form(str.encode, bytes.decode), 0.001, 1000, degraded, patience=60.0)
    for number in range(1, 250):
        key = f"account{drawn.randrange(40)}"
        match drawn.randrange(12):
            case 0:
                put.pop(key, None)
                rows.put(key, None)
            case 1:
                await rows.written()
                rows.forget(number - 60.0, 2**31)
                put = {key: row for key, row in put.items() if row[0] >= number - 60.0}
                await rows.written()
            case 2 | 3:
                await rows.written()
            case _:
                put[key] = float(number), str(number) * drawn.randrange(1, 500)
                rows.put(key, put[key][1], put[key][0])
        asked = f"account{drawn.randrange(40)}"
        assert await rows.find(asked) == put.get(asked, (0.0, None))[1]
    rows.close()


def test_a_journal_that_cannot_be_moved_is_not_thrown_away_before_the_file_is_on_disk(
    writer: Writer[str], glance: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: sqlite3.Connection) -> bool:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "_move_journal", full)
    with pytest.raises(sqlite3.OperationalError):
        glance.look(writer._connection)
    assert writer._connection.execute("PRAGMA synchronous").fetchone() == (1,)  # NORMAL
