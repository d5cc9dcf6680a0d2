import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from detector.ports import Temporary
from detector.state import table
from detector.state.table import stored_keys, stored_value
from detector.state.write_behind import Form, WriteBehind
from tests.support.ports import PATIENCE, wait_for

SOON = 0.01
LATER = 3600.0  # only when it is closed


def unpack(packed: bytes) -> str:
    return packed.decode("ascii")


FORM = Form(pack=str.encode, unpack=unpack)


class WriteOften(WriteBehind[str]):
    batches = 40


def gauge() -> Gauge:
    return Gauge("degraded", "As the metric of the same meaning.", registry=CollectorRegistry())


def value_of(degraded: Gauge) -> float:
    return next(iter(degraded.collect())).samples[0].value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


@pytest.fixture
def rows(path: Path) -> Iterator[WriteBehind[str]]:
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    yield rows
    rows.close()


async def test_the_newest_rows_that_carry_a_mark_are_found_together(path: Path) -> None:
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    for number in range(5):
        rows.put(f"k{number}", str(number), float(number), (b"odd",) if number % 2 else (b"even", b"too"))
    rows.put("k3", "3", 3.0)  # it carries none any more
    rows.close()
    again = WriteBehind(path, FORM, LATER, 100, gauge())
    assert list((await again.marked(b"even", 2)).items()) == [("k2", "2"), ("k4", "4")]
    assert await again.marked(b"too", 9) == {"k0": "0", "k2": "2", "k4": "4"}
    assert await again.marked(b"odd", 9) == {"k1": "1"}
    again.put("k5", "5", 5.0, (b"odd", b"even"))
    again.put("k2", None)
    assert list((await again.marked(b"even", 2)).items()) == [("k4", "4"), ("k5", "5")]
    assert await again.marked(b"too", 9) == {"k0": "0", "k4": "4"}
    again.close()


def test_a_file_from_before_there_were_marks_is_used_on(path: Path) -> None:
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, key BLOB UNIQUE, at REAL, value BLOB)")
        old.execute("INSERT INTO rows (key, at, value) VALUES (CAST('ann' AS BLOB), 1.0, CAST('1' AS BLOB))")
        old.commit()
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    rows.put("bob", "2", 2.0, (b"m",))
    assert rows.get("ann") == "1"
    rows.close()
    assert stored_value(path, "bob") == b"2"


def test_what_was_put_is_found_before_it_is_written(rows: WriteBehind[str], path: Path) -> None:
    rows.put("ann", "1")
    rows.put("ann", "2")
    assert rows.get("ann") == "2"
    assert rows.get("bob") is None
    assert rows.keys() == {"ann"}
    assert stored_keys(path) == []


async def test_what_is_written_often_is_found_wherever_it_stands_and_where_it_belongs_when_it_is_wanted(
    path: Path,
) -> None:
    rows = WriteOften(path, FORM, LATER, 100, gauge())
    for number in range(3):
        rows.put("ann", str(number))
        rows.put(f"k{number}", "1")
        await rows.written()
    assert stored_keys(path) == []
    assert await rows.find_all(["ann", "k0", "k2", "k3"]) == {"ann": "2", "k0": "1", "k2": "1"}
    assert rows.keys() == {"ann", "k0", "k1", "k2"}
    await rows.sorted_in()
    assert set(stored_keys(path)) == {"ann", "k0", "k1", "k2"}
    rows.put("ann", None)
    await rows.written()
    assert rows.get("ann") is None
    assert set(stored_keys(path)) == {"k0", "k1", "k2"}
    rows.put("ann", "4")
    await rows.sorted_in()
    assert stored_value(path, "ann") == b"4"
    rows.put("ann", "5")
    rows.close()
    assert stored_value(path, "ann") == b"5"


async def test_what_is_written_often_and_cannot_be_sorted_in_is_kept_until_it_can(path: Path) -> None:
    degraded = gauge()
    rows = WriteOften(path, FORM, SOON, 100, degraded)
    rows.put("ann", "1")
    await rows.written()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Temporary, match="could not be written"):
            await rows.sorted_in()
        assert value_of(degraded) == 1
        assert rows.get("ann") == "1"
        other.execute("ROLLBACK")
    wait_for(lambda: value_of(degraded) == 0, "writing goes on")
    await rows.sorted_in()
    assert stored_value(path, "ann") == b"1"
    rows.close()


def test_closing_writes_what_waits(rows: WriteBehind[str], path: Path) -> None:
    rows.put("ann", "1")
    rows.close()
    rows.close()  # twice does no harm
    assert stored_value(path, "ann") == b"1"


