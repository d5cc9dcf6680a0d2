"""Reports that came in: what they say, which transaction of ours they are about, and then their effect.

Anybody can write a report. It counts by our signed tag (`reports.ties`), and only for recipients of that transaction,
each once. One without a tag may be tied by its Message-ID, if all that we sent with it is of one account: that is weak
(`verdict.answer`).
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from detector.content.mime import MOST_BYTES
from detector.mail.delivery import Complained, Delivery, DeliveryStatus, Handed, event_key
from detector.mail.headers import Header
from detector.mail.status_codes import Cause
from detector.mail.tag import Refusal
from detector.metrics import Metrics
from detector.ports import Clock, ComplaintSink, FeedbackSink, HandedOver
from detector.reports.reader import read
from detector.reports.ties import Loose, Ties, meant
from detector.reports.values import AuthFailure, AutoReply, Bounce, Complaint, Failed, NotAReport, Report

KINDS: dict[type[Report], str] = {
    Bounce: "bounce",
    Complaint: "complaint",
    AuthFailure: "authentication",
    AutoReply: "automatic",
    NotAReport: "other",
}
BLOCKS = frozenset({Cause.POLICY, Cause.REPUTATION})
SOURCE = "report"


class Tied(NamedTuple):
    """What the next hop took of the transaction that a report is about; `how` is good as a label."""

    how: str
    handed: Sequence[Handed] = ()
    weak: bool = False


class Sink(FeedbackSink, ComplaintSink, Protocol):
    """Takes both."""


@dataclass(slots=True)
class Intake:
    """`take` a report, whoever brought it. `ties` are replaced when the configuration is reloaded."""

    ties: Ties
    handed_over: HandedOver
    sink: Sink
    recipient_key: bytes
    metrics: Metrics
    clock: Clock

    async def take(self, octets: bytes) -> str:
        """How it was tied, or why not. What it says counts, durably, when this returns. Raises `Temporary`.

        Reading takes a moment that other mail must not wait for.
        """
        report, own = await asyncio.to_thread(_read, octets)
        how = await self._take(report, own)
        self.metrics.feedback_reports.labels(KINDS[type(report)], how).inc()
        return how

    async def _take(self, report: Report, own: Header) -> str:
        if not isinstance(report, Bounce | Complaint):
            return "none"
        tied = await self._tie(report, own, self.clock())
        if not tied.handed:
            return tied.how
        if isinstance(report, Bounce):
            failures = list(self._failures(report, tied))
            now = self.clock()
            await self.sink.tell([_delivery(*failure, now, tied.weak) for failure in failures])
            return tied.how if failures else "stranger"
        await self.sink.complain(self._complaints(report, tied))
        return tied.how

    async def _tie(self, report: Bounce | Complaint, own: Header, now: float) -> Tied:
        found = self.ties.transaction(report, own, now)
        if isinstance(found, Refusal):
            return Tied(found.value)
        if not isinstance(found, Loose):
            handed = await self.handed_over.by_transaction(found)
            return Tied("tag", handed) if handed else Tied("forgotten")
        handed = await self.handed_over.by_message_id(report.original.message_id)
        if len({one.account for one in handed}) != 1:
            return Tied("nothing")
        return Tied("message_id", handed, weak=True)

    def _failures(self, report: Bounce, tied: Tied) -> Iterable[tuple[Handed, bytes, Failed]]:
        for handed in tied.handed:
            for recipient, failed in meant(report, handed.recipients, self.recipient_key).items():
                if failed is not None:
                    yield handed, recipient, failed

    def _complaints(self, report: Complaint, tied: Tied) -> Sequence[Complained]:
        """One for each recipient who is named.

        Feedback loops often leave the name out or hide it (RFC 6590): then it was the only recipient, or nobody can
        tell who, and it is one complaint about the transaction.
        """
        now, found = self.clock(), {}
        # Part by part each recipient may be the only one, so parts are asked for names only.
        for handed in tied.handed if report.recipients else ():
            for recipient in meant(report, handed.recipients, self.recipient_key):
                found[recipient] = _complained(handed, recipient, now, tied.weak)
        everybody = frozenset[bytes]().union(*(handed.recipients for handed in tied.handed))
        unnamed = next(iter(everybody)) if len(everybody) == 1 else b""
        return list(found.values()) or [_complained(tied.handed[0], unnamed, now, tied.weak)]


def _read(octets: bytes) -> tuple[Report, Header]:
    start = octets.partition(b"\n")[2] if octets.startswith(b"From ") else octets
    return read(octets), Header.of(start[:MOST_BYTES])


def _delivery(handed: Handed, recipient: bytes, failed: Failed, now: float, weak: bool) -> Delivery:
    status = DeliveryStatus.BLOCKED if failed.cause in BLOCKS else DeliveryStatus.BOUNCED
    return Delivery(
        account=handed.account,
        transaction_id=handed.transaction_id,
        recipient=recipient,
        status=status if failed.final else DeliveryStatus.DEFERRED,
        enhanced=failed.status,
        reply="",
        cause=failed.cause,
        at=now,
        source=SOURCE,
        key=event_key(SOURCE.encode(), handed.transaction_id.encode(), recipient),
        stream=handed.stream,
        first_time=recipient in handed.first_time,
        trusted=handed.trusted,
        weak=weak,
        reported=True,
    )


def _complained(handed: Handed, recipient: bytes, now: float, weak: bool) -> Complained:
    return Complained(
        handed.account, handed.transaction_id, recipient, now, handed.stream, trusted=handed.trusted, weak=weak
    )
