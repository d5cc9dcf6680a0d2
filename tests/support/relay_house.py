"""A relay in the test's own event loop: everything real except disks, with a sink behind it."""

import math
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeVar

from detector import config
from detector.content.reader import Reader
from detector.listeners import Listeners
from detector.mail.delivery import Handed, Receipt
from detector.mail.login import PolicyRequest
from detector.mail.reply import Reply
from detector.mail.transaction import Transaction
from detector.metrics import Metrics
from detector.models import load_prior
from detector.ports import Clock, Temporary
from detector.records.book import Book
from detector.records.entries import Exemption, Standing
from detector.relay import replies
from detector.relay.assess import Assessor
from detector.relay.contents import Contents
from detector.relay.draft import Draft, Hold, Letter
from detector.relay.gate import Gate
from detector.relay.headcount import OwnHeadcount
from detector.relay.identity import build_sources, headers_to_strip, needs_header
from detector.relay.pool import Pool
from detector.relay.route import Route
from detector.relay.server import Server
from detector.relay.settler import Settler
from detector.replay.campaigns import Campaigns
from detector.tasks import Tasks
from detector.traffic.profile import Profile
from detector.verdict.answer import Answer
from detector.verdict.policy import Policy
from detector.verdict.verdict import Verdict
from tests.support.smtp_sink import SmtpSink
from tests.support.text_model import small_reader

T = TypeVar("T")
NOW = 1_790_000_000.0


@dataclass(slots=True)
class DictProfiles:
    """Profiles in a dictionary; `fault`, if set, is raised instead."""

    profiles: dict[str, Profile] = field(default_factory=dict)
    fault: Exception | None = None

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        if self.fault is not None:
            raise self.fault
        self.profiles[account], answer = function(self.profiles.get(account, Profile()))
        return answer

    async def read(self, account: str) -> Profile:
        return self.profiles.get(account, Profile())

    async def forget_idle(self, before: float) -> None:
        """It knows no time."""

    async def accounts(self) -> Sequence[str]:
        return sorted(self.profiles)


@dataclass(slots=True)
class DictJoin:
    """Logins by queue id, without forgetting."""

    logins: dict[tuple[str, str], PolicyRequest] = field(default_factory=dict)
    whole: bool = True
    silent: int = 0
    """So many questions are not answered."""

    async def remember(self, request: PolicyRequest, now: float) -> None:
        self.logins[request.host, request.queue_id] = request

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None:
        if self.silent:
            self.silent -= 1
            msg = "no answer"
            raise Temporary(msg)
        return self.logins.get((host, queue_id))

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None:
        return self.logins.get((host, f"{client_address} {client_port}"))


@dataclass(slots=True)
class HandedList:
    """What the next hop took over, in order."""

    taken: list[tuple[Receipt, Handed]] = field(default_factory=list)

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None:
        self.taken.append((receipt, handed))

    async def by_queue_id(self, server: str, queue_id: str) -> Handed | None:
        return next((h for r, h in self.taken if (r.server, r.queue_id) == (server, queue_id)), None)

    async def by_queue_ids(self, receipts: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Handed]:
        found = [(one, await self.by_queue_id(*one)) for one in receipts]
        return {one: handed for one, handed in found if handed is not None}

    async def by_message_id(self, message_id: str) -> Sequence[Handed]:
        return [handed for receipt, handed in self.taken if receipt.message_id == message_id]

    async def by_transaction(self, transaction_id: str) -> Sequence[Handed]:
        return [handed for _, handed in self.taken if handed.transaction_id == transaction_id]

    async def forget(self, accounts: Mapping[str, float]) -> None:
        self.taken = [(receipt, one) for receipt, one in self.taken if one.at > accounts.get(one.account, -math.inf)]


@dataclass(slots=True)
class NearbyCampaigns:
    """What accounts send, as a replay remembers it; `fault`, if set, is raised instead."""

    campaigns: Campaigns = field(default_factory=lambda: Campaigns(b"key"))
    fault: Exception | None = None

    async def suspicious_others(self, keys: Sequence[int], account: str, now: float) -> float:
        if self.fault is not None:
            raise self.fault
        return self.campaigns.suspicious_others(keys, account, now)

    async def notice(self, keys: Sequence[int], account: str, suspicious: bool, now: float) -> None:
        if self.fault is not None:
            raise self.fault
        self.campaigns.notice(keys, account, suspicious, now)


