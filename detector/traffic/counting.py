"""Adds one transaction to a profile: each recipient of a message once, in however many parts and attempts it comes."""

from collections.abc import Sequence
from functools import lru_cache
from math import log
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.delivery import RECIPIENT_BYTES
from detector.mail.transaction import PERSONAL, REFUSED, Recipient, Transaction
from detector.traffic.clock import day_of, latest
from detector.traffic.features import Tally
from detector.traffic.habits import Habits, network_of
from detector.traffic.memory import Counted, KnownRecipients, keyed_hash, keyed_number
from detector.traffic.profile import Profile
from detector.traffic.reached import Reached
from detector.traffic.run import Run

# RFC 3463 section 3: X.1 addressing, X.2 mailbox, X.7 security or policy. Others tell of the message or the server.
ABOUT_THE_ADDRESS = ("5.1.", "5.2.")
ABOUT_THE_MAIL = ("5.7.",)
BASIC_CODES = ("550", "551", "553", "554")  # RFC 5321 section 4.2.2, where the server gave no enhanced code
DOMAIN_BITS = 64


class Origin(NamedTuple):
    """Keyed hashes of the customer's network, the reverse-path, the mail program and the author; 0 where not known."""

    network: int
    reverse_path: int
    program: int = 0
    author: int = 0


class Met(NamedTuple):
    """What was known before a transaction: where it comes from, and whether each of its recipients is a stranger."""

    origin: Origin
    strangers: Sequence[bool]


class _Count(Struct, gc=False):
    """What a transaction adds, while its recipients are gone through."""

    counted: Counted
    run: Run
    reached: Reached
    recipients: float = 0.0
    first_time: float = 0.0
    anybody_known: bool = False
    refused: int = 0
    unwanted: int = 0
    first_time_bad: int = 0
    to_complainers: int = 0
    messages: int = 0
    domains: int = 0


def is_known(profile: Profile, address: Address, key: bytes) -> bool:
    """Whether the account has reached this address before, or had mail from it."""
    return KnownRecipients.hashed(address.key, key) in profile.known


def complainer(address: Address, key: bytes) -> bytes:
    """How `Profile.complainers` knows a recipient: as reports about a message that passed do."""
    return keyed_hash(address.key, key, RECIPIENT_BYTES)


def is_refused(reply: str) -> bool:
    """Whether a refusal (enhanced code, or code) is about the address (not: the message, or our way of asking)."""
    return reply.startswith(ABOUT_THE_ADDRESS) or reply[:3] in BASIC_CODES or not reply


def is_unwanted(reply: str) -> bool:
    """Whether a refusal says that such mail is not wanted: spam, policy, reputation."""
    return reply.startswith(ABOUT_THE_MAIL)


def origin_of(transaction: Transaction, key: bytes) -> Origin:
    """Of automatic mail too: a server that answers for the account is seen again and again, a thief's is not."""
    mail_from, content = transaction.mail_from, transaction.content
    reverse_path = "" if mail_from.is_null else mail_from.key
    if content is None:
        return _origin(transaction.client, reverse_path, "", "", key)
    return _origin(transaction.client, reverse_path, content.program, content.author, key)


@lru_cache(maxsize=4096)  # people write from where they wrote before: asked once and not for each of the four
def _origin(client: str, reverse_path: str, program: str, author: str, key: bytes) -> Origin:
    network = network_of(client)
    return Origin(*[keyed_number(one, key) if one else 0 for one in (network, reverse_path, program, author)])


def meet(profile: Profile, transaction: Transaction, key: bytes) -> Met:
    """What `profile` knows of a transaction before it is counted. `key`: at most 64 bytes (RFC 7693 section 2.1)."""
    strangers = [not is_known(profile, recipient.address, key) for recipient in transaction.recipients]
    return Met(origin_of(transaction, key), strangers)


def as_believed(profile: Profile, transaction: Transaction, now: float, key: bytes) -> Transaction:
    """With the stream that is believed: anybody can set the marks of automatic mail, but not from a strange network.

    A null reverse-path does: answers come from servers, and a thief gets no bounces and little welcome with it.
    """
    if transaction.stream is PERSONAL or transaction.mail_from.is_null:
        return transaction
    network = origin_of(transaction, key).network
    if not network or profile.networks.usual(network, now) or not profile.networks.any_usual(now):
        return transaction
    return replace(transaction, stream=PERSONAL)


