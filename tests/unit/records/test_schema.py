import math
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

import detector.records.migrations
from detector.records.engine import open_engine
from detector.records.schema import HEAD, Json, escape, metadata, unescape
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict

# hypothesis leaves surrogates out unless it is asked for them
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))


@given(ANY_TEXT)
def test_any_text_is_read_back_equal_and_can_be_stored(text: str) -> None:
    escaped = escape(text)
    assert unescape(escaped) == text
    assert "\x00" not in escaped.encode("utf-8").decode("utf-8")


@given(ANY_TEXT, ANY_TEXT)
def test_two_texts_are_never_stored_as_one(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@pytest.mark.parametrize("nats", [0.0, -1.5, 1e-300, math.inf, -math.inf, 12])
def test_a_verdict_is_read_back_equal(nats: float) -> None:
    evidence = (Evidence(Group.BULK, "recipients\udc80", 3.0, 1, nats),)
    verdict = Verdict(Action.BLOCK, nats, (GroupScore(Group.BULK, nats, evidence),), "policy-1", "model-1")
    column = Json(Verdict)
    dialect = create_engine("sqlite://").dialect
    assert column.process_result_value(column.process_bind_param(verdict, dialect), dialect) == verdict


def test_the_migrations_make_exactly_the_tables_that_the_program_knows(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/records.sqlite")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_head_is_the_newest_version_and_there_is_one_line_of_them() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(next(iter(detector.records.migrations.__path__)))))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_tables_can_be_made_in_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call,unused-ignore]
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE" in str(CreateIndex(index).compile(dialect=dialect))
