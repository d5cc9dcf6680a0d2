"""What the world answers to mail that passed: one answer for one recipient, and what the account's profile learns.

Who tells it decides what it may do:

- the next hop's reply and the log of our own server are believed;
- a **report** (a bounce or a complaint by mail) brings back our tag, so the message was ours. But everybody who
  received it has its tag, and may write about all whom he sees in the header. So one bounce and
  one complaint of a transaction count as evidence, further ones only slow the account down; and what reports alone have
  told convicts nobody, unless it is of more transactions than one person has mailboxes (`traffic.doubtful`);
- a report that only a Message-ID ties is **weak**: senders choose it, and everybody who was written to knows it.

To slow down is to narrow the recipient window and to spoil the reputation, which people see. Such complaints put nobody
on the list of complainers either: mail to them is evidence, so whoever writes to the same circle every day could be
accused by one forged complaint of each. What that list adds holds mail, and convicts nobody.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from detector.mail.delivery import Complained, Delivery, DeliveryStatus, event_key
from detector.mail.status_codes import Cause
from detector.mail.transaction import Stream
from detector.traffic.clock import day_of
from detector.traffic.profile import Profile
from detector.traffic.reputation import Reputation
from detector.verdict.learn import RESULTS, Result, Told, learn_complaint, learn_result, learn_slowed
from detector.verdict.policy import Policy


class Kind(StrEnum):
    """What was answered."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # there is no such recipient, or he takes no mail
    UNWANTED = "unwanted"  # turned away as spam or by a policy
    COMPLAINT = "complaint"
    ADDRESS = "address"  # turned away because of our address, whoever sends: nothing against the account
    SLOWED = "slowed"  # not now, because it is too much, or looks like spam
    DEFERRED = "deferred"  # not now: a greylist (RFC 6647), or nothing to do with the account


class Share(StrEnum):
    """How much of an answer is to be learned."""

    ALL = "all"
    SLOWS = "slows"  # window and reputation
    EVIDENCE = "evidence"  # the rest: window and reputation have learned it before, of somebody less sure


BAD = frozenset({Kind.REFUSED, Kind.UNWANTED, Kind.COMPLAINT})
"""What speaks against the account."""


BAD_ANSWER = b"bad"
"""The topic of those that count for recipients whom the account had never reached before."""


class Answer(Struct, frozen=True):
    """`recipient` is a keyed hash, empty where a complaint does not tell it. `at` is in Unix seconds, by our clock.

    `first_time`: the account had never reached this recipient before. `trusted`: so was the identity of the sender.
    `weak` and `reported`: as above; neither is what our own servers tell.
    """

    account: str
    transaction_id: str
    recipient: bytes
    kind: Kind
    at: float
    stream: Stream = Stream.PERSONAL
    first_time: bool = False
    trusted: bool = False
    weak: bool = False
    reported: bool = False
    share: Share = Share.ALL

    @property
    def mark(self) -> bytes:
        """What it is about: a log and a bounce are one answer. What was delivered may bounce later, elsewhere."""
        return event_key(self.transaction_id.encode("utf-8", "surrogateescape"), self.recipient, _topic(self.kind))

    @property
    def only_slows(self) -> bool:
        """Whether it is no evidence: anybody who was written to could have written it."""
        return self.weak or self.share is Share.SLOWS

    @property
    def tie(self) -> str:
        """Who told it, good as a label."""
        return "weak" if self.weak else "reported" if self.reported else "sure"


class News(NamedTuple):
    """An answer that was not known, with the share that is to be learned, and the marks by which it is known now."""

    answer: Answer
    marks: tuple[bytes, ...]


def news(answer: Answer, known: Callable[[bytes], bool]) -> News | None:
    """None for what was told before. `known` asks for marks, which must be kept for as long as reports can be tied.

    Neither hides the other: a forged report takes away nothing of what our own servers will tell.
    """
    mark = answer.mark
    weakly, reportedly = event_key(b"weak", mark), event_key(b"reported", mark)
    anybody = _of_transaction(answer, "anybody")
    # Who did not say that it was him may be one who did before.
    if known(mark) or (answer.tie != "sure" and not answer.recipient and known(anybody)):
        return None
    slowed = known(reportedly) or known(weakly)
    if answer.weak:
        return None if slowed else News(replace(answer, share=Share.SLOWS), (weakly,))
    whole = replace(answer, share=Share.EVIDENCE if slowed else Share.ALL)
    if not answer.reported:
        return News(whole, (mark,))
    if _topic(answer.kind) == BAD_ANSWER and not answer.first_time:  # no evidence, so it must not take the voice
        return None if slowed else News(replace(answer, share=Share.SLOWS), (reportedly,))
    voice = _of_transaction(answer, "voice")
    also = (anybody,) if answer.kind is Kind.COMPLAINT and not known(anybody) else ()
    person = _person(answer)
    if not any(known(one) for one in (voice, *person)):
        return News(whole, (mark, voice, *person, *also))
    return None if slowed else News(replace(answer, share=Share.SLOWS), (reportedly, *also))


