from collections.abc import Callable
from dataclasses import replace

from detector.incident.incident import Incident
from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.records.records import Exemption, Records, VerdictNote
from detector.traffic.cohort import Cohort
from tests.support.records import everything

Make = Callable[..., Incident]


def transaction(transaction_id: str, account: str = "ann") -> Transaction:
    statuses = (RecipientStatus.ACCEPTED, RecipientStatus.REFUSED, RecipientStatus.ACCEPTED, RecipientStatus.PACED)
    return Transaction(
        transaction_id=transaction_id,
        message_key="m1",
        identity=Identity(account, "policy-service", trusted=True),
        client="198.51.100.7",
        helo="pc.example",
        mail_from=Address("ann", "example.org"),
        recipients=tuple(Recipient(Address("victim", f"{n}.test"), status) for n, status in enumerate(statuses)),
        stream=Stream.PERSONAL,
        received_at=100.0,
        size_bytes=2048,
    )


def test_every_account_with_an_incident_that_is_not_closed_is_blocked(records: Records, make_incident: Make) -> None:
    assert records.standing().blocks == {}
    for login in ("ann", "EXAMPLE\\bob", "\udcffcid"):
        records.open_incident(make_incident(f"of {login}", login))
    assert records.standing().blocks == {login: f"of {login}" for login in ("ann", "EXAMPLE\\bob", "\udcffcid")}


def test_an_exemption_holds_until_it_runs_out_or_is_revoked(records: Records) -> None:
    records.exempt(Exemption("ann", 500.0, "olga", "newsletter of the club"), now=100.0)
    records.exempt(Exemption("bob", None, "olga", "list server"), now=100.0)
    exemptions = records.standing().exemptions
    assert exemptions["ann"] == Exemption("ann", 500.0, "olga", "newsletter of the club")
    assert [exemptions["ann"].holds(now) for now in (499.0, 500.0)] == [True, False]
    assert exemptions["bob"].holds(1e12)
    assert records.unexempt("bob", "olga", now=200.0)
    assert not records.unexempt("bob", "olga", now=201.0)
    assert set(records.standing().exemptions) == {"ann"}
    assert [entry.action for entry in records.audit_log()] == ["unexempt", "unexempt", "exempt", "exempt"]


def test_a_later_exemption_takes_the_place_of_an_earlier(records: Records) -> None:
    records.exempt(Exemption("ann", 500.0, "olga", "club"), now=100.0)
    records.exempt(Exemption("ann", None, "piet", "for ever"), now=200.0)
    assert records.standing().exemptions == {"ann": Exemption("ann", None, "piet", "for ever")}


def test_the_audit_log_tells_the_end_of_an_exemption_as_a_date_and_why_it_was_revoked(records: Records) -> None:
    records.exempt(Exemption("ann", 86_400.5, "olga", "club"), now=100.0)
    records.unexempt("ann", "olga", 200.0, "the mailing is over")
    records.unexempt("ann", "olga", 201.0, "once more")
    assert [entry.detail for entry in reversed(records.audit_log())] == [
        "until 1970-01-02 00:00:00 UTC: club",
        "the mailing is over",
        "was not exempt: once more",
    ]


def test_a_declaration_is_kept_and_told_in_the_audit_log(records: Records) -> None:
    declared = Exemption("ann", None, "olga", "monthly letter", 500, 2000)
    records.exempt(declared, now=100.0)
    records.exempt(replace(declared, account="bob", until=86_400.5, recipients_per_hour=None), now=100.0)
    assert records.standing().exemptions["ann"] == declared
    assert [entry.detail for entry in reversed(records.audit_log())] == [
        "until revoked, at most 500 recipients an hour and 2000 a day: monthly letter",
        "until 1970-01-02 00:00:00 UTC, at most 2000 recipients a day: monthly letter",
    ]


def test_a_cohort_is_assigned_changed_and_taken_back(records: Records) -> None:
    records.assign_cohort("ann", Cohort.ORGANISATION, "olga", now=100.0)
    records.assign_cohort("EXAMPLE\\bob", Cohort.PERSON, "olga", now=100.0)
    records.assign_cohort("ann", Cohort.APPLICATION, "olga", now=101.0)
    assert records.standing().cohorts == {"ann": Cohort.APPLICATION, "EXAMPLE\\bob": Cohort.PERSON}
    records.assign_cohort("ann", None, "olga", now=102.0)
    assert records.standing().cohorts == {"EXAMPLE\\bob": Cohort.PERSON}
    told = [(entry.action, entry.subject, entry.detail) for entry in records.audit_log()]
    assert told[:2] == [("cohort", "ann", "learned"), ("cohort", "ann", "application")]
    assert records.verify_audit() == 4


def test_an_exemption_does_not_lift_a_block(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident("i1", "ann"))
    records.exempt(Exemption("ann", None, "olga", "club"), now=100.0)
    assert records.standing().blocks == {"ann": "i1"}


def test_a_suspicious_verdict_is_kept_with_its_reasons(records: Records, make_incident: Make) -> None:
    verdict = make_incident().verdict
    records.note_verdicts([(transaction("t1"), verdict)], now=101.0)
    counts = {"accepted": 2, "refused": 1, "paced": 1}
    note = VerdictNote(101.0, "ann", "t1", "policy-service", "198.51.100.7", counts, 2048, verdict)
    assert records.verdicts("ann") == [note]
    assert records.verdicts("bob") == []


def test_suspicious_verdicts_of_many_accounts_are_written_in_one_go(records: Records, make_incident: Make) -> None:
    verdict = make_incident().verdict
    notes = {account: transaction(f"of {account}", account) for account in ("ann", "bob")}
    records.note_verdicts([(one, verdict) for one in notes.values()], now=101.0)
    records.note_verdicts([], now=102.0)
    assert {account: [note.transaction_id for note in records.verdicts(account)] for account in notes} == {
        "ann": ["of ann"],
        "bob": ["of bob"],
    }


def test_no_recipient_address_is_kept(records: Records, make_incident: Make, url: str) -> None:
    records.note_verdicts([(transaction("t1"), make_incident().verdict)], now=101.0)
    assert "198.51.100.7" in everything(url)
    assert "victim" not in everything(url)


def test_verdicts_are_listed_newest_first(records: Records, make_incident: Make) -> None:
    for number in range(5):
        records.note_verdicts([(transaction(f"t{number}"), make_incident().verdict)], now=100.0 + number)
    assert [note.transaction_id for note in records.verdicts("ann", limit=2)] == ["t4", "t3"]
