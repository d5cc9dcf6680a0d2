"""Adds one transaction to a profile: each recipient of a message once, in however many parts and attempts it comes."""

from hashlib import blake2b
from typing import NamedTuple

from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.transaction import Recipient, RecipientStatus, Stream, Transaction
from detector.traffic.clock import day_of, latest
from detector.traffic.features import Tally
from detector.traffic.habits import Habits, network_of
from detector.traffic.memory import CountedPairs, KnownRecipients
from detector.traffic.profile import Profile

# RFC 3463 section 3: X.1 addressing, X.2 mailbox, X.7 security or policy. Others tell of the message or the server.
ABOUT_THE_RECIPIENT = ("5.1.", "5.2.", "5.7.")
BASIC_CODES = ("550", "551", "553", "554")  # RFC 5321 section 4.2.2, where the server gave no enhanced code


class Origin(NamedTuple):
    """Keyed hashes of the customer's network and of the reverse-path; 0 if there is none to speak of."""

    network: int
    reverse_path: int


def is_known(profile: Profile, address: Address, key: bytes) -> bool:
    """Whether the account has reached this address before."""
    return KnownRecipients.hashed(address.key, key) in profile.known


def is_refused(recipient: Recipient) -> bool:
    """Whether the next hop refused this address (not: the message, or our way of asking)."""
    if recipient.status is not RecipientStatus.REFUSED:
        return False
    return recipient.reply.startswith(ABOUT_THE_RECIPIENT) or recipient.reply[:3] in BASIC_CODES or not recipient.reply


def origin_of(transaction: Transaction, key: bytes) -> Origin:
    """Automatic mail has no origin: it may come from any server, nobody pressed a button."""
    if transaction.stream is Stream.AUTOMATIC:
        return Origin(0, 0)
    network = network_of(transaction.client)
    mail_from = transaction.mail_from
    return Origin(
        _short_hash(network, key) if network else 0,
        0 if mail_from.is_null else _short_hash(mail_from.key, key),
    )


def count(profile: Profile, transaction: Transaction, origin: Origin, now: float, key: bytes) -> Profile:
    """The profile after a transaction from `origin`, not yet judged. Whom it reached is learned later, by `settle`."""
    at = latest(profile.counters.updated_at, now)
    profile = profile.on_day(day_of(at))
    tally, first_time_refused, counted = _tally(profile, transaction, key)
    counters = profile.counters.add(transaction.stream, tally, at)
    return replace(
        profile,
        counters=counters,
        today=profile.today.add(transaction.stream, counters.features, tally),
        counted=counted,
        networks=_noticed(profile.networks, origin.network, at),
        reverse_paths=_noticed(profile.reverse_paths, origin.reverse_path, at),
        window=profile.window.refuse(first_time_refused) if first_time_refused else profile.window,
    )


def _tally(profile: Profile, transaction: Transaction, key: bytes) -> tuple[Tally, int, CountedPairs]:
    counted = profile.counted
    recipients = first_time = answered = refused = first_time_refused = 0
    for recipient in transaction.recipients:
        pair = f"{transaction.message_key}\0{recipient.address.key}"
        # A recipient that was paced or deferred at first is counted then, and once more when its answer is known.
        answer = CountedPairs.hashed(f"answer\0{pair}", key)
        if answer in counted:
            continue
        question = CountedPairs.hashed(f"question\0{pair}", key)
        stranger = not is_known(profile, recipient.address, key)
        if question not in counted:
            recipients += 1
            first_time += stranger
        if recipient.status in {RecipientStatus.PACED, RecipientStatus.DEFERRED}:
            counted = counted.add(question)
            continue
        counted = counted.add(answer)
        answered += 1
        if is_refused(recipient):
            refused += 1
            first_time_refused += stranger
    return Tally(recipients, first_time, answered, refused), first_time_refused, counted


def _noticed(habits: Habits, key: int, now: float) -> Habits:
    return habits.notice(key, now) if key else habits


def _short_hash(text: str, key: bytes) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=4, key=key).digest(), "big")
