import multiprocessing
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, suppress
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import detector.records.migrations
from detector.config import ConfigError
from detector.ports import Temporary
from detector.records.engine import errors_named, open_engine, open_read_only, stored_version
from detector.records.records import Exemption, Records, Standing
from detector.records.schema import HEAD
from tests.support.disks import MIB, memory_disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.sqlite"


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_what_is_committed_survives_a_power_failure(path: Path) -> None:
    engine = open_engine(url(path))
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_only_the_owner_may_read_the_file(path: Path) -> None:
    open_engine(url(path)).dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_ready_database_is_opened_without_alembic(path: Path) -> None:
    open_engine(url(path)).dispose()
    program = (
        "import sys; from detector.records.engine import open_engine; "
        "open_engine(sys.argv[1]).dispose(); print('alembic' in sys.modules)"
    )
    child = subprocess.run([sys.executable, "-c", program, url(path)], capture_output=True, text=True, check=True)
    assert child.stdout == "False\n"


def test_a_database_of_a_newer_program_is_refused(path: Path) -> None:
    open_engine(url(path)).dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match=rf"schema version 9999, newer than this program \({HEAD}\)"):
        open_engine(url(path))


def first_version(path: Path) -> None:
    """A database as the first program has left it."""
    engine = create_engine(url(path))
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(detector.records.migrations.__path__)))))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO exemptions VALUES ('ann', NULL, 'olga', 'list server')"))
    engine.dispose()


def test_a_database_of_an_older_program_is_brought_up_to_date_with_all_that_is_in_it(path: Path) -> None:
    first_version(path)
    records = Records(url(path))
    assert records.standing() == Standing({}, {"ann": Exemption("ann", None, "olga", "list server")}, {})
    declared = Exemption("bob", 500.0, "olga", "shop", 200, 1000)
    records.exempt(declared, now=100.0)
    records.close()
    again = Records(url(path))
    assert again.standing().exemptions["bob"] == declared
    assert again.verify_audit() == 1
    again.close()


def test_the_version_of_a_database_can_be_asked_without_changing_it(path: Path) -> None:
    first_version(path)
    assert [stored_version(url(path)) for _ in range(2)] == ["0001", "0001"]
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(Temporary, match="not a database"):
        stored_version(url(path))


def test_a_database_of_an_older_program_is_not_read_where_it_cannot_be_brought_up_to_date(path: Path) -> None:
    first_version(path)
    with pytest.raises(Temporary, match="schema version 0001 cannot be brought to"):
        open_read_only(url(path))


@pytest.mark.parametrize(
    "wrong", ["", "no url", "nosuchdatabase://x", "sqlite+nosuchdriver:///x", "sqlite://", "sqlite:///:memory:"]
)
def test_a_wrong_url_is_an_error_of_the_configuration(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"records\.url: "):
        open_engine(wrong)


def test_a_damaged_database_is_refused_and_left_alone(path: Path) -> None:
    content = b"no database" * 1000
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="the database is damaged, or not ours"):
        open_engine(url(path))
    assert path.read_bytes() == content


def test_a_file_is_read_where_nothing_can_be_written_unless_the_newest_entries_are_elsewhere(path: Path) -> None:
    writer = open_engine(url(path))
    with writer.begin() as connection:
        connection.execute(text("UPDATE counters SET audit_hash = 'mine'"))
    with pytest.raises(Temporary, match=r"the newest entries are in .*records\.sqlite-wal"):
        open_read_only(url(path))
    writer.dispose()
    reader = open_read_only(url(path))
    with reader.connect() as connection:
        assert connection.execute(text("SELECT audit_hash FROM counters")).scalar() == "mine"
        with pytest.raises(Temporary, match="readonly"), errors_named("write"):
            connection.execute(text("UPDATE counters SET audit_hash = ''"))
    reader.dispose()


def test_a_missing_directory_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="records: open: "):
        open_engine(url(tmp_path / "missing" / "records.sqlite"))


def test_errors_do_not_tell_the_parameters_of_a_statement(path: Path) -> None:
    engine = open_engine(url(path))
    with pytest.raises(Temporary) as caught, errors_named("look"), engine.connect() as connection:
        connection.execute(text("SELECT :login FROM missing"), {"login": "ann@example.org"})
    assert str(caught.value) == "records: look: no such table: missing"
    assert caught.value.__cause__ is None
    engine.dispose()


def open_at_once(paths: list[Path], barrier: Barrier) -> None:
    for path in paths:
        barrier.wait()
        open_engine(url(path)).dispose()


def test_a_database_whose_counters_were_removed_is_told_in_words(path: Path) -> None:
    records = Records(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM counters")
    for attempt in (records.change_token, records.verify_audit, lambda: records.audit("olga", "look", "ann", 1.0)):
        with pytest.raises(Temporary, match="a row that is always there is missing: restore a backup"):
            attempt()
    records.close()


def test_several_processes_may_make_the_database_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    paths = [tmp_path / f"records{number}.sqlite" for number in range(5)]
    children = [context.Process(target=open_at_once, args=(paths, barrier)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]


def test_a_disk_that_is_full_is_named_with_what_to_do(tmp_path: Path) -> None:
    with memory_disk(tmp_path / "disk", 2 * MIB) as disk:
        file = disk / "records.sqlite"
        Records(url(file)).close()
        with suppress(OSError), (disk / "other").open("wb", buffering=0) as other:
            while True:
                other.write(bytes(4096))
        with pytest.raises(Temporary, match=r"records: open: .*; the disk of .*/records.sqlite is full, 0 octets are "):
            open_engine(url(file))


def test_a_file_that_was_removed_or_replaced_is_not_written_any_more(path: Path) -> None:
    records = Records(url(path))
    before = records.change_token()
    path.rename(path.with_name("moved"))
    for _ in range(2):
        with pytest.raises(Temporary, match=r"records\.sqlite was removed or replaced while it was in use"):
            records.audit("olga", "look", "ann", 1.0)
        with pytest.raises(Temporary, match="restart the detector"):
            records.change_token()
        path.touch()
    path.with_name("moved").rename(path)
    assert records.change_token() == before
    records.close()
