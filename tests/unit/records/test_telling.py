from detector.records.records import Records
from detector.records.telling import CUSTOMER_TOLD
from tests.support.response import NOW, incident

STEP, _, DONE = CUSTOMER_TOLD.partition(": ")


def test_notices_are_counted_for_the_account_and_the_time(records: Records) -> None:
    records.open_incident(incident("i-1"))
    records.open_incident(incident("i-2", "bob@example.org"))
    assert records.notices_since("ann@example.org", 0.0) == 0
    records.record_step("i-1", STEP, "retried", NOW, "busy")
    records.record_step("i-1", STEP, DONE, NOW)
    records.record_step("i-1", "change_password", DONE, NOW)
    records.record_step("i-2", STEP, DONE, NOW)
    assert records.notices_since("ann@example.org", NOW) == 1
    assert records.notices_since("ann@example.org", NOW + 1.0) == 0


def test_what_happened_since_is_told_for_each_incident(records: Records) -> None:
    assert records.last_entry("i-1", NOW) == records.last_entry_before(NOW) == 0
    assert records.happened_since(0) == []
    records.open_incident(incident("i-1"))
    first = records.last_entry("i-1", NOW)
    assert first > 0
    assert records.last_entry("i-1", NOW - 2.5) == records.last_entry_before(NOW - 2.0) == 0
    assert records.last_entry_before(NOW) == first
    records.open_incident(incident("i-2", "bob@example.org"))
    records.record_step("i-1", STEP, "failed", NOW, "nobody there")
    happened = records.happened_since(first)
    assert [h.incident.incident_id for h in happened] == ["i-2", "i-1"]
    assert [[entry.event for entry in h.entries.values()] for h in happened] == [["opened"], [f"{STEP}: failed"]]
    assert happened[1].entries[happened[1].number].detail == "nobody there"
    assert first < happened[0].number < happened[1].number == records.last_entry("i-1", NOW)
    assert records.happened_since(happened[1].number) == []
