"""How much is recorded."""

from detector.records.records import Records
from detector.records.schema import HEAD, metadata
from tests.unit.records.conftest import MakeIncident


def test_rows_are_counted_by_table_and_incidents_by_state(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.open_incident(make_incident("i2", account="ben@example.org"))
    found = records.census()
    assert found.rows.keys() == {table.name for table in metadata.sorted_tables}
    assert (found.rows["incidents"], found.incidents, found.held) == (2, {"open": 2}, {})
    assert found.schema_version == HEAD
    assert found.size_bytes > 10_000


def test_when_something_was_last_done_is_in_the_audit_log(records: Records) -> None:
    for at in (5.0, 9.0, 7.0):
        records.audit("olga", "look at accounts", "to calibrate", at)
    records.audit("olga", "look at accounts", "all", 11.0)
    assert records.last_audited("look at accounts", "to calibrate") == 9.0
    assert records.last_audited("look at accounts", "nothing") is None
