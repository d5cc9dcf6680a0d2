import pytest

from detector.records.audit import START, seal
from detector.records.records import AuditBroken, AuditEntry, Records
from tests.support.records import tamper


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
