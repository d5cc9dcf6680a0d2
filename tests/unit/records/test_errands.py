from collections.abc import Callable

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

import detector.records.migrations
from detector.incident.incident import Event, Incident, State, Step
from detector.records.errands import Decided, Errand, Waiting
from detector.records.records import Records

MakeIncident = Callable[..., Incident]


def asked(records: Records) -> list[tuple[str, str, tuple[Step, ...]]]:
    return [(errand.incident_id, errand.event, errand.steps) for errand in records.errands(100)]


def test_an_incident_brings_the_errand_to_contain_it(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.open_incident(make_incident("i1"))
    records.open_incident(make_incident("i2"))  # of the same account: the first one stays
    assert records.errands(100) == [Errand(1, "i1", "open", (Step.CONTAIN,), 100.0, 0)]


def test_a_decision_brings_what_the_workflow_has_to_do(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.apply("i1", Event.DISMISS, 101.0, "eve")
    assert asked(records) == [("i1", "open", (Step.CONTAIN,))]
    records.errand_done(1)
    assert asked(records) == [("i1", "dismiss", (Step.LIFT_BLOCK, Step.RELEASE_QUEUE, Step.APOLOGISE))]


def test_what_the_records_do_themselves_is_no_errand(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.errand_done(1)
    records.apply("i1", Event.STEPS_DONE, 101.0, "detector")
    assert records.errands(100) == []


def test_a_refused_decision_brings_nothing(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.errand_done(1)
    with pytest.raises(Exception, match="not possible"):
        records.apply("i1", Event.RELEASE, 101.0, "eve")
    assert records.errands(100) == []


def test_an_errand_that_is_put_off_is_run_again_under_another_number(
    records: Records, make_incident: MakeIncident
) -> None:
    records.open_incident(make_incident("i1"))
    records.put_off(1, 0)
    records.put_off(1, 0)  # as after a crash
    assert records.errands(100)[0].run == 1


def test_who_is_not_closed_is_unresolved(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1", "ann", opened_at=100.0))
    records.open_incident(make_incident("i2", "bob", opened_at=99.0, trusted=False))
    records.open_incident(make_incident("i3", "cid"))
    records.apply("i2", Event.APPROVAL_NEEDED, 105.0, "detector")
    records.apply("i3", Event.DISMISS, 106.0, "eve")
    assert records.unresolved() == [
        Waiting("i2", False, State.PENDING, 105.0),
        Waiting("i1", True, State.OPEN, 100.0),
    ]


def test_containments_of_an_older_program_become_errands(url: str, make_incident: MakeIncident) -> None:
    records = Records(url)
    for incident_id, account in (("i1", "ann"), ("i2", "bob"), ("i3", "cid")):
        records.open_incident(make_incident(incident_id, account))
    records.apply("i2", Event.CONFIRM, 101.0, "eve")
    records.apply("i3", Event.STEPS_DONE, 102.0, "detector")
    records.close()
    engine = create_engine(url)
    with engine.begin() as connection:
        # what is younger than the errands is taken away, and their own step done again
        for table in ("errands", "switches", "executors"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("ALTER TABLE timeline DROP COLUMN began_at"))
        config = Config()
        config.set_main_option("script_location", next(iter(detector.records.migrations.__path__)))
        config.attributes["connection"] = connection
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
        command.upgrade(config, "0004")
        connection.execute(text("UPDATE alembic_version SET version_num = '0006'"))
    engine.dispose()
    records = Records(url)
    assert asked(records) == [("i1", "open", (Step.CONTAIN,)), ("i2", "open", (Step.CONTAIN,))]
    records.close()


def test_the_number_of_an_errand_is_never_used_again(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("i1"))
    records.errand_done(1)
    records.apply("i1", Event.DISMISS, 101.0, "eve")
    assert records.errands(100)[0].number == 2


def test_an_incident_counts_as_what_was_decided_last(records: Records, make_incident: MakeIncident) -> None:
    for number in range(1, 6):
        records.open_incident(make_incident(f"i{number}", f"a{number}", opened_at=100.0))
        records.apply(f"i{number}", Event.STEPS_DONE, 101.0, "detector")
    records.apply("i1", Event.CONFIRM, 102.0, "eve")
    records.apply("i1", Event.DISMISS, 103.0, "eve")  # after all
    records.apply("i2", Event.CONFIRM, 102.0, "eve")
    records.apply("i2", Event.RELEASE, 103.0, "eve")
    records.apply("i3", Event.SELF_RELEASE, 102.0, "a3")
    records.apply("i4", Event.DISMISS, 102.0, "eve")
    assert records.decided_of(100.0) == Decided(confirmed=2, dismissed=2)
    assert records.decided_of(100.5) == Decided(0, 0)
