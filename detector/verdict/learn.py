"""What a profile learns of mail that passed before: its results, complaints, and who writes to the account."""

from enum import StrEnum
from typing import NamedTuple

from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.status_codes import Cause, by_status
from detector.mail.transaction import Stream
from detector.traffic.clock import day_of, latest
from detector.traffic.counting import is_refused
from detector.traffic.features import Tally
from detector.traffic.memory import KnownRecipients
from detector.traffic.profile import Profile
from detector.verdict.policy import Policy

SLOWED_WEIGHT = 0.1
"""Of a refusal for good: large receivers put off one in ten of a new list, and the honest ones get through."""


class Result(StrEnum):
    """What became of one recipient of a message that had been accepted."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    UNWANTED = "unwanted"


RESULTS = {
    Cause.NO_SUCH_USER: Result.REFUSED,
    Cause.MAILBOX_FULL: Result.REFUSED,
    Cause.POLICY: Result.UNWANTED,
}
"""What a failure for good says; other causes say nothing about the account."""


def result_of(status: str) -> Result | None:
    """From an enhanced status code (RFC 3463), where there are no words beside it; None for what is not final.

    A reply code alone (RFC 5321 section 4.2.2) is taken for what it says of the recipient.
    """
    if status.startswith("2"):
        return Result.DELIVERED
    if not status.startswith("5"):
        return None
    if "." not in status:
        return Result.REFUSED if is_refused(status) else None
    cause = by_status(status)
    return RESULTS.get(cause) if cause is not None else None


class Told(NamedTuple):
    """The result of one recipient, told once. `first_time`: as it was when the message passed."""

    stream: Stream
    result: Result
    first_time: bool


def learn_result(profile: Profile, told: Told, now: float, policy: Policy) -> Profile:
    stream, result, first_time = told
    at = latest(profile.counters.updated_at, now)
    profile = profile.on_day(day_of(at))
    window = profile.window
    if first_time:
        window = window.at(at, policy.window).learn(result is Result.DELIVERED)
    if result is Result.DELIVERED or not first_time:
        return replace(profile, window=window)
    tally = Tally(refused=int(result is Result.REFUSED), unwanted=int(result is Result.UNWANTED))
    return replace(
        profile,
        counters=profile.counters.add(stream, tally, at),
        today=profile.today.answer(stream, tally),
        window=window,
    )


def learn_slowed(profile: Profile, stream: Stream, first_time: bool, now: float) -> Profile:
    """A server puts a message off because it is too much, or looks like spam; it will be tried again.

    RFC 5321 section 4.2.1: the client is asked to come back, so this is no verdict on the message. It weighs little,
    and convicts nobody (`traffic.doubtful`); the window, which waits for results, waits on.
    """
    if not first_time:
        return profile
    at = latest(profile.counters.updated_at, now)
    profile = profile.on_day(day_of(at))
    return replace(
        profile,
        counters=profile.counters.add(stream, Tally(unwanted=SLOWED_WEIGHT), at),
        doubtful=profile.doubtful.add(at, slowed=SLOWED_WEIGHT),
    )


def learn_complaint(profile: Profile, stream: Stream, now: float, recipient: bytes = b"") -> Profile:
    """A recipient called a message abuse: as telling as a server that turns it away as spam. Tell it once for each.

    `recipient` is his keyed hash (`traffic.counting.complainer`), empty where he is not known.
    """
    at = latest(profile.counters.updated_at, now)
    profile = profile.on_day(day_of(at))
    tally = Tally(unwanted=1)
    return replace(
        profile,
        counters=profile.counters.add(stream, tally, at),
        today=profile.today.answer(stream, tally),
        complainers=profile.complainers.add(recipient, at) if recipient else profile.complainers,
    )


def learn_correspondent(profile: Profile, mail_from: Address, policy: Policy) -> Profile:
    """Somebody wrote to the account: a relationship, so mail to him is not unsolicited."""
    if mail_from.is_null:
        return profile
    return replace(profile, known=profile.known.add(KnownRecipients.hashed(mail_from.key, policy.recipient_key)))