def count(profile: Profile, transaction: Transaction, met: Met, now: float, key: bytes) -> Profile:
    """The profile after a transaction, not yet judged; `met` is from the profile before.

    Whom it reached is learned later, by `settle`; only refusals are answers already.
    """
    at, origin = latest(profile.counters.updated_at, now), met.origin
    profile = profile.on_day(day_of(at))
    found = _counted(profile, transaction, met.strangers, at, key)
    texts, same_text, copies = profile.texts, 0.0, 0.0
    if transaction.content is not None:
        texts = texts.add(transaction.content, found.recipients, _at_home(profile, origin, at), at)
        same_text, copies = texts.texts[-1].recipients, texts.texts[-1].copies
    personal = transaction.stream is PERSONAL and found.messages > 0
    only_strangers = not found.anybody_known
    run = found.run.message(only_strangers) if personal else found.run
    tally = Tally(  # in this order: names would take as long again
        found.recipients,
        found.first_time,
        found.refused + found.unwanted,
        found.refused,
        found.unwanted,
        same_text,
        _how_many(profile.today.domains | found.domains) if found.domains else 0.0,
        run.length if found.first_time else 0.0,
        copies,
        int(personal),
        int(personal and only_strangers),
    )
    counters = profile.counters.add(transaction.stream, tally, at)
    return replace(
        profile,
        counters=counters,
        today=profile.today.meet(transaction.stream, counters.features, tally, (found.domains, found.reached.today)),
        counted=found.counted,
        networks=_noticed(profile.networks, origin.network, at),
        reverse_paths=_addresses(profile.reverse_paths, origin, at),
        programs=_noticed(profile.programs, origin.program, at),
        window=profile.window.refuse(found.first_time_bad) if found.first_time_bad else profile.window,
        texts=texts,
        run=run,
        first_seen=profile.first_seen or at,
        lately=profile.lately.add(found.recipients, at) if _elsewhere(profile, origin, at) else profile.lately,
        complainers=profile.complainers.mail(found.to_complainers, at) if found.to_complainers else profile.complainers,
    )


def _addresses(known: Habits, origin: Origin, at: float) -> Habits:
    known = _noticed(known, origin.reverse_path, at)
    return known if origin.author == origin.reverse_path else _noticed(known, origin.author, at)


def _counted(profile: Profile, transaction: Transaction, strangers: Sequence[bool], at: float, key: bytes) -> _Count:
    day, complainers = profile.today.day, profile.complainers
    found = _Count(profile.counted, profile.run, Reached(profile.today.reached, profile.today.reached_before))
    message = Counted.hashed(f"message\0{transaction.message_key}", key)
    since = found.counted.since(message, day)
    for recipient, stranger in zip(transaction.recipients, strangers, strict=True):
        found.anybody_known |= not stranger
        _count_one(found, recipient.address, stranger, since, key)
        if complainers.entries and complainers.has(complainer(recipient.address, key), at):
            # One person is one opinion: a customer who complained once may have a conversation with the ticket system.
            again = Counted.hashed(f"again\0{recipient.address.key}", key)
            if found.counted.since(again, day) is None:
                found.counted = found.counted.add(Counted.stamped(again, day))
                found.to_complainers += 1
        if stranger and recipient.status is REFUSED:
            refusal = Counted.hashed(f"refused\0{transaction.message_key}\0{recipient.address.key}", key)
            if found.counted.since(refusal, day) is None:
                found.counted = found.counted.add(Counted.stamped(refusal, day))
                _refuse(found, recipient)
    if since is None and (found.recipients or found.anybody_known):
        found.messages = 1
        found.counted = found.counted.add(Counted.stamped(message, day))
    return found


def _count_one(found: _Count, address: Address, stranger: bool, since: int | None, key: bytes) -> None:
    """Count a recipient, if he is another one. `since`: so many days ago the message was tried first; None if never.

    Who waits for mail since yesterday, or has refused it, is no other stranger today. That is asked of the recipients
    and not of the message, because of a thousand held messages the first are forgotten when they come again.
    """
    tried = bool(since)
    found.domains |= 1 << keyed_number(address.domain.lower(), key) % DOMAIN_BITS
    more = found.reached.add(keyed_number(address.key, key), also_before=stranger or tried, keeps=tried)
    if more:
        found.recipients += more
        if stranger:
            found.first_time += more
            found.run = found.run.add(address.local_part)


def _refuse(found: _Count, recipient: Recipient) -> None:
    """Answers of strangers only: mail to oneself, or to friends, must not water down what strangers say."""
    unwanted, refused = is_unwanted(recipient.reply), is_refused(recipient.reply)
    found.unwanted += unwanted
    found.refused += refused
    found.first_time_bad += unwanted or refused


def _how_many(bits: int) -> float:
    """How many different ones there were, from hashes as bits (linear counting; Whang, Vander-Zanden, Taylor 1990)."""
    empty = max(DOMAIN_BITS - bits.bit_count(), 0.5)
    return DOMAIN_BITS * log(DOMAIN_BITS / empty)


def _at_home(profile: Profile, origin: Origin, now: float) -> bool:
    """Whether a message comes from a network where the account is at home, by a program that it has had for long."""
    age = now - profile.first_seen if profile.first_seen else 0.0
    return profile.networks.home(origin.network, now, age) and profile.programs.home(origin.program, now, age)


def _elsewhere(profile: Profile, origin: Origin, now: float) -> bool:
    """Whether a message comes from a network or a program that an account with habits has no habit of using."""
    return bool(profile.networks.strange(origin.network, now) or profile.programs.strange(origin.program, now))


def _noticed(habits: Habits, key: int, now: float) -> Habits:
    return habits.notice(key, now) if key else habits
