"""What customers may ask for: all that is recorded, corrections, erasure; and what stays all the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, update

from detector.incident.incident import Event
from detector.mail.transaction import Stream
from detector.ports import Temporary
from detector.records import database, engine
from detector.records.entries import Erasure, Exemption, Offer, Termination, UnknownIncident
from detector.records.held_entries import HeldDecision, HeldMessage, HeldRecipient, HeldSelection
from detector.records.records import Records
from detector.records.schema import errands, incidents, metadata
from detector.traffic.cohort import Cohort
from detector.verdict.hold import Held
from detector.verdict.verdict import Action, Verdict
from tests.support.records import everything
from tests.unit.records.conftest import MakeIncident
from tests.unit.records.test_standing import transaction

ANN, JOANN = "ann@example.org", "joann@example.org"
YEAR = 365 * 86_400.0


@pytest.fixture
def full(records: Records, make_incident: MakeIncident) -> Records:
    """All kinds of records about Ann, with two closed incidents, the second with a strike; and some about Joann."""
    for account, first, second in ((ANN, "a1", "a2"), (JOANN, "j1", "j2")):
        records.open_incident(make_incident(first, account))
        records.record_step(first, "change_password", "done", 101.0)
        records.claim_password_change(first, 101.0, 20)
        records.offer_self_release(first, Offer(account, 102.0, "salt", "abcd"))
        records.apply(first, Event.DISMISS, 110.0, "olga")
        records.open_incident(make_incident(second, account, opened_at=200.0, changed_at=200.0))
        records.apply(second, Event.CONFIRM, 210.0, "olga")
        records.apply(second, Event.RELEASE, 220.0, "olga", "cleaned up")
        records.exempt(Exemption(account, None, "olga", "list server"), 230.0)
        records.assign_cohort(account, Cohort.PERSON, "olga", 231.0)
        records.note_verdicts([(transaction("t1", account), make_incident().verdict)], 232.0)
        records.decide_termination(Termination(account, 233.0, "greta", ended=False, reason="pays"))
        while todo := records.errands(100):
            records.errand_done(todo[0].number)
    return records


def test_all_that_is_recorded_is_told_table_by_table_and_nothing_about_others(full: Records) -> None:
    found = full.all_about(ANN)
    counts = {table: len(rows) for table, rows in found.items()}
    assert counts == {
        "incidents": 2,
        "timeline": 6,
        "strikes": 1,
        "password_changes": 1,
        "exemptions": 1,
        "cohorts": 1,
        "forgiveness": 2,
        "terminations": 1,
        "self_releases": 1,
        "verdicts": 1,
        "held": 0,
        "errands": 0,
        "erasures": 0,
        "audit": 9,
    }
    text = msgspec.json.encode(msgspec.to_builtins(found)).decode()
    assert JOANN not in text
    assert "salt" not in text
    assert "j1" not in text


def test_a_table_that_is_about_accounts_is_never_left_out(full: Records) -> None:
    personal = {table.name for table in metadata.sorted_tables if {"account", "incident_id"} & set(table.c.keys())}
    assert personal | {"audit"} == full.all_about(ANN).keys()


def test_nothing_is_told_about_an_account_that_nobody_knows(full: Records) -> None:
    assert not any(full.all_about("nn@example.org").values())
    assert full.left_of("nn@example.org") == {}


def test_a_strike_is_withdrawn_with_its_reason(full: Records) -> None:
    assert full.withdraw_strike("a2", "olga", 300.0, "confirmed by mistake")
    assert full.strikes(ANN) == []
    assert (full.timeline("a2")[-1].event, full.timeline("a2")[-1].detail) == (
        "strike withdrawn",
        "confirmed by mistake",
    )
    newest = full.audit_log(1)[0]
    assert (newest.action, newest.subject, newest.detail) == ("strike withdrawn", "a2", "confirmed by mistake")
    assert not full.withdraw_strike("a2", "olga", 301.0, "again")
    assert not full.withdraw_strike("nobody", "olga", 301.0, "again")


def test_a_correction_stands_beside_what_was_written(full: Records) -> None:
    before = full.timeline("a2")
    full.correct("a2", "olga", 300.0, "it was the old laptop")
    assert full.timeline("a2")[:-1] == before
    assert (full.timeline("a2")[-1].event, full.timeline("a2")[-1].detail) == ("correction", "it was the old laptop")
    assert full.audit_log(1)[0].action == "correction"
    with pytest.raises(UnknownIncident):
        full.correct("nobody", "olga", 300.0, "x")


def test_servers_are_told_which_profiles_to_erase_in_order(full: Records) -> None:
    full.reset_profile(ANN, "olga", 300.0, "moved")
    full.reset_profile(JOANN, "olga", 301.0, "moved")
    first, second = full.erasures_since(0)
    assert (first.account, first.at, second.account) == (ANN, 300.0, JOANN)
    assert first.sequence < second.sequence
    assert full.erasures_since(first.sequence) == [Erasure(second.sequence, JOANN, 301.0)]
    assert full.audit_log(1)[0].action == "reset profile"


def test_who_is_forgotten_leaves_an_audited_tombstone_and_what_counts(full: Records) -> None:
    removed = full.forget(ANN, ("greta", 300.0, "asked by letter"), closed_before=300.0, strikes_since=0.0)
    assert removed == {"verdicts": 1, "exemptions": 1, "cohorts": 1, "forgiveness": 2, "held": 0, "incidents": 1}
    left = full.left_of(ANN)
    assert left == {"incidents": 1, "timeline": 3, "strikes": 1, "terminations": 1}
    tombstone = full.audit_log(1)[0]
    assert (tombstone.actor, tombstone.action, tombstone.subject) == ("greta", "forget", ANN)
    assert tombstone.detail == (
        "verdicts (1), exemptions (1), cohorts (1), forgiveness (2), incidents (1): asked by letter"
    )
    assert [erasure.account for erasure in full.erasures_since(0)] == [ANN]
    assert full.verify_audit() == full.audit_head().number


def test_the_incident_goes_when_its_strike_counts_no_more(full: Records, url: str) -> None:
    full.forget(ANN, ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=211.0)
    assert full.left_of(ANN) == {"terminations": 1}
    assert "480" not in "".join(line for line in everything(url).splitlines() if "'a2'" in line)
    assert len(full.incidents(account=JOANN)) == 2


def test_an_incident_that_is_open_stays(full: Records, make_incident: MakeIncident) -> None:
    full.open_incident(make_incident("a3", ANN, opened_at=250.0, changed_at=250.0))
    full.forget(ANN, ("greta", 300.0, "asked"), closed_before=1e12, strikes_since=1e12)
    assert [incident.incident_id for incident in full.incidents(account=ANN)] == ["a3"]
    assert full.standing().blocks == {ANN: "a3"}


def test_to_forget_who_is_not_known_is_told_as_well(records: Records) -> None:
    records.forget("nobody", ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=0.0)
    assert records.audit_log(1)[0].detail == "nothing but the profile: asked"


def test_what_is_erased_does_not_stand_in_the_file_any_more(sqlite_url: str, make_incident: MakeIncident) -> None:
    records = Records(sqlite_url)
    for number in range(50):
        records.note_verdicts([(transaction(f"secret-{number}", ANN), make_incident().verdict)], 100.0)
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    records.close()
    assert b"secret-" in file.read_bytes()
    records.forget(ANN, ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=0.0)
    records.close()
    assert b"secret-" not in file.read_bytes()


def test_what_is_erased_does_not_stand_in_the_journal_of_a_running_server(
    sqlite_url: str, make_incident: MakeIncident
) -> None:
    server, command = Records(sqlite_url), Records(sqlite_url)
    server.note_verdicts([(transaction("secret-1", ANN), make_incident().verdict)], 100.0)
    files = list(Path(sqlite_url.removeprefix("sqlite:///")).parent.glob("records*"))
    assert any(b"secret-" in file.read_bytes() for file in files)
    command.forget(ANN, ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=0.0)
    assert not any(b"secret-" in file.read_bytes() for file in files)
    assert server.left_of(ANN) == {}
    server.close()
    command.close()


def test_who_reads_on_and_on_what_was_erased_is_named(
    sqlite_url: str, make_incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, "busy_timeout = 1"))
    records = Records(sqlite_url)
    records.note_verdicts([(transaction("secret-1", ANN), make_incident().verdict)], 100.0)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM verdicts").fetchall()
        with pytest.raises(Temporary, match="erased, but the journal still has it, and somebody reads"):
            records.forget(ANN, ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=0.0)
    records.forget(ANN, ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=0.0)
    records.close()


def test_a_disk_too_full_to_empty_the_journal_is_told_with_what_is_done(
    sqlite_url: str, make_incident: MakeIncident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_connection: object) -> None:
        msg = "database or disk is full"
        raise sqlite3.OperationalError(msg)

    records = Records(sqlite_url)
    records.note_verdicts([(transaction("secret-1", ANN), make_incident().verdict)], 100.0)
    with monkeypatch.context() as patched:
        patched.setattr(database, "closing", full)
        with pytest.raises(Temporary, match=r"erased, but the journal still has it \(database or disk is full\)"):
            records.forget(ANN, ("greta", 300.0, "asked"), closed_before=300.0, strikes_since=0.0)
    assert records.left_of(ANN) == {}
    records.close()


def hold(records: Records, message_id: str, account: str, recipient: str) -> None:
    message = HeldMessage(
        message_id=message_id,
        spool="hop",
        account=account,
        mail="FROM:<ann@example.org>",
        recipients=(HeldRecipient(f"TO:<{recipient}>"),),
        xforward={},
        transaction=transaction(message_id, account),
        verdict=Verdict(Action.HOLD, 7.0, (), "policy-1", "model-1"),
        evidence=Held(Stream.PERSONAL, ()),
        size_bytes=2048,
        held_at=150.0,
        changed_at=150.0,
        key_id="key-of-the-spool",
        digest=f"digest-{message_id}",
    )
    assert records.put_held(message)


def test_held_mail_is_told_with_its_recipients_and_without_our_keys(records: Records) -> None:
    hold(records, "m1", ANN, "kim@example.net")
    hold(records, "m2", JOANN, "lou@example.net")
    records.decide_held(HeldSelection(message="m1"), HeldDecision.DISCARD, "olga", 160.0, "spam")
    found = records.all_about(ANN)
    (held,) = found["held"]
    assert (held["mail"], held["size_bytes"], held["state"]) == ("FROM:<ann@example.org>", 2048, "discarded")
    text = str(msgspec.to_builtins(found))
    assert "kim@example.net" in text
    assert not [word for word in ("lou@", "key-of-the-spool", "digest-m1", "victim") if word in text]


def test_held_mail_that_ended_goes_once_its_file_is_erased_and_what_waits_keeps_its_incident(
    records: Records, make_incident: MakeIncident
) -> None:
    for message_id in ("m1", "m2", "m3"):
        hold(records, message_id, ANN, "kim@example.net")
    records.open_incident(make_incident("a1", ANN))  # takes the held mail of the account to itself
    for message_id in ("m1", "m2"):
        records.decide_held(HeldSelection(message=message_id), HeldDecision.DISCARD, "olga", 160.0)
    records.held_erased(["m1"])
    with records._write("close") as connection:
        connection.execute(update(incidents).values(state="closed", changed_at=170.0))
        connection.execute(delete(errands))
    assert records.forget(ANN, ("greta", 300.0, "asked"), 300.0, 0.0)["held"] == 1
    assert records.left_of(ANN) == {"incidents": 1, "timeline": 1, "held": 2}
    records.decide_held(HeldSelection(message="m3"), HeldDecision.DISCARD, "olga", 310.0)
    records.held_erased(["m2", "m3"])
    again = records.forget(ANN, ("greta", 320.0, "asked"), 400.0, 0.0)
    assert (again["held"], again["incidents"], records.left_of(ANN)) == (2, 1, {})