def test_rows_are_written_a_moment_later_and_then_read_from_disk(path: Path) -> None:
    rows = WriteBehind(path, FORM, SOON, 100, gauge())
    rows.put("ann", "1")
    wait_for(lambda: rows.rows_written == 1, "rows are written")
    assert stored_value(path, "ann") == b"1"
    assert rows.get("ann") == "1"
    rows.put("ann", "2")
    wait_for(lambda: rows.rows_written == 2, "rows are written")
    assert rows.get("ann") == "2"
    rows.close()


CHILD_THAT_IS_KILLED = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry, Gauge
from detector.state.write_behind import Form, WriteBehind
form = Form(pack=str.encode, unpack=bytes.decode)
WriteBehind.batches, WriteBehind.glances = int(sys.argv[2]), sys.argv[3] == "glances"
rows = WriteBehind(Path(sys.argv[1]), form, 0.05, 100, Gauge("g", "g", registry=CollectorRegistry()))
number = 0
while True:
    number += 1
    written = rows.rows_written
    rows.put("ann", str(number))
    while rows.rows_written == written:
        pass
    print(number, flush=True)
"""


@pytest.mark.parametrize("form", [("1", ""), ("40", ""), ("1", "glances")])
def test_a_killed_process_loses_only_what_was_not_flushed_yet(path: Path, form: tuple[str, str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD_THAT_IS_KILLED, str(path), *form], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        flushed = [int(child.stdout.readline()) for _ in range(5)][-1]
        os.kill(child.pid, signal.SIGKILL)
    again = WriteBehind(path, FORM, LATER, 100, gauge())
    stored = again.get("ann")
    assert stored is not None
    assert int(stored) >= flushed == 5
    assert stored_value(path, "ann") == stored.encode()
    again.close()


CHILD_WITH_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from prometheus_client import CollectorRegistry, Gauge
from detector.state.write_behind import Form, WriteBehind
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
form = Form(pack=str.encode, unpack=bytes.decode)
degraded = Gauge("g", "g", registry=CollectorRegistry())
rows = WriteBehind(Path(sys.argv[1]), form, 0.02, 1000, degraded)
rows.put("before", "1")
while rows.rows_written < 1: pass
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))
for number in range(500):
    rows.put(f"account{number}", "x" * 2000)
state = lambda: next(iter(degraded.collect())).samples[0].value
while state() == 0: pass
assert rows.get("before") == "1"
assert rows.get("account0") == "x" * 2000
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
while state() == 1: pass
assert rows.get("account499") == "x" * 2000
rows.close()
print("done")
"""


