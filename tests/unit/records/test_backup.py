"""A backup is whole, sound and of one moment; a restore changes nothing unless it can be all of it."""

import shlex
import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from detector.config import ConfigError
from detector.incident.incident import Event
from detector.ports import Refused, Temporary
from detector.records.backup import back_up, pg_dump, pg_restore, restore
from detector.records.entries import AuditHead
from detector.records.records import Records
from tests.support.postgres import SUPERUSER, Postgres, programs
from tests.support.records import tamper
from tests.unit.records.conftest import MakeIncident

WHY = ("greta", 900.0)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    directory = tmp_path / "state"
    directory.mkdir()
    return directory / "records.sqlite"


@pytest.fixture
def saved(live: Path, tmp_path: Path, make_incident: MakeIncident) -> Path:
    """A backup with one block in it; after it the account was released, and another one was blocked."""
    with closing(Records(f"sqlite:///{live}")) as records:
        records.open_incident(make_incident())
        back_up(live, tmp_path / "backup.sqlite")
        records.apply("i1", Event.DISMISS, 200.0, "olga")
        records.open_incident(make_incident("i2", "bob"))
    return tmp_path / "backup.sqlite"


def blocks(path: Path) -> dict[str, str]:
    with closing(Records(f"sqlite:///{path}")) as records:
        records.verify_audit()
        return records.standing().blocks


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_lost_file_comes_back_with_its_blocks(live: Path, saved: Path) -> None:
    live.unlink()
    restored = restore(saved, live, None, WHY)
    assert restored.aside == []
    assert blocks(live) == {"ann@example.org": "i1"}
    assert stat.S_IMODE(live.stat().st_mode) == 0o600
    assert names(live.parent) == ["records.sqlite"]


def test_the_restore_is_an_entry_in_the_log_that_goes_on(live: Path, saved: Path) -> None:
    head = restore(saved, live, None, WHY).head
    assert head.number == 1
    with closing(Records(f"sqlite:///{live}")) as records:
        newest = records.audit_log(1)[0]
        assert (newest.number, newest.actor, newest.action) == (2, "greta", "restore records")
        assert (newest.subject, newest.detail) == (saved.name, f"from the head {head}")
        assert records.verify_audit(head) == 2


def test_what_was_there_is_kept_under_other_names(live: Path, saved: Path) -> None:
    restore(saved, live, None, WHY)
    second = restore(saved, live, None, WHY)
    assert [path.name for path in second.aside] == ["records.sqlite.before-restore-2"]
    assert blocks(live.with_name("records.sqlite.before-restore-1")) == {"bob": "i2"}
    assert blocks(live) == {"ann@example.org": "i1"}


