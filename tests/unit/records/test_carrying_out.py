from collections.abc import Callable

from detector.incident.incident import Event, Incident, State, Step
from detector.records.records import Records, TimelineEntry
from detector.records.switches import FREEZE, Switch

MakeIncident = Callable[..., Incident]


def stopped(records: Records, make_incident: MakeIncident, incident_id: str, trusted: bool = True) -> None:
    records.open_incident(make_incident(incident_id, incident_id, trusted=trusted))
    records.apply(incident_id, Event.APPROVAL_NEEDED, 101.0, "detector")


def test_a_step_tells_when_it_began(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.record_step("i1", "end_sessions", "done", 105.0, "kicked", began_at=103.5)
    assert records.timeline("i1")[-1] == TimelineEntry(105.0, "detector", "end_sessions: done", "kicked", 103.5)


def test_a_step_that_two_processes_have_done_ends_once(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    for began_at in (103.5, 104.0):
        records.record_step("i1", "change_password", "done", 105.0, began_at=began_at)
    assert [told.began_at for told in records.timeline("i1") if told.event == "change_password: done"] == [103.5]
    assert [entry.action for entry in records.audit_log(10)].count("change_password") == 1


def test_all_that_the_breaker_stopped_go_on_together(records: Records, make_incident: MakeIncident) -> None:
    for incident_id in ("i1", "i2", "i3"):
        stopped(records, make_incident, incident_id)
    assert records.approve_waiting(200.0, "eve", "a real campaign", limit=1) == ["i1"]
    assert records.approve_waiting(201.0, "eve", "a real campaign") == ["i2", "i3"]
    assert {records.incident(i).state for i in ("i1", "i2", "i3")} == {State.OPEN}
    assert records.timeline("i1")[-1] == TimelineEntry(200.0, "eve", "approve", "a real campaign")
    assert records.audit_log(1)[0].actor == "eve"
    for number in (1, 2, 3):
        records.errand_done(number)
    assert [errand.steps for errand in records.errands(10)] == [(Step.CONTAIN,)] * 3


def test_who_may_be_somebody_else_is_never_approved_in_a_bunch(records: Records, make_incident: MakeIncident) -> None:
    stopped(records, make_incident, "i1", trusted=False)
    assert records.approve_waiting(200.0, "eve") == []
    assert records.incident("i1").state is State.PENDING


def test_only_people_give_permission(records: Records, make_incident: MakeIncident) -> None:
    stopped(records, make_incident, "i1")
    assert not records.approved_by_a_person("i1")
    records.approve_waiting(200.0, "detector", "the hour is over")
    assert not records.approved_by_a_person("i1")
    records.apply("i1", Event.APPROVAL_NEEDED, 201.0, "detector")
    records.approve_waiting(202.0, "eve")
    assert records.approved_by_a_person("i1")


def test_a_freeze_holds_until_its_end(records: Records) -> None:
    records.freeze(100.0, 200.0, "eve", "new database")
    assert records.frozen(199.0) == Switch(FREEZE, 100.0, 200.0, "eve", "new database")
    assert records.frozen(200.0) is None


def test_a_later_freeze_replaces_an_earlier_one(records: Records) -> None:
    records.freeze(100.0, 200.0, "eve", "new database")
    records.freeze(150.0, None, "eve", "it takes longer")
    freeze = records.frozen(1e9)
    assert freeze is not None
    assert freeze.reason == "it takes longer"


def test_freezing_is_in_the_audit_log(records: Records) -> None:
    records.freeze(100.0, 3600.0, "eve", "new database")
    assert records.unfreeze(150.0, "eve", "done")
    assert not records.unfreeze(151.0, "eve")
    told = [(entry.actor, entry.action, entry.detail) for entry in reversed(records.audit_log())]
    assert told == [
        ("eve", "freeze", "until 1970-01-01 01:00 UTC: new database"),
        ("eve", "unfreeze", "done"),
        ("eve", "unfreeze", "was not frozen"),
    ]


def test_the_breaker_opens_once_until_it_was_closed(records: Records) -> None:
    assert records.open_breaker(100.0, "20 passwords were changed within an hour")
    assert not records.open_breaker(101.0, "again")
    breaker = records.breaker()
    assert breaker is not None
    assert breaker.since == 100.0
    records.close_breaker()
    assert records.breaker() is None
    assert records.open_breaker(102.0, "again")
