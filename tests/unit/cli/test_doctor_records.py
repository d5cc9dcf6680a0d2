"""What waits for people, and what was not done for long."""

from pathlib import Path

import pytest

from detector.cli.doctor_part import Part
from detector.cli.doctor_records import FORGOTTEN, STALE, examine_records
from detector.cli.finding import Level
from detector.cli.words import DAY
from detector.config import parse
from detector.incident.incident import Event
from detector.records.accountable import CALIBRATED
from detector.records.records import Records
from tests.support.seeded_house import INCIDENT, WAITING_INCIDENT, SeededHouse, seeded_house


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> SeededHouse:
    return seeded_house(tmp_path_factory.mktemp("seeded") / "house")


@pytest.fixture
def house(template: SeededHouse, tmp_path: Path) -> SeededHouse:
    return template.copy(tmp_path / "house")


def parts_of(records: Records, house: SeededHouse, later: float = 0.0) -> dict[str, Part]:
    now = records.incident(INCIDENT).changed_at + later
    return {part.name: part for part in examine_records(records, house.config, now)}


def told(part: Part) -> list[tuple[Level, str]]:
    return [(one.level, one.about) for one in part.findings]


def test_an_incident_that_needs_a_person_is_a_problem(house: SeededHouse) -> None:
    with house.records() as records:
        part = parts_of(records, house)["incidents"]
        assert told(part) == [(Level.PROBLEM, "incidents")]
        assert part.facts["contained incidents"] == part.facts["pending incidents"] == 1
        records.apply(WAITING_INCIDENT, Event.DISMISS, 1.0, "olga")
        assert not parts_of(records, house)["incidents"].findings


def test_a_decision_that_nobody_takes_is_a_hint(house: SeededHouse) -> None:
    with house.records() as records:
        records.apply(WAITING_INCIDENT, Event.DISMISS, 1.0, "olga")
        (finding,) = parts_of(records, house, FORGOTTEN + DAY)["incidents"].findings
    assert finding.level is Level.HINT
    assert "the oldest for 4 days" in finding.text


def test_breaker_and_freeze_are_told_without_who_and_why(house: SeededHouse) -> None:
    with house.records() as records:
        now = records.audit_log(1)[0].at
        records.apply(WAITING_INCIDENT, Event.DISMISS, 1.0, "olga")
        records.open_breaker(now, "more than 20 within an hour")
        records.freeze(now, now + 3600.0, "olga", "LDAP is down")
        part = parts_of(records, house)["incidents"]
    assert told(part) == [(Level.PROBLEM, "breaker"), (Level.HINT, "freeze")]
    assert part.facts["frozen until_at"] == now + 3600.0
    assert "olga" not in str(part)
    assert "LDAP" not in str(part)


@pytest.mark.parametrize(
    ("days", "own", "levels"), [(None, "", [Level.HINT]), (None, "9.0", []), (1, "", []), (STALE + 1, "", [Level.HINT])]
)
def test_a_calibration_that_is_due_is_a_hint(
    house: SeededHouse, days: int | None, own: str, levels: list[Level]
) -> None:
    judging = parse(f"judging.block_score = {own}" if own else "")
    with house.records() as records:
        now = records.audit_log(1)[0].at
        if days is not None:
            records.audit("olga", *CALIBRATED, now - days * DAY)
        part = {part.name: part for part in examine_records(records, judging, now)}["calibration"]
    assert [one.level for one in part.findings] == levels
    assert part.facts["thresholds"] == ("your own" if own else "as shipped")
