"""What the world answers to mail that passed: one answer for one recipient, and what the account's profile learns.

An answer that only a Message-ID ties to its transaction is weak: everybody who was written to knows it, and who writes
a message chooses it. It narrows the recipient window, which slows an account down, and spoils the reputation, which
people see. The evidence from which accounts are blocked takes none of it. Nor does the list of complainers: mail to
them is evidence, so whoever writes to the same circle every day could be accused by one forged complaint of each.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from detector.mail.delivery import Complained, Delivery, DeliveryStatus, event_key
from detector.mail.status_codes import Cause
from detector.mail.transaction import Stream
from detector.traffic.profile import Profile
from detector.verdict.learn import Result, Told, learn_complaint, learn_result
from detector.verdict.policy import Policy


class Kind(StrEnum):
    """What was answered."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # there is no such recipient, or he takes no mail
    UNWANTED = "unwanted"  # turned away as spam or by a policy
    COMPLAINT = "complaint"
    ADDRESS = "address"  # turned away because of our address, whoever sends: nothing against the account


RESULTS = {Kind.DELIVERED: Result.DELIVERED, Kind.REFUSED: Result.REFUSED, Kind.UNWANTED: Result.UNWANTED}
BAD = frozenset({Kind.REFUSED, Kind.UNWANTED, Kind.COMPLAINT})
"""What speaks against the account."""

CAUSES = {
    Cause.NO_SUCH_USER: Kind.REFUSED,
    Cause.MAILBOX_FULL: Kind.REFUSED,
    Cause.POLICY: Kind.UNWANTED,
}


class Answer(Struct, frozen=True):
    """`recipient` is a keyed hash, empty where a complaint does not tell it. `at` is in Unix seconds, by our clock.

    `first_time`: the account had never reached this recipient before. `trusted`: so was the identity of the sender.
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

    @property
    def marks(self) -> tuple[bytes, ...]:
        """By the first it is remembered, and by any of them it was told before: a log and a bounce are one answer.

        What was delivered may bounce later, by another server, so these two are not the same. A weak answer adds
        nothing to one that is not weak, and cannot take its place: else whoever forges one hides the other.
        """
        topic = "bad" if self.kind in {Kind.REFUSED, Kind.UNWANTED} else self.kind.value
        mark = event_key(self.transaction_id.encode("utf-8", "surrogateescape"), self.recipient, topic.encode())
        return (event_key(b"weak", mark), mark) if self.weak else (mark,)


def answer_of(delivery: Delivery) -> Answer | None:
    """None for what says nothing: it is tried again, or a friend got his mail, or it is about neither of the two."""
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
    )


def learn_answer(profile: Profile, answer: Answer, policy: Policy) -> Profile:
    """Call it once for each answer, at about its time."""
    if answer.kind is Kind.ADDRESS:
        return profile
    if answer.kind is Kind.COMPLAINT:
        learned = learn_complaint(profile, answer.stream, answer.at, answer.recipient)
        reputation = profile.reputation.add(answer.at, complained=1)
    else:
        told = Told(answer.stream, RESULTS[answer.kind], answer.first_time)
        learned = learn_result(profile, told, answer.at, policy)
        reputation = profile.reputation.add(answer.at, bounced=int(answer.kind in BAD))
    if answer.weak:
        learned = replace(profile, window=learned.window)
    return replace(learned, reputation=reputation)


def _kind(delivery: Delivery) -> Kind | None:
    if delivery.status is DeliveryStatus.DELIVERED:
        return Kind.DELIVERED
    if delivery.cause is Cause.REPUTATION:  # also what will be tried again: large receivers say it so
        return Kind.ADDRESS
    final = delivery.status is not DeliveryStatus.DEFERRED and delivery.cause is not None
    return CAUSES.get(delivery.cause) if final and delivery.cause is not None else None
