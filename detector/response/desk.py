"""The desk between verdicts and people: opens incidents, keeps what the relay must know in step with the records."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from detector import log
from detector.incident.incident import Incident, State
from detector.incident.notice import AFTERWARDS
from detector.mail.transaction import Transaction
from detector.metrics import Metrics
from detector.ports import Clock, ProfileStore, Temporary
from detector.records.book import Book
from detector.records.entries import Erasure
from detector.records.records import Forgiveness, Records
from detector.response.workflow import Containment
from detector.traffic.profile import Profile, forgive, release
from detector.verdict.answer import Answer
from detector.verdict.verdict import Verdict


@dataclass(slots=True)
class Desk:
    """Opens incidents for the relay; `keep_in_step`, called about once a second, takes over what people decided.

    `forget_answers` takes an account and a time: answers of before must not come into a profile that is erased.
    """

    records: Records
    book: Book
    profiles: ProfileStore
    containment: Containment
    clock: Clock
    metrics: Metrics
    new_id: Callable[[], str]
    forget_answers: Callable[[str, float], None] = lambda _account, _before: None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _unsaved: dict[str, Incident] = field(default_factory=dict, init=False)
    _notes: dict[str, tuple[Transaction, Verdict]] = field(default_factory=dict, init=False)
    _token: object = field(default=None, init=False)
    _forgiven: int = field(default=0, init=False)
    _erased: int = field(default=0, init=False)

    # -- for the relay --

    async def open_incident(self, transaction: Transaction, verdict: Verdict) -> None:
        """Block the account: in this process at once, durably when this returns.

        When the records are out of reach the block holds in memory and is written as soon as they are back.
        """
        about = _About(transaction.identity.account, transaction.identity.trusted, transaction.transaction_id)
        await self._open(about, verdict, _facts(transaction, verdict))

    async def open_afterwards(self, answer: Answer, verdict: Verdict, words: str) -> None:
        """The same because of answers to mail that has passed; the incident names the last one's transaction."""
        about = _About(answer.account, answer.trusted, answer.transaction_id)
        await self._open(about, verdict, {AFTERWARDS: words, "recipients": _recipients(verdict)})

    async def _open(self, about: "_About", verdict: Verdict, facts: dict[str, str]) -> None:
        if self.book.blocked(about.account):
            return
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
        self.metrics.incidents_opened.labels(str(incident.trusted).lower()).inc()
        log.incident_opened(incident.incident_id, about.account, verdict.score, incident.trusted)
        await self._save(incident)

    def note(self, transaction: Transaction, verdict: Verdict) -> None:
        """Remember the most suspicious verdict of each account; written by the next `keep_in_step`."""
        account = transaction.identity.account
        noted = self._notes.get(account)
        if noted is None or noted[1].score < verdict.score:
            self._notes[account] = transaction, verdict

    # -- in step with the records --

    async def start(self) -> None:
        """Learn who is blocked before the first mail. Raises `Temporary`."""
        for forgiven in await asyncio.to_thread(self.records.forgiven_since, 0):
            profile = await self.profiles.read(forgiven.account)
            if profile.counters.updated_at <= forgiven.at:  # released while we were not running
                await self._forgive(forgiven)
            self._forgiven = forgiven.sequence
        for erasure in await asyncio.to_thread(self.records.erasures_since, 0):
            if (await self.profiles.read(erasure.account)).counters.updated_at <= erasure.at:
                await self._erase(erasure)
            self._erased = erasure.sequence
        await self._take_over()

    async def keep_in_step(self) -> None:
        """Write what is not written, take over what has changed. Problems are shown, and the next call tries again."""
        try:
            await self._write_notes()
            for incident in list(self._unsaved.values()):
                await self._save(incident)
            token = await asyncio.to_thread(self.records.change_token)
            if token != self._token:
                await self._take_over()
                self._token = token
        except Temporary as error:
            self._degraded("keep_in_step", error)
        else:
            self.metrics.state_degraded.labels("records").set(len(self._unsaved) > 0)

    async def _save(self, incident: Incident) -> None:
        async with self._lock:
            try:
                stored = await asyncio.to_thread(self.records.open_incident, incident)
            except Temporary as error:
                self._unsaved[incident.account] = incident
                self._degraded("open_incident", error)
                return
            self._unsaved.pop(incident.account, None)
            self.book.saved(incident.account, stored.incident_id)
        await asyncio.to_thread(self.containment.open, stored.incident_id)

    async def _take_over(self) -> None:
        async with self._lock:
            # First forgive, then lift blocks: mail that passes in between must not meet the old evidence.
            for forgiven in await asyncio.to_thread(self.records.forgiven_since, self._forgiven):
                await self._forgive(forgiven)
                self._forgiven = forgiven.sequence
            for erasure in await asyncio.to_thread(self.records.erasures_since, self._erased):
                await self._erase(erasure)
                self._erased = erasure.sequence
            self.book.replace(await asyncio.to_thread(self.records.standing))
        self.metrics.blocked_accounts.set(self.book.blocked_count)
        await asyncio.to_thread(self.containment.keep_in_step)

    async def _forgive(self, forgiven: Forgiveness) -> None:
        back = release if forgiven.probation else forgive
        await self.profiles.update(forgiven.account, lambda profile: (back(profile, forgiven.at), None))

    async def _erase(self, erasure: Erasure) -> None:
        await asyncio.to_thread(self.forget_answers, erasure.account, erasure.at)
        await self.profiles.update(erasure.account, lambda _: (Profile(), None))

    async def _write_notes(self) -> None:
        notes, self._notes = self._notes, {}
        now = self.clock()
        for transaction, verdict in notes.values():
            await asyncio.to_thread(self.records.note_verdict, transaction, verdict, now)

    def _degraded(self, operation: str, error: Exception) -> None:
        self.metrics.state_degraded.labels("records").set(1)
        log.records_failed(operation, str(error))


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
