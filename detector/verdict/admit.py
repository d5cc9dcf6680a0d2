"""The recipient window at work: who may pass now (`admit`), and what became of those who did (`settle`)."""

from collections.abc import Sequence
from zlib import crc32

from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.transaction import ACCEPTED, DEFERRED, PERSONAL, REFUSED, Transaction
from detector.traffic.clock import day_of, latest
from detector.traffic.counting import as_believed, is_known
from detector.traffic.features import Tally
from detector.traffic.memory import KnownRecipients
from detector.traffic.profile import Profile
from detector.verdict.policy import Policy

ASKED = frozenset({ACCEPTED, REFUSED, DEFERRED})


def admit(profile: Profile, address: Address, now: float, policy: Policy) -> tuple[Profile, bool]:
    """Whether this recipient may be asked for at the next hop now; a first-time recipient takes a place in flight.

    Known recipients always pass. The profile is the same object when nothing changed.
    """
    if is_known(profile, address, policy.recipient_key):
        return profile, True
    window = profile.window.at(now, policy.window)
    if window.in_flight >= window.size(policy.window):
        return profile, False
    return replace(profile, window=window.reserve()), True


def admit_message(
    profile: Profile, accepted: Sequence[Address], others: Sequence[Address], now: float, policy: Policy
) -> tuple[Profile, bool]:
    """The same for a whole message, when its account became known too late to ask for each recipient.

    It passes or waits as one. Where a place is free it passes with all that the next hop accepted, though they may be
    more than there are places: it could never pass otherwise. The `others` were asked for, too, and were not accepted:
    they have had places, which `settle` gives back.
    """
    strangers = [address for address in accepted if not is_known(profile, address, policy.recipient_key)]
    window = profile.window.at(now, policy.window)
    passes = not strangers or window.in_flight < window.size(policy.window)
    had = [address for address in others if not is_known(profile, address, policy.recipient_key)]
    taken = len(had) + (len(strangers) if passes else 0)
    for _ in range(taken):
        window = window.reserve()
    return replace(profile, window=window) if taken else profile, passes


def settle(profile: Profile, transaction: Transaction, delivered: bool, now: float, policy: Policy) -> Profile:
    """The profile once the next hop has spoken its last word on the transaction.

    Delivered: the accepted recipients are known from now on, and first-time ones hold their places until they count
    as clean. All other places that the transaction took are free again. (The window shrinks for refused recipients
    already when they are judged, where each counts once.)
    """
    transaction = as_believed(profile, transaction, now, policy.recipient_key)
    known, reserved, answered, accepted, domains, sent = profile.known, 0, 0, 0, 0, 0
    for recipient in transaction.recipients:
        if recipient.status not in ASKED:
            continue
        stranger = not is_known(profile, recipient.address, policy.recipient_key)
        reserved += stranger
        if delivered and recipient.status is ACCEPTED:
            known = known.add(KnownRecipients.hashed(recipient.address.key, policy.recipient_key))
            sent += 1
            answered += stranger  # of friends it is no news
            accepted += stranger
            domains |= 1 << crc32(recipient.address.domain.lower().encode("utf-8", "surrogateescape")) % 64
    if not sent and not reserved:
        return profile
    reputation, window = profile.reputation, profile.window
    if sent:
        reputation = reputation.add(now, sent=sent)
    if reserved:
        window = window.at(now, policy.window).give_back(reserved).deliver(accepted, domains, policy.window)
    if not answered:
        return replace(profile, known=known, reputation=reputation, window=window)
    tally, at, stream = Tally(answered=answered), latest(profile.counters.updated_at, now), transaction.stream
    profile = profile.on_day(day_of(at))
    return replace(
        profile,
        known=known,
        reputation=reputation,
        window=window,
        counters=profile.counters.add(stream, tally, at),
        today=profile.today.answer(stream, tally),
        lately=profile.lately.answer(answered, at) if stream is PERSONAL else profile.lately,
    )