@dataclass(slots=True)
class NoteDesk:
    """Blocks in the book, and keeps what it was told."""

    book: Book
    incidents: list[tuple[Transaction, Verdict]] = field(default_factory=list)
    notes: list[tuple[Transaction, Verdict]] = field(default_factory=list)
    afterwards: list[tuple[Answer, Verdict, str]] = field(default_factory=list)

    async def open_incident(self, transaction: Transaction, verdict: Verdict) -> None:
        self.book.block(transaction.identity.account, f"i{len(self.incidents)}")
        self.incidents.append((transaction, verdict))

    async def open_afterwards(self, answer: Answer, verdict: Verdict, words: str) -> None:
        self.book.block(answer.account, f"late {len(self.afterwards)}")
        self.afterwards.append((answer, verdict, words))

    def note(self, transaction: Transaction, verdict: Verdict) -> None:
        self.notes.append((transaction, verdict))


@dataclass(slots=True)
class NoHold:
    """Has no room for anything, and keeps what it was offered."""

    offered: list[Letter] = field(default_factory=list)

    def may_have(self, draft: Draft) -> bool:
        return False

    async def again(self, letter: Letter, chunks: AsyncIterable[bytes]) -> Reply | None:
        raise AssertionError(letter)

    async def take(self, letter: Letter, chunks: AsyncIterable[bytes]) -> Reply:
        self.offered.append(letter)
        return replies.MESSAGE_HELD


@dataclass(slots=True)
class House:
    """The parts that a test looks at."""

    server: Server
    profiles: DictProfiles
    join: DictJoin
    desk: NoteDesk
    book: Book
    metrics: Metrics
    reader: Reader
    campaigns: NearbyCampaigns
    handed_over: HandedList
    now: list[float]
    route: Route

    @property
    def port(self) -> int:
        return self.server.addresses[0][1]

    def exempt(self, account: str, recipients_per_day: int | None = None) -> None:
        exemption = Exemption(account, None, "test", "", recipients_per_day=recipients_per_day)
        self.book.replace(Standing({}, {account: exemption}))


@asynccontextmanager
async def house(
    settings: config.Config,
    spool: Path,
    next_hop: SmtpSink | config.HostPort,
    tls: ssl.SSLContext | None = None,
    hold: Callable[[Metrics, Clock], Hold] | None = None,
) -> AsyncIterator[House]:
    """A relay with these settings in front of a server; its clock stands still at `NOW` unless the test moves it.

    Without a `hold` there is no room for doubtful mail.
    """
    metrics, book, now = Metrics("test"), Book(), [NOW]
    profiles, join, desk = DictProfiles(), DictJoin(), NoteDesk(book)
    reader, campaigns, handed_over = small_reader(), NearbyCampaigns(), HandedList()
    prior, model_version = load_prior()
    settings = settings.model_copy(
        update={"relay": settings.relay.model_copy(update={"spool_directory": spool, "listen": LISTEN})}
    )
    servers = (config.HostPort(host="127.0.0.1", port=next_hop.port),)
    pool = Pool(settings.next_hop.model_copy(update={"servers": servers}), settings.relay.hostname, metrics)
    judging = settings.judging.model_dump()
    policy = Policy(recipient_key=b"k" * 32, priors=prior, model_version=model_version, **judging)
    contents = Contents(reader, campaigns, metrics, lambda: now[0])
    settler = Settler(settings, profiles, policy, contents, handed_over, metrics, lambda: now[0], Tasks())
    assessor = Assessor(
        config=settings,
        sources=build_sources(settings, join),
        needs_header=needs_header(settings),
        profiles=profiles,
        gate=Gate(settings, book, metrics, lambda: now[0]),
        desk=desk,
        policy=policy,
        contents=contents,
        settler=settler,
        metrics=metrics,
        clock=lambda: now[0],
        stopwatch=lambda: 0.0,
    )
    limits = settings.relay.limits
    route = Route(
        pool,
        assessor,
        hold(metrics, lambda: now[0]) if hold is not None else NoHold(),
        metrics,
        headers_to_strip(settings),
        limits.message_size_bytes,
        limits.recipients_per_transaction,
    )
    ids = count(1)
    server = Server(settings, route, tls, lambda: f"t{next(ids)}", OwnHeadcount())
    await server.start(Listeners())
    try:
        yield House(server, profiles, join, desk, book, metrics, reader, campaigns, handed_over, now, route)
    finally:
        await server.stop()
        await pool.close()


LISTEN = (config.HostPort(host="127.0.0.1", port=0),)