def answer_of(delivery: Delivery) -> Answer | None:
    """None for what says nothing: a friend got his mail, or it is about neither of the two."""
    kind = _kind(delivery)
    if kind is None or (kind is Kind.DELIVERED and not delivery.first_time):
        return None
    return Answer(
        account=delivery.account,
        transaction_id=delivery.transaction_id,
        recipient=delivery.recipient,
        kind=kind,
        at=delivery.at,
        stream=delivery.stream,
        first_time=delivery.first_time,
        trusted=delivery.trusted,
        weak=delivery.weak,
        reported=delivery.reported,
    )


def answer_of_complaint(complaint: Complained) -> Answer:
    return Answer(
        account=complaint.account,
        transaction_id=complaint.transaction_id,
        recipient=complaint.recipient,
        kind=Kind.COMPLAINT,
        at=complaint.at,
        stream=complaint.stream,
        trusted=complaint.trusted,
        weak=complaint.weak,
        reported=True,  # there is no other way
    )


def learn_answer(profile: Profile, answer: Answer, policy: Policy) -> Profile:
    """Call it once for each answer, at about its time."""
    if answer.kind is Kind.ADDRESS:
        return profile
    learned, reputation = _learned(profile, answer, policy), _reputation(profile, answer)
    if answer.only_slows:
        return replace(profile, window=learned.window, reputation=reputation)
    learned = _as_reported(learned, answer) if answer.reported else learned
    if answer.share is Share.EVIDENCE:
        return replace(learned, window=profile.window)
    return replace(learned, reputation=reputation)


def _learned(profile: Profile, answer: Answer, policy: Policy) -> Profile:
    if answer.kind is Kind.COMPLAINT:
        return learn_complaint(profile, answer.stream, answer.at, answer.recipient)
    if answer.kind is Kind.SLOWED:
        return learn_slowed(profile, answer.stream, answer.first_time, answer.at)
    if answer.kind is Kind.DEFERRED:
        return profile
    told = Told(answer.stream, Result(answer.kind.value), answer.first_time)
    return learn_result(profile, told, answer.at, policy)


def _as_reported(profile: Profile, answer: Answer) -> Profile:
    """The profile that knows what it has of reports; what is no evidence is none of it."""
    at, doubtful = profile.counters.updated_at, profile.doubtful
    if answer.kind is Kind.COMPLAINT or (answer.kind is Kind.UNWANTED and answer.first_time):
        return replace(profile, doubtful=doubtful.add(at, unwanted=1.0))
    if answer.kind is Kind.REFUSED and answer.first_time:
        return replace(profile, doubtful=doubtful.add(at, refused=1.0))
    return profile


def _reputation(profile: Profile, answer: Answer) -> Reputation:
    if answer.kind is Kind.COMPLAINT:
        return profile.reputation.add(answer.at, complained=1.0)
    deferred = answer.kind in {Kind.SLOWED, Kind.DEFERRED}
    return profile.reputation.add(answer.at, bounced=float(answer.kind in BAD), deferred=float(deferred))


def _of_transaction(answer: Answer, which: str) -> bytes:
    """The mark of a transaction of which a report has counted (`voice`), or of which one has told this (`anybody`).

    Each topic has its own, or a thief who writes to himself, too, could spend it on one that does no harm.
    """
    transaction_id = answer.transaction_id.encode("utf-8", "surrogateescape")
    return event_key(which.encode(), transaction_id, _topic(answer.kind))


def _person(answer: Answer) -> tuple[bytes, ...]:
    """The mark of who complains of the account today: who gets ten letters a day must not count as ten people.

    All who do not say who they are have one mark: they may be one person. Bounces need none, for somebody is new to an
    account only once.
    """
    if answer.kind is not Kind.COMPLAINT:
        return ()
    account = answer.account.encode("utf-8", "surrogateescape")
    return (event_key(b"person", account, answer.recipient, b"%d" % day_of(answer.at)),)


def _topic(kind: Kind) -> bytes:
    return BAD_ANSWER if kind in {Kind.REFUSED, Kind.UNWANTED} else kind.value.encode()


def _kind(delivery: Delivery) -> Kind | None:
    if delivery.status is DeliveryStatus.DELIVERED:
        return Kind.DELIVERED
    if delivery.cause is Cause.REPUTATION:  # also what will be tried again: large receivers say it so
        return Kind.ADDRESS
    if delivery.status is DeliveryStatus.DEFERRED:
        return Kind.SLOWED if delivery.cause is Cause.POLICY else Kind.DEFERRED
    result = RESULTS.get(delivery.cause) if delivery.cause is not None else None
    return Kind(result.value) if result is not None else None
