"""Each kind of record goes in its time, a bounded number at once; what counts or waits stays."""

from dataclasses import replace

import pytest

from detector.incident.incident import Event
from detector.records import retention
from detector.records.entries import Exemption, Termination
from detector.records.records import Records
from detector.records.retention import ORDERS_KEPT, Retention
from tests.unit.records.conftest import MakeIncident
from tests.unit.records.test_standing import transaction

DAY = 86_400.0
KEPT = Retention(verdicts=30 * DAY, incidents=730 * DAY, audit=0.0, strikes_fade_after=365 * DAY)


def close(records: Records, incident_id: str, at: float, confirmed: bool = False) -> None:
    if confirmed:
        records.apply(incident_id, Event.CONFIRM, at, "olga")
    records.apply(incident_id, Event.RELEASE if confirmed else Event.DISMISS, at, "olga")
    while todo := records.errands(10):
        records.errand_done(todo[0].number)


def test_verdicts_go_after_their_time(records: Records, make_incident: MakeIncident) -> None:
    for at in (0.0, 10 * DAY):
        records.note_verdicts([(transaction("t1"), make_incident().verdict)], at)
    assert records.enforce_retention(KEPT, now=30 * DAY) == {}
    assert records.enforce_retention(KEPT, now=31 * DAY) == {"verdicts": 1}
    assert [note.at for note in records.verdicts("ann")] == [10 * DAY]


def test_a_closed_incident_goes_with_all_that_belongs_to_it(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident("old"))
    records.claim_password_change("old", 100.0, 20)
    close(records, "old", 200.0)
    records.open_incident(make_incident("new", opened_at=DAY, changed_at=DAY))
    close(records, "new", DAY)
    assert records.enforce_retention(KEPT, now=730 * DAY) == {}
    assert records.enforce_retention(KEPT, now=730 * DAY + 201.0) == {"incidents": 1, "forgiveness": 1}
    assert [incident.incident_id for incident in records.incidents()] == ["new"]
    assert records.left_of("ann@example.org") == {"incidents": 1, "timeline": 2, "forgiveness": 1}


def test_an_incident_that_is_not_closed_never_goes(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident())
    assert records.enforce_retention(KEPT, now=1e12) == {}
    assert records.standing().blocks == {"ann@example.org": "i1"}


def test_a_strike_that_counts_keeps_its_incident(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident())
    close(records, "i1", DAY, confirmed=True)
    long = replace(KEPT, incidents=10 * DAY)
    assert records.enforce_retention(long, now=366 * DAY) == {"forgiveness": 1}
    assert len(records.strikes("ann@example.org")) == 1
    assert records.enforce_retention(long, now=367 * DAY) == {"incidents": 1}
    assert records.strikes("ann@example.org") == []


def test_an_incident_with_work_that_is_not_done_stays(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident())
    records.apply("i1", Event.DISMISS, 200.0, "olga")
    assert "incidents" not in records.enforce_retention(KEPT, now=1e12)


def test_exemptions_that_ran_out_go_and_those_without_end_stay(records: Records) -> None:
    records.exempt(Exemption("ann", 100.0, "olga", ""), 0.0)
    records.exempt(Exemption("bob", None, "olga", ""), 0.0)
    assert records.enforce_retention(KEPT, now=730 * DAY + 101.0) == {"exemptions": 1}
    assert list(records.standing().exemptions) == ["bob"]


def test_the_last_decision_about_the_end_of_a_service_stays(records: Records) -> None:
    for at, ended in ((0.0, True), (1.0, False), (2.0, True)):
        records.decide_termination(Termination("ann", at, "greta", ended, ""))
    records.decide_termination(Termination("bob", 0.0, "greta", ended=True, reason=""))
    assert records.enforce_retention(KEPT, now=731 * DAY) == {"terminations": 2}
    last = records.termination("ann")
    assert last is not None
    assert (last.at, last.ended) == (2.0, True)
    assert records.termination("bob") is not None


def test_orders_to_erase_stay_long_enough_for_a_server_that_was_off(records: Records) -> None:
    records.reset_profile("ann", "olga", 0.0, "")
    assert records.enforce_retention(KEPT, now=ORDERS_KEPT - 1.0) == {}
    assert records.enforce_retention(KEPT, now=ORDERS_KEPT + 1.0) == {"erasures": 1}


def test_a_large_heap_is_carried_off_bit_by_bit(
    records: Records, make_incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST", 3)
    for number in range(7):
        records.note_verdicts([(transaction(f"t{number}"), make_incident().verdict)], 0.0)
    removed = []
    while batch := records.enforce_retention(KEPT, now=31 * DAY):
        removed.append(batch)
    assert removed == [{"verdicts": 3}, {"verdicts": 3}, {"verdicts": 1}]
