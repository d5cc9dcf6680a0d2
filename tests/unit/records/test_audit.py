import pytest
from sqlalchemy import create_engine, text

from detector.incident.incident import Event
from detector.records.audit import START, seal
from detector.records.entries import AuditHead, Termination
from detector.records.held_entries import HeldDecision, HeldSelection
from detector.records.records import AuditBroken, AuditEntry, Exemption, Records
from detector.records.retention import Retention
from detector.traffic.cohort import Cohort
from tests.support.records import tamper
from tests.unit.records.conftest import MakeIncident


def fill(records: Records) -> None:
    for number in range(5):
        records.audit("olga", "look", f"account{number}", 100 + number, "because \udcff")


def test_entries_are_listed_newest_first_and_hold_together(records: Records) -> None:
    assert records.verify_audit() == 0
    fill(records)
    assert records.verify_audit() == 5
    newest, before = records.audit_log(2)
    assert (newest.number, newest.at, newest.actor, newest.action) == (5, 104.0, "olga", "look")
    assert (newest.subject, newest.detail) == ("account4", "because \udcff")
    assert newest.hash == seal(before.hash, newest)


def test_the_hash_is_that_of_the_manual() -> None:
    # printf '%064d\n{"action":"a","actor":"o","at":1.0,"detail":"","number":1,"subject":"s"}' 0 | sha256sum
    expected = "a83a9203b85910b41722128dbfa15f24319bb0e20a4a97560c7107138a52d82a"
    assert seal(START, AuditEntry(1, 1, "o", "a", "s", "", hash="")) == expected


@pytest.mark.parametrize("column", ["at", "actor", "action", "subject", "detail", "hash"])
def test_a_changed_entry_is_found(records: Records, url: str, column: str) -> None:
    fill(records)
    tamper(url, f"UPDATE audit SET {column} = '7' WHERE number = 3")  # noqa: S608 - the test's own words
    with pytest.raises(AuditBroken, match="audit entry 3 was changed"):
        records.verify_audit()


@pytest.mark.parametrize("change", ["at = 'noon'", "at = x'00'", "actor = x'ff'"])
def test_an_entry_that_was_changed_to_another_kind_of_value_is_found(sqlite_url: str, change: str) -> None:
    records = Records(sqlite_url)  # PostgreSQL keeps to the types of its columns
    fill(records)
    tamper(sqlite_url, f"UPDATE audit SET {change} WHERE number = 3")  # noqa: S608 - the test's own words
    with pytest.raises(AuditBroken, match="an audit entry was changed to what cannot be read"):
        records.verify_audit()
    records.close()


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_entry_is_found(records: Records, url: str, number: int) -> None:
    fill(records)
    tamper(url, f"DELETE FROM audit WHERE number = {number}")  # noqa: S608
    with pytest.raises(AuditBroken, match=f"audit entry {number} is missing"):
        records.verify_audit()


def test_an_emptied_log_is_found(records: Records, url: str) -> None:
    fill(records)
    tamper(url, "DELETE FROM audit")
    with pytest.raises(AuditBroken, match="audit entry 1 is missing"):
        records.verify_audit()


def test_two_entries_that_were_exchanged_are_found(records: Records, url: str) -> None:
    fill(records)
    tamper(url, "UPDATE audit SET number = -2 WHERE number = 2")
    tamper(url, "UPDATE audit SET number = 2 WHERE number = 3")
    tamper(url, "UPDATE audit SET number = 3 WHERE number = -2")
    with pytest.raises(AuditBroken, match="audit entry 2 was changed"):
        records.verify_audit()


def test_an_entry_that_was_put_in_afterwards_is_found(records: Records, url: str) -> None:
    fill(records)
    tamper(url, "INSERT INTO audit VALUES (6, 1.0, 'eve', 'look', 'x', '', 'no hash')")
    with pytest.raises(AuditBroken, match="audit entry 6 was changed"):
        records.verify_audit()


def fill_with_all_kinds(records: Records, make_incident: MakeIncident) -> int:
    """What the program and people leave in the log; how many entries."""
    records.open_incident(make_incident())
    records.record_step("i1", "change_password", "done", 101.0)
    records.apply("i1", Event.CONFIRM, 102.0, "olga", "malware")
    records.apply("i1", Event.RELEASE, 103.0, "olga", "cleaned")
    records.exempt(Exemption("bob", None, "olga", "list server"), 104.0)
    records.unexempt("bob", "olga", 105.0)
    records.assign_cohort("bob", Cohort.PERSON, "olga", 106.0)
    records.audit("olga", "look at account", "bob", 107.0)
    records.correct("i1", "olga", 108.0, "it was the laptop")
    records.withdraw_strike("i1", "olga", 109.0, "by mistake")
    records.decide_termination(Termination("bob", 110.0, "greta", ended=True, reason="third time"))
    records.reset_profile("bob", "olga", 111.0, "moved")
    records.forget("bob", ("greta", 112.0, "asked"), 112.0, 0.0)
    records.freeze(113.0, None, "greta", "maintenance")
    records.decide_held(HeldSelection(account="bob"), HeldDecision.DISCARD, "olga", 114.0, "spam")
    return records.audit_head().number


