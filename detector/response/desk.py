"""The desk between verdicts and people: opens incidents, and keeps what the relay must know in the book."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from detector import log
from detector.incident.incident import Incident, State
from detector.incident.notice import AFTERWARDS
from detector.mail.transaction import Transaction
from detector.metrics import Metrics
from detector.ports import BlockNews, Clock, Temporary
from detector.records.book import Book
from detector.records.records import Records
from detector.tasks import Tasks
from detector.verdict.answer import Answer
from detector.verdict.verdict import Verdict

UNCONFIRMED = 30.0
"""Seconds within which another process has written its block into the records, unless it could not or has died."""

PATIENCE = 0.2
"""Seconds that a verdict waits for the records. The block is in force before; they are written to all the same."""


@dataclass(slots=True)
class Desk:
    """Opens incidents for the relay; call `write` about once a second, and `take_over` when the records have changed.

    `opened` is told the id of each incident that stands in the records, in a thread. `news` reaches other processes
    before the records do.
    """

    records: Records
    book: Book
    clock: Clock
    metrics: Metrics
    new_id: Callable[[], str]
    opened: Callable[[str], None]
    news: BlockNews | None = None
    patience: float = PATIENCE
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _unsaved: dict[str, Incident] = field(default_factory=dict, init=False)
    _notes: dict[str, tuple[Transaction, Verdict]] = field(default_factory=dict, init=False)
    _tasks: Tasks = field(default_factory=Tasks, init=False)

    # -- for the relay --

    async def open_incident(self, transaction: Transaction, verdict: Verdict) -> None:
        """Block the account: in this process at once, durably when this returns.

        When the records are out of reach, or do not answer within `patience`, the block holds in memory and is written
        as soon as they are back.
        """
        about = _About(transaction.identity.account, transaction.identity.trusted, transaction.transaction_id)
        incident = self._block(about, verdict, _facts(transaction, verdict))
        if incident is not None:
            await self._save_in_time(incident)

    async def open_afterwards(self, answer: Answer, verdict: Verdict, words: str) -> None:
        """The same because of answers to mail that has passed, for which no client waits, so that the records may.

        The incident names the last one's transaction.
        """
        about = _About(answer.account, answer.trusted, answer.transaction_id)
        incident = self._block(about, verdict, {AFTERWARDS: words, "recipients": _recipients(verdict)})
        if incident is not None:
            await self._save(incident)

    def _block(self, about: "_About", verdict: Verdict, facts: dict[str, str]) -> Incident | None:
        """In this process, and by word of mouth; None for an account that is blocked already."""
        if self.book.blocked(about.account):
            return None
        now = self.clock()
        incident = Incident(
            incident_id=self.new_id(),
            account=about.account,
            trusted=about.trusted,
            state=State.OPEN,
            opened_at=now,
            changed_at=now,
            verdict=verdict,
            transaction_id=about.transaction_id,
            facts=facts,
        )
        self.book.block(about.account, incident.incident_id)
        if self.news is not None:
            self.news.tell(about.account, incident.incident_id)
        self.metrics.incidents_opened.labels(str(incident.trusted).lower()).inc()
        log.incident_opened(incident.incident_id, about.account, verdict.score, incident.trusted)
        return incident

    def note(self, transaction: Transaction, verdict: Verdict) -> None:
        """Remember the most suspicious verdict of each account; written by the next `write`."""
        account = transaction.identity.account
        noted = self._notes.get(account)
        if noted is None or noted[1].score < verdict.score:
            self._notes[account] = transaction, verdict

    # -- in step with the records --

    async def write(self) -> None:
        """What is not written yet. Raises `Temporary`; blocks that wait are in force, and the next call tries again."""
        await self._write_notes()
        for incident in list(self._unsaved.values()):
            await self._save(incident)

    async def take_over(self, before: Callable[[], Awaitable[bool]]) -> bool:
        """Everybody's blocks, exemptions and cohorts into the book; False if `before` says that it is too early.

        No incident is written meanwhile, nor while `before` runs. Raises `Temporary`.
        """
        async with self._lock:
            standing = await asyncio.to_thread(self.records.standing)
            if not await before():
                return False
            self.book.replace(standing)
        self.metrics.blocked_accounts.set(self.book.blocked_count)
        return True

    async def listen(self) -> None:
        """Heed what other processes say, until it is cancelled."""
        if self.news is not None:
            await self.news.listen(lambda account, _: self.book.hear(account, self.clock()))

    def in_order(self) -> None:
        """The records have answered: show whether anything waits for them all the same."""
        self.book.forget_hearsay(self.clock(), UNCONFIRMED)
        self.metrics.state_degraded.labels("records").set(len(self._unsaved) > 0)

    def degraded(self, operation: str, error: Exception) -> None:
        """The records are out of reach: show it."""
        self.metrics.state_degraded.labels("records").set(1)
        log.records_failed(operation, str(error))

    async def _save_in_time(self, incident: Incident) -> None:
        done = asyncio.Event()
        self._tasks.spawn(self._save_and_tell(incident, done))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience):
                    await done.wait()
        finally:  # also when whoever waits for us has no time left
            if not done.is_set():
                self._unsaved[incident.account] = incident
                self.degraded("open_incident", Temporary(f"no answer within {self.patience:g} s"))

    async def _save_and_tell(self, incident: Incident, done: asyncio.Event) -> None:
        try:
            await self._save(incident)
        except Exception as error:  # a fault of ours: the next `write` meets it again
            self._unsaved[incident.account] = incident
            log.internal_error("open_incident", error)
        finally:
            done.set()

    async def _save(self, incident: Incident) -> None:
        async with self._lock:
            try:
                stored = await asyncio.to_thread(self.records.open_incident, incident)
            except Temporary as error:
                self._unsaved[incident.account] = incident
                self.degraded("open_incident", error)
                return
            self._unsaved.pop(incident.account, None)
            self.book.saved(incident.account, stored.incident_id)
        await asyncio.to_thread(self.opened, stored.incident_id)

    async def _write_notes(self) -> None:
        notes, self._notes = self._notes, {}
        if notes:  # in one go: while a campaign lasts there are hundreds
            await asyncio.to_thread(self.records.note_verdicts, notes.values(), self.clock())


class _About(NamedTuple):
    """Whose incident it is, and which mail tipped the scale."""

    account: str
    trusted: bool
    transaction_id: str


def _facts(transaction: Transaction, verdict: Verdict) -> dict[str, str]:
    """Words for people; no recipient addresses."""
    return {
        "client": transaction.client,
        "mail_from": str(transaction.mail_from),
        "helo": transaction.helo,
        "identity_source": transaction.identity.source,
        "recipients": _recipients(verdict),
    }


def _recipients(verdict: Verdict) -> str:
    per_day = [
        evidence.value
        for score in verdict.groups
        for evidence in score.evidence
        if evidence.signal in ("recipients_24h", "automatic_recipients_24h")
    ]
    return f"about {round(sum(per_day))} within 24 hours"
