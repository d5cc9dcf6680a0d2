"""Backup and restore of records in SQLite; PostgreSQL has programs of its own for it, and this knows their lines."""

import fcntl
import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from detector.ports import Refused, Temporary
from detector.records.entries import AuditBroken, AuditHead
from detector.records.records import Records


@dataclass(frozen=True, slots=True)
class Restored:
    """`head` is where the audit log of the backup ended; `aside` is what was there before, under its new names."""

    head: AuditHead
    aside: list[Path]


def back_up(source: Path, target: Path) -> AuditHead:
    """Copy the database as it is at this moment, also while a server writes it; where its audit log ends.

    The copy holds nothing that was deleted. It appears under its name when it is whole, checked and on the disk.
    Raises `Refused` when there is such a file already or no such directory, or the copy is not sound, and `Temporary`.
    """
    if target.exists() or not target.parent.is_dir():
        problem = "is there already: name a new file" if target.exists() else "cannot be: there is no such directory"
        msg = f"{target} {problem}"
        raise Refused(msg)
    unfinished = target.with_name(f"{target.name}.unfinished")
    with _cleared(unfinished), _said("back up"):
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(source, isolation_level=None)) as connection:
            # Not the backup API, which begins anew whenever another process has written
            # (https://sqlite.org/backup.html), and copies pages with what was deleted.
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        head = _sound(unfinished, None)
        _keep(unfinished)
        unfinished.rename(target)
        _keep(target.parent)
    return head


def restore(source: Path, target: Path, expected: AuditHead | None, why: tuple[str, float]) -> Restored:
    """Put a backup in the place of the database.

    `why`: actor and now, for the audit log. The caller has made sure that no server runs. Nothing is changed unless
    the backup is sound: then what was there is kept under other names. Raises `Refused`, `Temporary` and `ConfigError`.
    """
    actor, now = why
    unfinished = target.with_name(f"{target.name}.restoring")
    with _cleared(unfinished), _said("restore"):
        unfinished.touch(mode=0o600)
        with source.open("rb") as backup, unfinished.open("wb") as copy:
            shutil.copyfileobj(backup, copy)
        head = _sound(unfinished, expected)
        records = Records(f"sqlite:///{unfinished}")  # brings an older schema up to date, and refuses a newer one
        records.audit(actor, "restore records", source.name, now, f"from the head {head}")
        records.close()
        _belongs(unfinished, target.parent)
        _keep(unfinished)
        aside = _put_in_place(unfinished, target)
    return Restored(head, aside)


def pg_dump(url: str, file: Path) -> str:
    """The line for a shell that backs records in PostgreSQL up."""
    return shlex.join(["pg_dump", "--format=custom", f"--file={file}", *_place(url), _database(url)])


def pg_restore(url: str, file: Path) -> str:
    """The line for a shell that brings such a backup back, all of it or nothing."""
    options = ["--clean", "--if-exists", "--single-transaction", "--no-owner"]
    return shlex.join(["pg_restore", *options, *_place(url), f"--dbname={_database(url)}", str(file)])


def _place(url: str) -> list[str]:
    parts = make_url(url)
    host = parts.host or parts.query.get("host")
    port = parts.port or parts.query.get("port")
    named = {"host": host, "port": port, "username": parts.username}
    return [f"--{name}={value}" for name, value in named.items() if value]


def _database(url: str) -> str:
    """With what the URL demands of TLS, as libpq writes it: a backup must not be asked for in clear."""
    parts = make_url(url)
    name = parts.database or "postgres"
    demanded = [f"{key}={value}" for key, value in parts.query.items() if key.startswith("ssl")]
    return " ".join([f"dbname={name}", *demanded]) if demanded else name


def _sound(path: Path, expected: AuditHead | None) -> AuditHead:
    """Where the audit log of this file ends. Raises `Refused` if anything is wrong with it."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        except sqlite3.DatabaseError as error:
            found, tables = str(error), set()
    if found != "ok" or "counters" not in tables:
        msg = f"{path.name} is damaged, or has no records in it ({found})"
        raise Refused(msg)
    return _whole(path, expected)


def _whole(path: Path, expected: AuditHead | None) -> AuditHead:
    # In a copy: an older schema is brought up to date for it, and a backup stays as it is.
    trial = path.with_name(f"{path.name}.trial")
    with _cleared(trial):
        trial.touch(mode=0o600)
        shutil.copyfile(path, trial)
        records = Records(f"sqlite:///{trial}")
        try:
            records.verify_audit(expected)
            return records.audit_head()
        except AuditBroken as error:
            msg = f"the audit log in it does not hold together: {error}"
            raise Refused(msg) from error
        finally:
            records.close()


def set_aside(database: Path) -> list[Path]:
    """Give a file of SQLite and its journal new names, which are the answer. Raises `Temporary`."""
    number, aside = 1, []
    while (kept := database.with_name(f"{database.name}.before-restore-{number}")).exists():
        number += 1
    with _said("set aside"):
        # The journal first: with another database it would be damage.
        for ending in ("-wal", "-shm", ""):
            part = database.with_name(database.name + ending)
            if part.exists():
                part.rename(kept.with_name(kept.name + ending))
                aside.append(kept.with_name(kept.name + ending))
    return aside


def _put_in_place(unfinished: Path, target: Path) -> list[Path]:
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)  # as `engine` does: nobody opens the database now
        aside = set_aside(target)  # until the next line is done a second try works
        unfinished.rename(target)
        os.fsync(directory)
    finally:
        os.close(directory)
    return aside


def _belongs(path: Path, directory: Path) -> None:
    """To the user of the service, also when root restores."""
    owner = directory.stat()
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)


def _keep(path: Path) -> None:
    """On the disk, whatever happens to the machine."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _cleared(path: Path) -> Iterator[None]:
    """Nothing of an unfinished file is left, whatever happens."""
    parts = [path.with_name(path.name + ending) for ending in ("", "-wal", "-shm", "-journal")]
    for part in parts:
        part.unlink(missing_ok=True)
    try:
        yield
    finally:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def _said(operation: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        msg = f"records: {operation}: {error}"
        raise Temporary(msg) from error
