"""What was put long ago goes, sooner or later; what was put since then stays."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.state import forgetting as module
from detector.state import table
from detector.state.forgetting import Sweep, forget_rows
from detector.state.glance import Glance
from detector.state.writer import Row, Writer
from tests.support.page_cache import told

TIMES = st.floats(0.0, 9.0) | st.integers(0, 9).map(float)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.sqlite"


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_LOOKED_AT", 2)


def rows(times: Mapping[str, float]) -> Mapping[str, Row[str]]:
    return {key: (at, "x", ()) for key, at in times.items()}


def opened(path: Path) -> Writer[str]:
    return Writer(path, str.encode, 1, Glance(path))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(table.SCHEMA)
        yield connection


def put(connection: sqlite3.Connection, times: Mapping[int, float]) -> None:
    table.write_rows(connection, [(str(key).encode(), at, b"x", None, None) for key, at in times.items()])


def left(connection: sqlite3.Connection) -> set[int]:
    return {int(key) for (key,) in connection.execute("SELECT key FROM rows").fetchall()}


@given(
    times=st.dictionaries(st.integers(0, 30), TIMES),
    gone=st.sets(st.integers(0, 30)),
    before=TIMES,
    at_once=st.integers(1, 40),
)
def test_a_sweep_leaves_what_an_index_by_time_would_leave(
    times: dict[int, float], gone: set[int], before: float, at_once: int
) -> None:
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(module, "ROWS_LOOKED_AT", at_once)
        connection.executescript(table.SCHEMA)
        put(connection, times)
        table.delete_rows(connection, [(str(key).encode(),) for key in gone])
        times = {key: at for key, at in times.items() if key not in gone}
        sweep = Sweep(before)
        removed = [sweep.go_on(connection)]
        while not sweep.done:
            removed.append(sweep.go_on(connection))
        kept = {key for key, at in times.items() if at >= before or at == 0.0}
        assert left(connection) == kept
        assert any(removed) == (kept != times.keys())


def test_at_once_goes_what_is_older_and_the_oldest_beyond_the_number(connection: sqlite3.Connection) -> None:
    put(connection, {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 0.0})
    forget_rows(connection, 2.0, 100)
    assert left(connection) == {2, 3, 4, 5}
    forget_rows(connection, 0.0, 2)
    assert left(connection) == {3, 4}


@pytest.mark.usefixtures("few_at_once")
def test_with_each_writing_a_few_rows_are_looked_at_until_none_is_left(path: Path) -> None:
    writer = opened(path)
    writer.write(rows({"ann": 1.0, "bob": 5.0, "cid": 1.0, "dan": 1.0, "eve": 1.0}), {}, None, True)
    assert not writer.unfinished
    writer.write({}, {}, (3.0, 2**31), True)
    assert writer.unfinished
    assert set(table.stored_keys(path)) == {"bob", "cid", "dan", "eve"}
    writer.write(rows({"eve": 6.0}), {}, (4.0, 2**31), True)  # the first one is not begun anew
    assert set(table.stored_keys(path)) == {"bob", "eve"}
    writer.write({}, {}, None, True)
    assert not writer.unfinished
    writer.close()
    assert set(table.stored_keys(path)) == {"bob", "eve"}


@pytest.mark.usefixtures("few_at_once")
def test_what_a_later_writing_removes_is_not_seen_at_a_glance_any_more(path: Path) -> None:
    glance = Glance(path)
    writer: Writer[str] = Writer(path, str.encode, 1, glance)
    writer.write(rows({"ann": 5.0, "bob": 5.0, "cid": 1.0, "dan": 5.0}), {}, None, True)
    writer.close()
    writer = Writer(path, str.encode, 1, glance)
    assert told(path, lambda: glance.value("cid")) == b"x"
    writer.write({}, {}, (3.0, 2**31), True)
    assert told(path, lambda: glance.value("cid")) == b"x"
    writer.write({}, {}, None, True)
    assert glance.value("cid") is None
    assert told(path, lambda: glance.value("dan")) == b"x"
    writer.close()


def indices(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}


def test_a_file_of_a_version_that_had_an_index_by_time_loses_it_and_nothing_else(path: Path) -> None:
    with closing(table.open_for_writing(path)) as earlier:
        table.write_rows(earlier, [(b"ann", 1.0, b"1", None, None), (b"bob", 5.0, b"2", None, None)])
    assert "rows_by_time" in indices(path)
    writer = opened(path)
    writer.write({}, {}, (3.0, 2**31), True)
    writer.close()
    assert "rows_by_time" not in indices(path)
    assert dict(table.stored_rows(path)) == {"bob": b"2"}
