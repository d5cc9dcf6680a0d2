from collections.abc import Callable
from dataclasses import replace

import pytest

from detector.records.held_entries import HeldMessage, HeldRecipient, HeldState, RecipientState
from detector.relay.held_courier import Delivery
from detector.relay.held_outcome import outcome, reported, state_of
from tests.support.held_house import a_held_message

R = RecipientState
DAY = 86_400.0


def recipients(*states: RecipientState, reply: str = "550 5.1.1 No such user") -> tuple[HeldRecipient, ...]:
    return tuple(HeldRecipient(f"TO:<r{number}@example.net>", state, reply) for number, state in enumerate(states))


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ((R.SENT, R.SENT), HeldState.RELEASED),
        ((R.SENT, R.WAITING), HeldState.RELEASING),
        ((R.SENT, R.REFUSED), HeldState.UNDELIVERABLE),
        ((R.SENT, R.REPORTED), HeldState.RETURNED),
        ((R.REPORTED, R.REFUSED), HeldState.UNDELIVERABLE),
        ((R.REFUSED, R.WAITING), HeldState.RELEASING),
        ((R.SENDING, R.WAITING, R.REFUSED), HeldState.IN_DOUBT),
    ],
)
def test_the_state_of_a_message_is_that_of_its_most_unfinished_recipient(
    states: tuple[RecipientState, ...], state: HeldState
) -> None:
    assert state_of(recipients(*states)) is state


def test_who_was_refused_is_reported_and_who_waits_is_tried_again() -> None:
    found = outcome(a_held_message(), Delivery(recipients(R.REFUSED, R.WAITING)), 100.0, 5 * DAY)
    assert [failure.argument for failure in found.failures] == ["TO:<r0@example.net>"]
    assert [one.state for one in reported(found)] == [R.REPORTED, R.WAITING]


def test_after_five_days_who_still_waits_has_failed_with_the_last_words_about_him() -> None:
    message = a_held_message(released_at=0.0)
    later = Delivery(recipients(R.WAITING, reply="450 4.2.0 Busy"))
    assert outcome(message, later, 5 * DAY - 1, 5 * DAY).failures == ()
    (failure,) = outcome(message, later, 5 * DAY, 5 * DAY).failures
    assert (failure.expired, failure.reply) == (True, "450 4.2.0 Busy")


def test_whom_nobody_could_ask_has_failed_with_what_kept_us() -> None:
    never = Delivery(recipients(R.WAITING, reply=""), "next_hop", "mx.example:25: refused")
    (failure,) = outcome(a_held_message(released_at=0.0), never, 5 * DAY, 5 * DAY).failures
    assert failure.reply == "mx.example:25: refused"


@pytest.mark.parametrize(
    "change",
    [
        lambda message: replace(message, mail="FROM:<>"),
        lambda message: replace(message, about="t0"),
    ],
    ids=["null reverse-path", "a report itself"],
)
def test_nobody_is_told_where_there_is_no_sender(change: Callable[[HeldMessage], HeldMessage]) -> None:
    found = outcome(change(a_held_message()), Delivery(recipients(R.REFUSED)), 100.0, 5 * DAY)
    assert found.failures == ()
    assert state_of(reported(found)) is HeldState.UNDELIVERABLE


def test_a_sender_who_asked_for_no_report_gets_none() -> None:
    silent = (HeldRecipient("TO:<r@example.net> NOTIFY=NEVER", R.REFUSED, "550 no"),)
    assert outcome(a_held_message(), Delivery(silent), 100.0, 5 * DAY).failures == ()


def test_what_we_cannot_read_is_not_returned_but_left_to_people() -> None:
    unreadable = Delivery(recipients(R.WAITING), "unreadable", "the file is missing")
    found = outcome(a_held_message(released_at=0.0), unreadable, 5 * DAY, 5 * DAY)
    assert found.failures == ()
    assert state_of(reported(found)) is HeldState.UNDELIVERABLE