def test_a_journal_that_a_crash_has_left_goes_aside_with_its_database(live: Path, saved: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(Records(f"sqlite:///{live}")) as records:
        records.audit("olga", "look", "x", 1.0)
        for name in ("records.sqlite", "records.sqlite-wal"):
            shutil.copy(live.with_name(name), crashed / name)
    restored = restore(saved, crashed / "records.sqlite", None, WHY)
    assert len(restored.aside) == 2
    assert blocks(crashed / "records.sqlite") == {"ann@example.org": "i1"}
    assert blocks(restored.aside[-1]) == {"bob": "i2"}
    with closing(Records(f"sqlite:///{restored.aside[-1]}")) as records:
        assert records.audit_log(1)[0].action == "look"  # only the journal had it


def test_a_backup_is_of_one_moment_though_a_server_writes_all_the_time(
    live: Path, tmp_path: Path, make_incident: MakeIncident
) -> None:
    enough, ready = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        with closing(Records(f"sqlite:///{live}")) as records:
            while not enough.is_set():
                records.open_incident(make_incident(f"i{number}", str(number)))
                number += 1
                ready.set()

    writer = threading.Thread(target=write)
    writer.start()
    ready.wait()
    try:
        heads = [back_up(live, tmp_path / f"backup-{number}.sqlite") for number in range(5)]
    finally:
        enough.set()
        writer.join()
    for number, head in enumerate(heads):
        # Each opening of an incident is one entry: a copy with the one and without the other would not be whole.
        assert len(blocks(tmp_path / f"backup-{number}.sqlite")) == head.number
    with closing(Records(f"sqlite:///{live}")) as records:
        assert all(records.verify_audit(head) for head in heads)


def test_a_backup_is_for_its_owner_only_and_never_replaces_a_file(live: Path, saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    before = saved.read_bytes()
    with pytest.raises(Refused, match="is there already: name a new file"):
        back_up(live, saved)
    assert saved.read_bytes() == before


def test_what_was_deleted_is_not_in_a_backup(live: Path, tmp_path: Path) -> None:
    with closing(Records(f"sqlite:///{live}")) as records:
        for number in range(300):
            records.reset_profile(f"secret-{number}@example.org", "olga", 1.0, "")
        with records._write("erase") as connection:
            connection.exec_driver_sql("DELETE FROM erasures")
            connection.exec_driver_sql("DELETE FROM audit")
            connection.exec_driver_sql("UPDATE counters SET audit_entries = 0, audit_hash = audit_cut_hash")
        back_up(live, tmp_path / "backup.sqlite")
    assert b"secret-" not in (tmp_path / "backup.sqlite").read_bytes()


def test_a_backup_that_fails_leaves_no_half_file(live: Path, saved: Path) -> None:
    with pytest.raises(Refused, match="there is no such directory"):
        back_up(live, live.parent / "missing" / "backup.sqlite")
    live.write_bytes(b"no database" * 1000)
    with pytest.raises(Temporary, match=r"records: back up: .*not a database"):
        back_up(live, saved.with_name("second.sqlite"))
    assert names(saved.parent) == ["backup.sqlite", "state"]


def spoil_bytes(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:5000] + Random(7).randbytes(8000) + content[13000:])


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def change_entry(path: Path) -> None:
    tamper(f"sqlite:///{path}", "UPDATE audit SET actor = 'nobody'")


@pytest.mark.parametrize("spoil", [spoil_bytes, cut_short, empty, change_entry], ids=lambda spoil: str(spoil.__name__))
def test_a_backup_that_is_not_sound_is_refused_and_nothing_changes(
    live: Path, saved: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(saved)
    before = live.read_bytes()
    with pytest.raises(Refused, match=r"damaged, or has no records in it|the audit log in it does not hold together"):
        restore(saved, live, None, WHY)
    assert (live.read_bytes(), names(live.parent)) == (before, ["records.sqlite"])


def test_a_backup_of_something_else_is_refused(live: Path, saved: Path) -> None:
    saved.unlink()
    with closing(sqlite3.connect(saved)) as connection, connection:
        connection.execute("CREATE TABLE profiles (x)")
    with pytest.raises(Refused, match="has no records in it"):
        restore(saved, live, None, WHY)


def test_a_backup_of_a_newer_program_is_refused_and_one_of_an_older_is_brought_up_to_date(
    live: Path, saved: Path
) -> None:
    tamper(f"sqlite:///{saved}", "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer than this program"):
        restore(saved, live, None, WHY)
    saved.unlink()
    first = Path(__file__).parents[2] / "contracts" / "first_release" / "sqlite.sql"
    with closing(sqlite3.connect(saved)) as connection:
        connection.executescript(first.read_text("utf-8"))
    assert restore(saved, live, None, WHY).head.number == 10
    assert list(blocks(live).values()) == ["bbbb2222"]


def test_a_backup_is_compared_with_a_head_that_was_kept_elsewhere(live: Path, saved: Path) -> None:
    with pytest.raises(Refused, match="audit entry 7 is missing"):
        restore(saved, live, AuditHead(7, "0" * 64), WHY)
    assert blocks(live) == {"bob": "i2"}


# -- PostgreSQL --


@pytest.mark.debian("postgresql")
def test_the_lines_for_postgresql_bring_everything_back(
    postgres_records_url: str, tmp_path: Path, make_incident: MakeIncident
) -> None:
    url, file = postgres_records_url, tmp_path / "it's a backup"
    records = Records(url)
    records.open_incident(make_incident())
    run(pg_dump(url, file))
    head = records.audit_head()
    records.apply("i1", Event.DISMISS, 200.0, "olga")
    records.close()
    run(pg_restore(url, file))
    again = Records(url)
    assert again.standing().blocks == {"ann@example.org": "i1"}
    assert again.verify_audit(head) == 1
    again.record_step("i1", "change_password", "done", 300.0)  # numbers go on where they were
    again.close()


@pytest.mark.debian("postgresql")
def test_a_lost_database_is_made_anew_from_its_backup(
    postgres: Postgres, tmp_path: Path, make_incident: MakeIncident
) -> None:
    database = postgres.fresh()
    url = postgres.url(database)
    records = Records(url)
    records.open_incident(make_incident())
    run(pg_dump(url, tmp_path / "backup"))
    records.close()
    postgres.execute(f"DROP DATABASE {database} WITH (FORCE)")
    postgres.execute(f"CREATE DATABASE {database} OWNER detector")
    run(pg_restore(url, tmp_path / "backup"))
    again = Records(url)
    assert again.standing().blocks == {"ann@example.org": "i1"}
    again.close()


def run(line: str) -> None:
    program, *arguments = shlex.split(line)
    subprocess.run([str(programs() / program), *arguments], check=True)


def test_the_lines_name_the_place_and_the_login() -> None:
    url = f"postgresql+psycopg://{SUPERUSER}@db.example:5433/detector"
    assert pg_dump(url, Path("/b/x y")) == (
        "pg_dump --format=custom '--file=/b/x y' --host=db.example --port=5433 --username=postgres detector"
    )
    assert pg_dump("postgresql+psycopg:///detector?host=/run/postgresql", Path("/b/x")) == (
        "pg_dump --format=custom --file=/b/x --host=/run/postgresql detector"
    )
    assert "--dbname=detector" in pg_restore(url, Path("/b/x"))


def test_a_backup_is_asked_for_with_the_same_tls() -> None:
    url = "postgresql+psycopg://db.example/detector?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    wanted = "'{}dbname=detector sslmode=verify-full sslrootcert=/etc/ca.pem'"
    assert pg_dump(url, Path("/b/x")).endswith(f"--host=db.example {wanted.format('')}")
    assert wanted.format("--dbname=") in pg_restore(url, Path("/b/x"))
