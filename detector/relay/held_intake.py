"""From a doubtful message to a file and a row: both are durable before the client hears 250."""

import asyncio
import errno
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import replace
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
from detector.relay.draft import Draft, Letter
from detector.relay.held_files import HeldFiles, HeldWriter
from detector.relay.held_use import Use
from detector.verdict.hold import held
from detector.verdict.verdict import Verdict

END = b".\r\n"
MOST_ORIGINS = 200_000  # queue ids of held messages in memory, 100 octets each; a client tries again within days
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class CannotHold(Exception):
    """The reason is a label of a metric."""

    def __init__(self, reason: str, problem: str = "") -> None:
        super().__init__(problem)
        self.reason = reason


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
        self._files = files
        self._records = records
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
        async for octets in without_end(chunks):
            seen.update(octets)
        try:
            held_before = await asyncio.to_thread(self._records.was_held, str(seen))
        except Temporary as error:  # what is passed on now may go twice
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
        self._check_room(account, size_bytes)
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

    def _check_room(self, account: str, size_bytes: int) -> None:
        limit = self._use.limit_reached(account, size_bytes)
        if limit:
            raise CannotHold(limit)
        try:
            free = self._files.free_bytes
        except OSError as error:
            raise CannotHold("disk", str(error)) from error
        if free - size_bytes < self._settings.free_bytes:
            raise CannotHold("disk_full", f"only {free} octets are free in {self._files.directory}")

    async def _file_and_record(
        self, letter: Letter, transaction: Transaction, verdict: Verdict, chunks: AsyncIterable[bytes]
    ) -> bool:
        """False if we have the same message already."""
        message_id = transaction.transaction_id
        digest = await self._file(letter, transaction, chunks)
        self.remember([digest])
        self._tell(digest)
        try:
            kept = await asyncio.to_thread(self._records.put_held, self._row(letter, transaction, verdict, digest))
        except Temporary as error:
            # It may be recorded all the same, as after a lost connection: then the row and the file belong together,
            # and the message is known when it comes again. Otherwise the file is removed at the next start.
            raise CannotHold("records", str(error)) from error
        if not kept:
            await asyncio.to_thread(self._files.erase, [message_id])
        return kept

    async def _file(self, letter: Letter, transaction: Transaction, chunks: AsyncIterable[bytes]) -> str:
        """Write the message without its end mark; what the same message handed over again would be known by."""
        seen = _Digest(letter)
        writer: HeldWriter | None = None
        try:
            writer = await asyncio.to_thread(self._files.create, transaction.transaction_id)
            await asyncio.to_thread(writer.write, letter.received)
            async for octets in without_end(chunks):
                seen.update(octets)
                await asyncio.to_thread(writer.write, octets)
            await asyncio.to_thread(writer.commit)
        except BaseException as error:
            if writer is not None:
                await asyncio.to_thread(writer.abort)
            if isinstance(error, OSError):
                reason = "disk_full" if error.errno in NO_SPACE else "disk"
                raise CannotHold(reason, f"{self._files.directory}: {error.strerror}") from error
            raise
        return str(seen)

    def _row(self, letter: Letter, transaction: Transaction, verdict: Verdict, digest: str) -> HeldMessage:
        now, content = self._clock(), transaction.content
        return HeldMessage(
            message_id=transaction.transaction_id,
            spool=self._spool,
            account=transaction.identity.account,
            mail=letter.mail,
            recipients=tuple(HeldRecipient(argument) for argument in letter.recipients),
            xforward=letter.draft.facts.xforward,
            transaction=replace(transaction, recipients=(), content=None),
            verdict=verdict,
            evidence=held(verdict.groups, transaction.stream, content),
            size_bytes=transaction.size_bytes,
            held_at=now,
            changed_at=now,
            key_id=self._files.keys.newest.key_id,
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


async def without_end(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    r"""The same octets without the last three: the `.\r\n` that ends a message."""
    tail = b""
    async for chunk in chunks:
        octets = tail + chunk
        if len(octets) > len(END):
            yield octets[: -len(END)]
        tail = octets[-len(END) :]
