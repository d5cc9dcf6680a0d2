"""Records of the first release, as its program has left them in each database, are brought up to date and lose nothing.

`first_release` holds them as `.dump` of sqlite3 and `pg_dump --inserts` wrote them.
"""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from detector.incident.incident import Event, State
from detector.incident.strike import Strike
from detector.records import engine
from detector.records.records import Exemption, Forgiveness, Records, TimelineEntry
from detector.records.schema import HEAD, metadata
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict
from tests.support.ports import HOST
from tests.support.postgres import OWNER, Postgres, programs

FIRST = Path(__file__).with_name("first_release")
EVIDENCE = Evidence(Group.BULK, "recipients_per_hour", 480.0, 12.5, 12.25)
VERDICT = Verdict(Action.BLOCK, 12.25, (GroupScore(Group.BULK, 12.25, (EVIDENCE,)),), "policy-1", "model-1")
BOB = "EXAMPLE\\bob\udcff"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.debian("postgresql"))])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of the first release."""
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "records.sqlite")) as connection:
            connection.executescript((FIRST / "sqlite.sql").read_text("utf-8"))
        return f"sqlite:///{tmp_path}/records.sqlite"
    postgres: Postgres = request.getfixturevalue("postgres")
    database = postgres.fresh()
    place = ["-h", HOST, "-p", str(postgres.port), "-U", OWNER, "-d", database]
    script = FIRST / "postgresql.sql"
    psql = [str(programs() / "psql"), *place, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={script}"]
    subprocess.run(psql, check=True, stdout=subprocess.DEVNULL)
    return postgres.url(database)


def version(url: str) -> str:
    made = create_engine(url)
    with made.connect() as connection:
        found = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    made.dispose()
    return found


def test_everything_of_the_first_release_is_read_back(old: str) -> None:
    records = Records(old)
    ann, bob, cleo = (records.incident(name) for name in ("aaaa1111", "bbbb2222", "cccc3333"))
    assert (ann.account, ann.state, ann.opened_at, ann.changed_at) == ("ann@example.org", State.CLOSED, 100.0, 300.0)
    assert (ann.verdict, ann.facts) == (VERDICT, {"client": "192.0.2.77", "subject": "Übung"})
    assert (bob.account, bob.state, cleo.state) == (BOB, State.OPEN, State.CLOSED)
    story = records.timeline("aaaa1111")
    assert story[1] == TimelineEntry(102.0, "detector", "change_password: done", "passwd-file")
    assert [told.event for told in story][2:] == ["steps_done", "confirm", "release"]
    assert records.strikes("ann@example.org") == [Strike("ann@example.org", "aaaa1111", 200.0)]
    assert records.password_changes_since(0.0) == 1
    assert records.claim_password_change("aaaa1111", 900.0, limit=0)  # once yes, always yes
    standing = records.standing()
    assert standing.blocks == {BOB: "bbbb2222"}
    assert standing.exemptions == {"dan@example.org": Exemption("dan@example.org", 9e9, "olga", "list server")}
    assert records.forgiven_since(0) == [
        Forgiveness(6, "ann@example.org", 300.0),
        Forgiveness(9, "cleo@example.org", 600.0),
    ]
    (note,) = records.verdicts("ann@example.org")
    assert (note.at, note.recipients, note.verdict) == (99.5, {"accepted": 1, "refused": 1}, VERDICT)
    assert records.verify_audit() == 10
    records.close()


def test_work_goes_on_where_the_first_release_has_ended(old: str) -> None:
    records = Records(old)
    records.apply("bbbb2222", Event.DISMISS, 1000.0, "olga")
    assert records.standing().blocks == {}
    assert records.verify_audit() == 11
    records.close()
    assert version(old) == HEAD


def test_an_upgraded_database_is_the_same_as_a_new_one(old: str) -> None:
    Records(old).close()
    made = create_engine(old)
    with made.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    made.dispose()


def test_an_upgrade_that_breaks_off_leaves_everything_as_it_was(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(old)
    upgrade = engine._migrate

    def killed_at_the_end(*words: object) -> None:
        upgrade(*words)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "_migrate", killed_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        Records(old)
    assert (tables(old), version(old)) == (before, "0001")
    monkeypatch.undo()
    records = Records(old)
    assert records.verify_audit() == 10
    records.close()


def tables(url: str) -> dict[str, list[object]]:
    """All tables with their columns and rows."""
    made = create_engine(url)
    found: dict[str, list[object]] = {}
    with made.connect() as connection:
        for name in sorted(inspect(connection).get_table_names()):
            result = connection.execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - names of the database
            found[name] = [tuple(result.keys()), *sorted(tuple(row) for row in result)]
    made.dispose()
    return found
