"""What is read page by page is what SQLite would tell, or nothing."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.state import pages
from detector.state.pages import OpenFile, Pages
from detector.state.table import SCHEMA
from tests.support.page_cache import told

SMALL = 512  # octets in a page: few rows make trees of many levels
KEYS = st.one_of(st.binary(max_size=12), st.binary(min_size=60, max_size=100))
VALUES = st.one_of(st.integers(0, 150), st.integers(400, 2000)).map(lambda size: b"v" * size)


def stored(path: Path, rows: Mapping[bytes, bytes], page_bytes: int = SMALL) -> Pages:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO rows (key, at, value) VALUES (?, ?, ?)", [(k, 0.5, v) for k, v in rows.items()]
        )
    return opened(path)


def opened(path: Path) -> Pages:
    with closing(sqlite3.connect(path)) as connection:
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema"))
    return Pages(OpenFile(str(path)), roots["sqlite_autoindex_rows_1"], roots["rows"])


@pytest.mark.parametrize("page_bytes", [512, 4096, 65536])
def test_each_of_many_rows_is_found_by_its_key_and_no_other_row(tmp_path: Path, page_bytes: int) -> None:
    rows = {b"%d@customer.example" % (number * 7919 % 5003): b"v" * (number % 150) for number in range(5003)}
    path = tmp_path / "rows.sqlite"
    reading = stored(path, rows, page_bytes)
    assert {key: told(path, partial(reading.value, key)) for key in rows} == rows
    for key in (b"", b"0", b"17@customer.exampl", b"17@customer.example0", b"\xff"):
        assert reading.value(key) is None


@settings(max_examples=25, deadline=None)
@given(
    rows=st.dictionaries(KEYS, VALUES, max_size=40),
    gone=st.sets(st.integers(0, 39)),
    page_bytes=st.sampled_from((512, 1024)),
)
@example(rows={b"%d" % size: b"v" * size for size in range(430, 490)}, gone=set(), page_bytes=512)
def test_what_is_told_is_what_sqlite_tells(rows: dict[bytes, bytes], gone: set[int], page_bytes: int) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "rows.sqlite"
        stored(path, rows, page_bytes)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.executemany(
                "DELETE FROM rows WHERE key = ?", [(key,) for n, key in enumerate(rows) if n in gone]
            )
        reading = opened(path)
        all_in_place = all(len(key) < 90 for key in rows)  # of a longer one the index has the rest in another page
        for number, (key, value) in enumerate(rows.items()):
            if number in gone or len(key) + len(value) > page_bytes:  # it is not there, or goes on in another page
                assert reading.value(key) is None
            elif all_in_place and len(key) + len(value) < 400:
                assert told(path, partial(reading.value, key)) == value
            else:
                assert reading.value(key) in {None, value}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_tells_something_or_nothing_and_ends(seed: int) -> None:
    drawn, rows = Random(seed), {b"%d@customer.example" % number: b"v" * (number % 90) for number in range(150)}
    with TemporaryDirectory() as directory:
        path = Path(directory) / "rows.sqlite"
        reading = stored(path, rows)
        content = bytearray(path.read_bytes())
        for _ in range(drawn.randrange(1, 200)):
            content[drawn.randrange(SMALL, len(content))] = drawn.randrange(256)
        path.write_bytes(content[: drawn.randrange(SMALL, len(content))])
        assert {type(reading.value(key)) for key in rows} <= {bytes, type(None)}


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 100])
def test_what_is_no_database_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(content)
    with pytest.raises(OSError, match="no database"):
        Pages(OpenFile(str(path)), 3, 2)


def test_what_is_not_in_memory_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def preadv(_descriptor: int, _room: list[bytearray], _offset: int, flags: int) -> int:
        asked.append(flags)
        if len(asked) == 1:
            raise BlockingIOError
        return SMALL // 2  # the rest is not

    reading = stored(tmp_path / "rows.sqlite", {b"ann": b"1"})
    monkeypatch.setattr(os, "preadv", preadv)
    assert (reading.value(b"ann"), reading.value(b"ann")) == (None, None)
    assert asked == [pages.NOWAIT] * 2


def test_a_file_is_closed_with_its_last_reader(tmp_path: Path) -> None:
    reading = stored(tmp_path / "rows.sqlite", {b"ann": b"1"})
    file = OpenFile(str(tmp_path / "rows.sqlite"))
    descriptor = file.descriptor
    os.fstat(descriptor)
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert told(tmp_path / "rows.sqlite", lambda: reading.value(b"ann")) == b"1"