def test_a_change_of_any_column_of_any_kind_of_entry_is_found(
    records: Records, make_incident: MakeIncident, url: str
) -> None:
    entries = fill_with_all_kinds(records, make_incident)
    assert records.verify_audit() == entries >= 15
    engine = create_engine(url)
    for entry in records.audit_log(100):
        for column in ("at", "actor", "action", "subject", "detail", "hash"):
            change = text(f"UPDATE audit SET {column} = :value WHERE number = :number")  # noqa: S608 - our own names
            original = getattr(entry, column)
            with engine.begin() as connection:
                other = 7.0 if column == "at" else f"{original}x"
                connection.execute(change, {"value": other, "number": entry.number})
            with pytest.raises(AuditBroken, match=f"audit entry {entry.number} was changed"):
                records.verify_audit()
            with engine.begin() as connection:
                connection.execute(change, {"value": original, "number": entry.number})
    engine.dispose()
    assert records.verify_audit() == entries


# -- a head that was kept elsewhere --


def test_a_log_that_goes_on_from_a_head_is_the_same_log(records: Records) -> None:
    assert records.audit_head() == AuditHead(0, START)
    assert records.verify_audit(records.audit_head()) == 0
    fill(records)
    kept = records.audit_head()
    assert str(kept) == f"5:{kept.hash}"
    fill(records)
    assert records.verify_audit(kept) == 10


def test_a_log_whose_end_was_cut_together_with_its_counter_is_found_by_the_head(records: Records, url: str) -> None:
    fill(records)
    kept, third = records.audit_head(), records.audit_log(3)[-1]
    tamper(
        url,
        "DELETE FROM audit WHERE number > 3",
        f"UPDATE counters SET audit_entries = 3, audit_hash = '{third.hash}'",  # noqa: S608
    )
    assert records.verify_audit() == 3  # nothing in the database tells
    with pytest.raises(AuditBroken, match="audit entry 5 is missing: the log was cut at its end, or is another one"):
        records.verify_audit(kept)


def test_a_log_that_was_forged_anew_is_found_by_the_head(records: Records, url: str) -> None:
    fill(records)
    kept = records.audit_head()
    tamper(url, "DELETE FROM audit", f"UPDATE counters SET audit_entries = 0, audit_hash = '{START}'")  # noqa: S608
    for _ in range(2):
        records.audit("eve", "look", "harmless", 100.0)
        fill(records)
    assert records.verify_audit() == 12
    with pytest.raises(AuditBroken, match="audit entry 5 is not the one that was expected"):
        records.verify_audit(kept)


def test_a_forged_log_that_pretends_to_be_cut_behind_the_head_is_found(records: Records, url: str) -> None:
    fill(records)
    kept = records.audit_head()
    tamper(
        url,
        "DELETE FROM audit",
        f"UPDATE counters SET audit_entries = 9, audit_hash = '{START}', audit_cut = 9, audit_cut_hash = '{START}'",  # noqa: S608
    )
    records.audit("detector", "cut audit log", "9", 200.0, START)
    assert records.verify_audit() == 10  # nothing in the database tells
    with pytest.raises(
        AuditBroken, match="audit entry 5 cannot be compared: those up to 9 were removed, by age or not"
    ):
        records.verify_audit(kept)


# -- a log that is cut by age --

FOREVER = 1e12


def aged(days: float) -> Retention:
    return Retention(verdicts=FOREVER, incidents=FOREVER, audit=days * 86_400.0, strikes_fade_after=FOREVER)


def test_old_entries_are_cut_and_the_cut_is_told_and_the_rest_holds_together(records: Records) -> None:
    for day in range(10):
        records.audit("olga", "look", f"day {day}", day * 86_400.0)
    kept = records.audit_head()
    fifth, fourth = (AuditHead(entry.number, entry.hash) for entry in records.audit_log(7)[-2:])
    assert records.enforce_retention(aged(5), now=9.5 * 86_400.0) == {"audit": 5}
    newest, *rest = records.audit_log(100)
    assert [entry.subject for entry in rest] == [f"day {day}" for day in range(9, 4, -1)]
    assert (newest.actor, newest.action, newest.subject) == ("detector", "cut audit log", "5")
    assert records.verify_audit(kept) == 11
    assert records.verify_audit(fifth) == 11  # the last that was cut: the rest is sealed with its hash
    with pytest.raises(AuditBroken, match="audit entry 4 cannot be compared: those up to 5 were removed"):
        records.verify_audit(fourth)
    assert records.enforce_retention(aged(5), now=9.5 * 86_400.0) == {}


def test_a_log_is_cut_once_a_day_at_most_and_the_last_entry_stays(records: Records) -> None:
    records.audit("olga", "look", "early", 0.0)
    records.audit("olga", "look", "late", 86_400.0)
    assert records.enforce_retention(aged(1), now=1.9 * 86_400.0) == {}
    assert records.enforce_retention(aged(1), now=2.1 * 86_400.0) == {"audit": 1}
    assert records.enforce_retention(aged(1), now=100 * 86_400.0) == {"audit": 1}
    assert [entry.action for entry in records.audit_log(10)] == ["cut audit log", "cut audit log"]
    assert records.verify_audit() == 4


def test_a_cut_that_nobody_told_of_is_found(records: Records, url: str) -> None:
    fill(records)
    second = records.audit_log(4)[-1]
    tamper(
        url,
        "DELETE FROM audit WHERE number <= 2",
        f"UPDATE counters SET audit_cut = 2, audit_cut_hash = '{second.hash}'",  # noqa: S608
    )
    with pytest.raises(AuditBroken, match="audit entries up to 2 are missing, and no entry tells that they were cut"):
        records.verify_audit()


def test_a_log_is_kept_for_ever_unless_something_else_is_said(records: Records) -> None:
    fill(records)
    assert records.enforce_retention(aged(0), now=FOREVER) == {}
    assert records.verify_audit() == 5
