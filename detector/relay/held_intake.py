"""From a doubtful message to a file and a row: both are durable before the client hears 250."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import suppress
from hashlib import blake2b

from detector import log
from detector.config import Hold
from detector.mail.reply import Reply
from detector.mail.transaction import Transaction
from detector.metrics import Metrics
from detector.ports import Clock, Temporary
from detector.records.held_entries import HeldMessage, HeldRecipient
from detector.records.records import Records
from detector.relay import replies
from detector.relay.body import DISK_TIME
from detector.relay.draft import Draft, Letter
from detector.relay.held_files import HeldFiles
from detector.relay.held_filing import CannotHold, Filing
from detector.relay.held_use import Use
from detector.state.aside import Aside
from detector.verdict.hold import held
from detector.verdict.verdict import Verdict

END = b".\r\n"
NOT_TAKEN = "recorded after its client had heard that it was not; it may have come again"
MOST_ORIGINS = 200_000  # queue ids of held messages in memory, 100 octets each; a client tries again within days


class Intake:
    """Takes doubtful messages for the relay. `spool` is the id of the directory.

    `tell` is told the digest of each before the client hears of it: other processes that hold mail in the same
    directory must `remember` it.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it joins
        self,
        settings: Hold,
        spool: str,
        files: HeldFiles,
        records: Records,
        use: Use,
        metrics: Metrics,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._tell = tell
        self._settings = settings
        self._spool = spool
        self._filing = Filing(files)
        self._key_id = files.keys.newest.key_id
        self._records = records
        self._recording = Aside("recording held mail", lambda _: None, DISK_TIME)
        self._use = use
        self._metrics = metrics
        self._clock = clock
        self._origins: dict[str, None] = {}  # in the order in which they came

    def remember(self, digests: Iterable[str]) -> None:
        """Of messages that were held before this process began."""
        self._origins.update({digest.partition(":")[0]: None for digest in digests if digest})
        while len(self._origins) > MOST_ORIGINS:
            del self._origins[next(iter(self._origins))]

    def may_have(self, draft: Draft) -> bool:
        """Whether a message of this queue id was held before. Never waits."""
        return bool(draft.queue_id) and bool(self._origins) and _origin(draft) in self._origins

    async def again(self, letter: Letter, chunks: AsyncIterable[bytes]) -> Reply | None:
        """What to answer when this very message was held, and is handed over again because our 250 was not heard.

        None when it is another message. The login may be forgotten by now, so nothing but the message itself counts.
        """
        seen = _Digest(letter)
        try:
            async for octets in without_end(chunks):
                seen.update(octets)
            # Behind what is being recorded: if that is this message, it is known now.
            held_before = await self._recording.do(lambda: self._records.was_held(str(seen)))
        except (Temporary, OSError) as error:  # what is passed on now may go twice
            self._metrics.held_failures.labels("records").inc()
            log.hold_failed(letter.draft.transaction_id, "records", str(error))
            return replies.MESSAGE_HELD
        if not held_before:
            return None
        self._metrics.held_results.labels("repeated").inc()
        letter.draft.held = True
        return replies.queued(letter.draft.transaction_id)

    async def take(self, letter: Letter, chunks: AsyncIterable[bytes]) -> Reply:
        """250 when the message is on disk and recorded; else 4xx, and nothing of it stays."""
        draft = letter.draft
        if draft.judged is None:
            raise RuntimeError("only what was judged is held")
        transaction, verdict = draft.judged
        try:
            await self._keep(letter, transaction, verdict, chunks)
        except CannotHold as error:
            self._metrics.held_failures.labels(error.reason).inc()
            if str(error):
                log.hold_failed(draft.transaction_id, error.reason, str(error))
            return replies.NO_STORAGE if error.reason == "disk_full" else replies.MESSAGE_HELD
        draft.held = True
        return replies.queued(draft.transaction_id)

    async def _keep(
        self, letter: Letter, transaction: Transaction, verdict: Verdict, chunks: AsyncIterable[bytes]
    ) -> None:
        account, size_bytes = transaction.identity.account, transaction.size_bytes
        if limit := self._use.limit_reached(account, size_bytes):
            raise CannotHold(limit)
        await self._filing.check_room(size_bytes, self._settings.free_bytes)
        self._use.add(account, 1, size_bytes)
        try:
            kept = await self._file_and_record(letter, transaction, verdict, chunks)
        except BaseException:
            self._use.add(account, -1, -size_bytes)
            raise
        if kept:
            self._metrics.held_results.labels("held").inc()
            log.held(transaction.transaction_id, account, size_bytes)
        else:
            self._use.add(account, -1, -size_bytes)
            self._metrics.held_results.labels("repeated").inc()

    async def _file_and_record(
        self, letter: Letter, transaction: Transaction, verdict: Verdict, chunks: AsyncIterable[bytes]
    ) -> bool:
        """False if we have the same message already."""
        message_id, seen = transaction.transaction_id, _Digest(letter)
        await self._filing.file(message_id, _under(letter.received, seen, without_end(chunks)))
        digest = str(seen)
        self.remember([digest])
        self._tell(digest)
        row = self._row(letter, transaction, verdict, digest)
        try:
            kept = await self._recording.do(lambda: self._records.put_held(row))
        except Temporary as error:
            # It may be recorded all the same, as after a lost connection: then the row and the file belong together,
            # and the message is known when it comes again. Otherwise the file is removed at the next start.
            if not digest:
                await self._leave_to_people(message_id)
            raise CannotHold("records", str(error)) from error
        if not kept:
            await self._filing.erase(message_id)
        return kept

    async def _leave_to_people(self, message_id: str) -> None:
        """It will not be known when it comes again, so that it would go twice if it was released by itself."""
        with suppress(Temporary):
            now = self._clock()
            await self._recording.in_any_case(lambda: self._records.doubt_one_held(message_id, now, NOT_TAKEN))

    def _row(self, letter: Letter, transaction: Transaction, verdict: Verdict, digest: str) -> HeldMessage:
        now, content = self._clock(), transaction.content
        return HeldMessage(
            message_id=transaction.transaction_id,
            spool=self._spool,
            account=transaction.identity.account,
            mail=letter.mail,
            recipients=tuple(HeldRecipient(argument) for argument in letter.recipients),
            xforward=letter.draft.facts.xforward,
            transaction=transaction.read((), None),
            verdict=verdict,
            evidence=held(verdict.groups, transaction.stream, content),
            size_bytes=transaction.size_bytes,
            held_at=now,
            changed_at=now,
            key_id=self._key_id,
            fingerprint=f"{content.text:016x}" if content is not None else "",
            digest=digest,
        )