def test_a_full_disk_is_shown_and_what_waits_is_written_when_there_is_room_again(path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD_WITH_A_FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert child.stdout.count("state_write_failed") == 1
    assert child.stdout.count("state_written_again") == 1
    assert child.stdout.endswith("done\n")
    assert len(stored_keys(path)) == 501


def test_a_missing_directory_is_shown_once_and_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    degraded = gauge()
    rows = WriteBehind(tmp_path / "missing" / "rows.sqlite", FORM, SOON, 100, degraded)
    assert value_of(degraded) == 1
    assert rows.get("ann") is None  # nothing was ever stored: judged from memory
    rows.put("ann", "1")
    assert rows.get("ann") == "1"
    (tmp_path / "missing").mkdir()
    wait_for(lambda: value_of(degraded) == 0, "writing goes on")
    wait_for(lambda: rows.rows_written == 1, "rows are written")
    rows.close()
    told = capsys.readouterr().out
    assert (told.count("state_write_failed"), told.count("state_written_again")) == (1, 1)
    assert stored_value(tmp_path / "missing" / "rows.sqlite", "ann") == b"1"


def test_while_the_disk_fails_the_oldest_rows_are_given_up_beyond_the_bound(tmp_path: Path) -> None:
    rows = WriteBehind(tmp_path / "missing" / "rows.sqlite", FORM, SOON, 10, gauge())
    for number in range(25):
        rows.put(str(number), "x")
    rows.put("15", "used again")
    wait_for(lambda: len(rows.keys()) == 10, "the rows are there")
    assert rows.keys() == {*map(str, range(16, 25)), "15"}
    rows.close()


def test_while_the_disk_fails_nothing_that_is_to_be_deleted_is_given_up(tmp_path: Path) -> None:
    degraded = gauge()
    rows = WriteBehind(tmp_path / "missing" / "rows.sqlite", FORM, SOON, 10, degraded)
    rows.put("ann", None)
    for number in range(25):
        rows.put(str(number), "x")
    wait_for(lambda: len(rows.keys()) < 25, "others are given up")
    with closing(table.open_for_writing(tmp_path / "elsewhere.sqlite")) as connection:
        connection.execute("INSERT INTO rows (key, at, value) VALUES (CAST('ann' AS BLOB), 1.0, CAST('1' AS BLOB))")
    (tmp_path / "new").mkdir()
    (tmp_path / "elsewhere.sqlite").rename(tmp_path / "new" / "rows.sqlite")
    (tmp_path / "new").rename(tmp_path / "missing")
    wait_for(lambda: value_of(degraded) == 0, "writing goes on")
    rows.close()
    stored = stored_keys(tmp_path / "missing" / "rows.sqlite")
    assert ("ann" in stored, "24" in stored) == (False, True)


def test_a_locked_file_is_waited_for(path: Path) -> None:
    degraded = gauge()
    rows = WriteBehind(path, FORM, SOON, 100, degraded)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        rows.put("ann", "1")
        wait_for(lambda: value_of(degraded) == 1, "it is told that writing fails")
        assert rows.get("ann") == "1"
        other.execute("ROLLBACK")
    wait_for(lambda: value_of(degraded) == 0, "writing goes on")
    rows.close()
    assert stored_value(path, "ann") == b"1"


def test_an_unreadable_row_is_told_kept_and_begun_anew(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = WriteBehind(path, Form(pack=lambda text: text.encode("latin-1"), unpack=unpack), LATER, 100, gauge())
    rows.put("ann", "\xff")
    rows.close()
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    assert rows.get("ann") is None
    rows.put("ann", "new")
    assert rows.get("ann") == "new"
    rows.close()
    assert stored_value(path, "ann") == b"new"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT key, value FROM unreadable").fetchall() == [(b"ann", b"\xff")]
    assert capsys.readouterr().out.count("state_unreadable") == 1


def test_a_value_that_cannot_be_packed_does_not_keep_others_from_the_disk(
    rows: WriteBehind[str], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.put("ann", "\udc80")
    rows.put("bob", "1")
    rows.close()
    assert stored_keys(path) == ["bob"]
    assert "internal_error" in capsys.readouterr().out


def test_a_file_that_is_damaged_while_it_is_used_is_set_aside_with_its_journal(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = WriteBehind(path, FORM, SOON, 10_000, gauge())
    for number in range(8000):  # more than SQLite keeps in its cache and its journal
        rows.put(str(number), "x" * 1000)
    wait_for(lambda: rows.rows_written == 8000, "rows are written")
    assert rows.get("1") == "x" * 1000
    path.write_bytes(b"damage" * (path.stat().st_size // 6))
    for number in range(7000):
        rows.put(str(number), "after")
    wait_for(lambda: rows.rows_written == 15_000, "rows are written")
    assert rows.get("1") == "after"
    assert rows.get("7999") is None
    rows.close()
    assert len(stored_keys(path)) == 7000
    assert path.with_name("rows.sqlite.corrupt-1").exists()
    assert path.with_name("rows.sqlite.corrupt-1-wal").exists()
    assert "state_set_aside" in capsys.readouterr().out


def test_rows_are_forgotten_by_age_and_by_number(rows: WriteBehind[str], path: Path) -> None:
    for number in range(10):
        rows.put(str(number), "x", at=float(number))
    rows.forget(before=3.0, keep=5)
    rows.close()
    assert sorted(stored_keys(path)) == ["5", "6", "7", "8", "9"]
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    rows.forget(before=7.0, keep=5)
    rows.close()
    assert sorted(stored_keys(path)) == ["7", "8", "9"]


async def test_many_rows_are_found_in_one_go_written_or_not(path: Path) -> None:
    rows = WriteBehind(path, FORM, LATER, 10_000, gauge())
    for number in range(2000):
        rows.put(str(number), "written")
    await rows.written()
    rows.put("1", "waits")
    rows.put("2", None)
    found = await rows.find_all([str(number) for number in range(3000)])
    assert found == {"1": "waits"} | {str(number): "written" for number in (0, *range(3, 2000))}
    rows.close()


async def test_who_asks_for_many_waits_for_a_disk_that_does_not_answer_for_a_moment_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    rows = WriteBehind(path, FORM, LATER, 100, gauge(), patience=0.05)
    await rows.written()
    monkeypatch.setattr(table, "read_values", lambda *_: gate.wait() and [])
    rows.put("waits", "1")
    try:
        with pytest.raises(Temporary, match="no answer"):
            await rows.find_all(["waits", "ann"])
        assert await rows.find_all(["waits"]) == {"waits": "1"}  # no disk is asked
    finally:
        gate.set()
        rows.close()


def test_a_disk_that_cannot_be_read_is_said_to_be_out_of_reach(path: Path) -> None:
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    rows.put("ann", "1")
    rows.close()
    path.write_bytes(b"")
    path.unlink()
    path.mkdir()
    rows = WriteBehind(path, FORM, LATER, 100, gauge())
    with pytest.raises(Temporary, match="cannot be read"):
        rows.get("ann")
    rows.put("bob", "1")
    assert rows.get("bob") == "1"
    rows.close()


def test_a_row_that_is_deleted_leaves_nothing_in_the_file(path: Path) -> None:
    secret = "mail of ann " * 800  # several pages
    first = WriteBehind(path, FORM, LATER, 10, gauge())
    first.put("ann", secret)
    first.put("bob", "stays")
    first.close()
    assert b"mail of ann" in path.read_bytes()
    second = WriteBehind(path, FORM, LATER, 10, gauge())
    second.put("ann", None)
    assert (second.get("ann"), second.keys()) == (None, {"bob"})
    second.close()
    assert stored_keys(path) == ["bob"]
    assert not [
        one for one in path.parent.iterdir() if b"mail of ann" in one.read_bytes() or b"ann" in one.read_bytes()
    ]


def files_that_name(path: Path, secret: bytes) -> list[str]:
    return [one.name for one in path.parent.iterdir() if secret in one.read_bytes()]


async def test_a_row_that_is_deleted_leaves_nothing_in_the_files_of_a_running_server(path: Path) -> None:
    draw = random.Random(7)
    rows = WriteBehind(path, FORM, LATER, 10_000, gauge())
    for _ in range(100):  # the row grows and shrinks, and moves
        for _ in range(50):
            rows.put(f"account{draw.randrange(2000)}", "x" * draw.randrange(20, 900))
        rows.put("secret", "secret" * draw.randrange(3, 150))
        await rows.written()
    assert files_that_name(path, b"secret")
    rows.put("secret", None)
    await rows.written()
    assert not files_that_name(path, b"secret")
    rows.close()


async def test_what_is_deleted_while_somebody_reads_leaves_nothing_once_he_is_done(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "PRAGMAS", (*table.PRAGMAS, "busy_timeout = 1"))
    rows = WriteBehind(path, FORM, SOON, 100, gauge())
    rows.put("secret", "x")
    await rows.written()
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rows").fetchall()
        rows.put("secret", None)
        await rows.written()
        assert files_that_name(path, b"secret") == ["rows.sqlite-wal"]
    wait_for(lambda: not files_that_name(path, b"secret"), "nothing of it is left")
    rows.close()


def test_a_row_without_a_time_is_not_forgotten_by_age(path: Path) -> None:
    rows = WriteBehind(path, FORM, LATER, 10, gauge())
    rows.put("timeless", "x")
    rows.put("old", "y", at=1.0)
    rows.forget(before=100.0, keep=10)
    rows.close()
    assert stored_keys(path) == ["timeless"]


def test_a_directory_that_is_gone_is_noticed_though_nothing_is_written(tmp_path: Path) -> None:
    directory, degraded = tmp_path / "state", gauge()
    directory.mkdir()
    rows = WriteBehind(directory / "rows.sqlite", FORM, SOON, 100, degraded)
    directory.rename(tmp_path / "moved")
    wait_for(lambda: value_of(degraded) == 1, "it is shown")
    (tmp_path / "moved").rename(directory)
    wait_for(lambda: value_of(degraded) == 0, "it is back, and nothing was lost")
    rows.close()


async def test_nothing_is_written_into_another_directory_or_a_removed_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory, moved, degraded = tmp_path / "state", tmp_path / "moved", gauge()
    directory.mkdir()
    rows = WriteBehind(directory / "rows.sqlite", FORM, LATER, 100, degraded)
    directory.rename(moved)
    directory.mkdir()
    rows.put("ann", "1")
    await rows.written()
    assert value_of(degraded) == 1.0
    assert not any(directory.iterdir())
    directory.rmdir()
    moved.rename(directory)
    await rows.written()
    assert value_of(degraded) == 0.0
    (directory / "rows.sqlite").unlink()
    rows.put("bob", "2")
    await rows.written()
    assert value_of(degraded) == 1.0
    await rows.sorted_in()  # a new file is begun
    assert table.stored_keys(directory / "rows.sqlite") == ["bob"]
    assert value_of(degraded) == 1.0  # until a restart: what stood there is lost
    assert capsys.readouterr().out.count("state_lost") == 1
    rows.close()
