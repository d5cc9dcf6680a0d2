"""Held mail as it is released and ends."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from detector.records.held_entries import (
    Attempt,
    HeldDecision,
    HeldRecipient,
    HeldSelection,
    HeldState,
    HeldUse,
    RecipientState,
)
from detector.records.records import Records
from tests.support.held_house import a_held_message
from tests.support.mail_to import ANN

BOB = "TO:<bob@example.net>"
SENDING = (HeldRecipient(BOB, RecipientState.SENDING),)


def state(records: Records, message_id: str = "t1") -> HeldState:
    message = records.held(message_id)
    assert message is not None
    return message.state


def attempt(
    records: Records, after: HeldState, recipients: tuple[HeldRecipient, ...] = SENDING, **more: object
) -> bool:
    return records.settle_held(Attempt("t1", after, recipients, 30.0, **more))  # type: ignore[arg-type]


def test_of_many_who_claim_a_message_one_may_send_it(url: str, records: Records) -> None:
    records.put_held(a_held_message(state=HeldState.RELEASING))
    others = [Records(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda one: one.claim_held("t1", SENDING, 20.0), others))
    for one in others:
        one.close()
    assert sorted(claims) == [False, False, False, True]
    assert state(records) is HeldState.SENDING


def test_only_the_host_that_has_the_file_is_given_a_message(records: Records) -> None:
    records.put_held(a_held_message("t1", state=HeldState.RELEASING))
    records.put_held(a_held_message("t2", state=HeldState.RELEASING, spool="elsewhere"))
    records.put_held(a_held_message("t3", state=HeldState.RELEASING, next_attempt_at=99.0))
    records.put_held(a_held_message("t4"))
    assert [one.message_id for one in records.due_held("spool-1", 50.0, 10)] == ["t1"]
    assert [one.message_id for one in records.due_held("spool-1", 99.0, 10)] == ["t1", "t3"]
    assert [one.message_id for one in records.oldest_held("spool-1", ANN, 10)] == ["t4"]
    assert records.filed_held("spool-1") == {"t1", "t3", "t4"}


def test_what_goes_by_itself_is_what_nobody_decided_otherwise(records: Records) -> None:
    records.put_held(a_held_message("t1"))
    records.put_held(a_held_message("t2"))
    records.decide_held(HeldSelection(message="t2"), HeldDecision.DISCARD, "olga", 20.0)
    assert records.let_held_go(["t1", "t2"], 30.0) == ["t1"]
    assert state(records, "t2") is HeldState.DISCARDED


def test_an_attempt_is_written_as_a_whole(records: Records) -> None:
    records.put_held(a_held_message(state=HeldState.RELEASING))
    records.claim_held("t1", SENDING, 20.0)
    waiting = (HeldRecipient(BOB, RecipientState.WAITING, "450 Later"),)
    assert attempt(records, HeldState.RELEASING, waiting, next_attempt_at=90.0, problem="450 Later")
    message = records.held("t1")
    assert message is not None
    assert (message.state, message.attempts, message.next_attempt_at) == (HeldState.RELEASING, 1, 90.0)
    assert (message.recipients, message.problem, message.changed_at) == (waiting, "450 Later", 30.0)


def test_an_attempt_that_came_too_late_changes_nothing(records: Records) -> None:
    records.put_held(a_held_message(state=HeldState.DISCARDED))
    report = a_held_message("r1", about="t1")
    assert not attempt(records, HeldState.RETURNED, report=report)
    assert state(records) is HeldState.DISCARDED
    assert records.held("r1") is None


def test_a_report_is_recorded_with_the_attempt_and_its_failure_brings_the_message_back(records: Records) -> None:
    records.put_held(a_held_message(state=HeldState.RELEASING))
    told = (HeldRecipient(BOB, RecipientState.REPORTED, "550 no"),)
    attempt(records, HeldState.RETURNED, told, report=a_held_message("r1", about="t1", state=HeldState.RELEASING))
    assert (state(records), state(records, "r1")) == (HeldState.RETURNED, HeldState.RELEASING)
    records.settle_held(Attempt("r1", HeldState.UNDELIVERABLE, (), 40.0))
    message = records.held("t1")
    assert message is not None
    assert message.state is HeldState.UNDELIVERABLE
    assert message.with_state(RecipientState.REFUSED) == (HeldRecipient(BOB, RecipientState.REFUSED, "550 no"),)


def test_what_a_crash_left_while_it_was_sent_is_in_doubt(records: Records) -> None:
    records.put_held(a_held_message("t1", state=HeldState.SENDING))
    records.put_held(a_held_message("t2", state=HeldState.SENDING, spool="elsewhere"))
    records.put_held(a_held_message("t3", state=HeldState.RELEASING))
    assert records.doubt_held("spool-1", 50.0) == ["t1"]
    assert [state(records, name) for name in ("t1", "t2", "t3")] == [
        HeldState.IN_DOUBT,
        HeldState.SENDING,
        HeldState.RELEASING,
    ]


@pytest.mark.parametrize(
    ("before", "after"), [(HeldState.RELEASING, HeldState.RELEASING), (HeldState.SENDING, HeldState.IN_DOUBT)]
)
def test_after_a_fault_it_is_tried_later_or_in_doubt(records: Records, before: HeldState, after: HeldState) -> None:
    records.put_held(a_held_message(state=before))
    records.postpone_held("t1", 20.0, 3600.0)
    assert state(records) is after
    assert records.due_held("spool-1", 3619.0, 10) == []


def test_only_what_was_delivered_is_erased_at_once(records: Records) -> None:
    for name, one in (("t1", HeldState.RELEASED), ("t2", HeldState.DISCARDED), ("t3", HeldState.RETURNED)):
        records.put_held(a_held_message(name, state=one, changed_at=100.0))
    records.put_held(a_held_message("t4", changed_at=0.0))
    assert records.held_to_erase("spool-1", 100.0, 10) == ["t1"]
    assert sorted(records.held_to_erase("spool-1", 101.0, 10)) == ["t1", "t2", "t3"]
    records.held_erased(["t1"])
    assert records.held_to_erase("spool-1", 100.0, 10) == []
    assert records.known_held(["t1", "t2", "t9"]) == {"t2"}


def test_what_nobody_decided_on_for_too_long_is_discarded(records: Records) -> None:
    for name, one in (("t1", HeldState.HELD), ("t2", HeldState.IN_DOUBT), ("t3", HeldState.RELEASING)):
        records.put_held(a_held_message(name, state=one, held_at=10.0))
    records.put_held(a_held_message("t4", held_at=20.0))
    assert records.held_waiting_since("spool-1", 20.0) == 2
    assert records.expire_held("spool-1", 20.0, 500.0) == 2
    assert [state(records, f"t{number}") for number in range(1, 5)] == [
        HeldState.DISCARDED,
        HeldState.DISCARDED,
        HeldState.RELEASING,
        HeldState.HELD,
    ]
    newest = records.audit_log(1)[0]
    assert (newest.actor, newest.action, newest.detail) == ("detector", "held discard", "2 messages: kept for too long")


def test_rows_of_messages_that_ended_are_forgotten_after_a_time(records: Records) -> None:
    records.put_held(a_held_message("t1", state=HeldState.RELEASED, changed_at=10.0))
    records.put_held(a_held_message("t2", state=HeldState.RELEASED, changed_at=10.0))
    records.put_held(a_held_message("t3", changed_at=10.0))
    records.held_erased(["t1"])
    assert records.forget_held_before(20.0) == 1
    assert [one.message_id for one in records.find_held(HeldSelection())] == ["t2", "t3"]


def test_use_is_counted_by_account_and_state(records: Records) -> None:
    records.put_held(a_held_message("t1", size_bytes=3_000_000_000, held_at=5.0))
    records.put_held(a_held_message("t2", size_bytes=1, held_at=9.0))
    records.put_held(a_held_message("t3", state=HeldState.RELEASED))
    records.held_erased(["t3"])
    assert records.held_use("spool-1") == [HeldUse(ANN, HeldState.HELD, 2, 3_000_000_001, 5.0)]


def test_the_key_of_a_message_can_change(records: Records) -> None:
    records.put_held(a_held_message())
    records.held_rekeyed("t1", "new")
    message = records.held("t1")
    assert message is not None
    assert message.key_id == "new"