class _Digest:
    """By what the same message handed over again is known: its origin, a colon, and a hash of all there is of it.

    Only a queue id says that it is one message: without one, two of the same words may both be meant.
    """

    def __init__(self, letter: Letter) -> None:
        self._origin = _origin(letter.draft) if letter.draft.queue_id else ""
        self._hash = blake2b(digest_size=16)
        for word in (letter.mail, *letter.recipients):
            self.update(word.encode("utf-8", "surrogateescape") + b"\n")

    def update(self, octets: bytes) -> None:
        self._hash.update(octets)

    def __str__(self) -> str:
        return f"{self._origin}:{self._hash.hexdigest()}" if self._origin else ""


def _origin(draft: Draft) -> str:
    """Of a queue id at the server that hands us mail."""
    words = f"{draft.facts.peer}\n{draft.queue_id}"
    return blake2b(words.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


async def _under(received: bytes, seen: _Digest, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Our own line is none of what the same message is known by."""
    yield received
    async for octets in chunks:
        seen.update(octets)
        yield octets


async def without_end(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    r"""The same octets without the last three: the `.\r\n` that ends a message."""
    tail = b""
    async for chunk in chunks:
        octets = tail + chunk
        if len(octets) > len(END):
            yield octets[: -len(END)]
        tail = octets[-len(END) :]
