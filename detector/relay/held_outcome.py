"""What follows from an attempt to send a held message: done, tried again, told to the sender, or left to people."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from detector.mail.report import Failure, wants_report
from detector.records.held_entries import HeldMessage, HeldRecipient, HeldState, RecipientState
from detector.relay.held_courier import Delivery

FIRST_WAIT = 60.0
MOST_WAIT = 3600.0  # RFC 5321 section 4.5.4.1 asks for 30 minutes at least after the first attempts
IN_ORDER = (
    (RecipientState.SENDING, HeldState.IN_DOUBT),
    (RecipientState.WAITING, HeldState.RELEASING),
    (RecipientState.REFUSED, HeldState.UNDELIVERABLE),
    (RecipientState.REPORTED, HeldState.RETURNED),
)
"""The first of these states that a recipient has is that of the message; if none has, it is released."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The recipients after an attempt, and the failures that the sender must be told of."""

    recipients: tuple[HeldRecipient, ...]
    failures: tuple[Failure, ...] = ()


def outcome(message: HeldMessage, delivery: Delivery, now: float, retry_time: float) -> Outcome:
    """After `retry_time` seconds who could not be reached has failed. `now` is in Unix seconds."""
    given_up = message.released_at is not None and now - message.released_at >= retry_time
    recipients, failures = [], []
    for recipient in delivery.recipients:
        expired = given_up and recipient.state is RecipientState.WAITING
        if expired:
            words = recipient.reply or delivery.problem
            recipient = replace(recipient, state=RecipientState.REFUSED, reply=words)  # noqa: PLW2901 - the same one
        if recipient.state is RecipientState.REFUSED and _told(message, recipient, delivery):
            failures.append(Failure(recipient.argument, recipient.reply, expired))
        recipients.append(recipient)
    return Outcome(tuple(recipients), tuple(failures))


def reported(found: Outcome) -> tuple[HeldRecipient, ...]:
    """The recipients once the report is written."""
    told = {failure.argument for failure in found.failures}
    return tuple(
        replace(one, state=RecipientState.REPORTED)
        if one.state is RecipientState.REFUSED and one.argument in told
        else one
        for one in found.recipients
    )


def state_of(recipients: Sequence[HeldRecipient]) -> HeldState:
    states = {recipient.state for recipient in recipients}
    return next((state for one, state in IN_ORDER if one in states), HeldState.RELEASED)


def wait_before(attempts: int) -> float:
    """Seconds until the next attempt, after so many.

    >>> wait_before(0), wait_before(3), wait_before(99)
    (60.0, 480.0, 3600.0)
    """
    return float(min(FIRST_WAIT * 2 ** min(attempts, 10), MOST_WAIT))


def _told(message: HeldMessage, recipient: HeldRecipient, delivery: Delivery) -> bool:
    # What we cannot read is not the sender's fault: people may bring back the file or the key.
    return not message.about and delivery.fault != "unreadable" and wants_report(message.mail, recipient.argument)
