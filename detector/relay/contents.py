"""What messages say, for the judge: read without holding up other mail, and compared with what other accounts send.

Whatever goes wrong here costs evidence and never mail.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import msgspec

from detector import log
from detector.content.copies import copy_key
from detector.content.mime import MOST_BYTES, parsed
from detector.content.reader import Reader
from detector.mail.content import Content
from detector.mail.headers import Header
from detector.mail.search import find_by
from detector.mail.transaction import Transaction
from detector.mail.written import Written
from detector.metrics import Metrics
from detector.ports import CampaignStore, Clock
from detector.relay.body import Body
from detector.relay.seldom import Seldom
from detector.relay.time_left import TimeLeft
from detector.traffic.campaign import keys_of
from detector.verdict.campaign import suspicious
from detector.verdict.judge import text_speaks
from detector.verdict.verdict import Verdict

READ_AT_ONCE = 65_536  # octets of text: they take a millisecond; more are read by a thread


class Contents:
    """One for all connections, also when the configuration is reloaded: it remembers what it has read."""

    def __init__(self, reader: Reader, campaigns: CampaignStore, metrics: Metrics, clock: Clock) -> None:
        self._reader = reader
        self._campaigns = campaigns
        self._metrics = metrics
        self._clock = clock
        self._told = reader.broken
        self._seldom = Seldom()  # a model that is broken is so for every message
        self._scored_at = 0.0
        # Of their own: those of the event loop may all wait for a disk.
        self._threads = ThreadPoolExecutor(os.cpu_count(), "reading")
        metrics.content_scored.set_function(lambda: self._scored_at)

    async def read(self, transaction: Transaction, header: Header, body: Body) -> Transaction:
        """The transaction with what its message says; without it when we cannot tell. `header` is the body's."""
        content = None
        try:
            written = _written(header, body)
            copy = copy_key(written)
            content = self._reader.read_copy(header, copy) or await self._read(written, copy)
        except Exception as error:  # anything at all: it is evidence that is missing, and no more
            self._broken(error, 1)
        self._notice_breaks()
        if content is None:
            return transaction
        if content.score is not None:
            self._scored_at = self._clock()
        return transaction.read(transaction.recipients, content)

    async def compare(self, transaction: Transaction, time_left: TimeLeft) -> Transaction:
        """The transaction with what others say about its content: how many suspicious accounts lately sent the same."""
        content, account = transaction.content, transaction.identity.account
        if content is None:
            return transaction
        try:
            keys = keys_of(content)
            others = await time_left.wait(self._campaigns.suspicious_others(keys, account, self._clock()))
        except Exception as error:  # as above
            self._broken(error, 1)
            return transaction
        if not others:
            return transaction
        return transaction.read(transaction.recipients, msgspec.structs.replace(content, accomplices=others))

    async def learn(self, transaction: Transaction, verdict: Verdict, hold_score: float) -> None:
        """What a message teaches about the mail of all accounts, once it was judged."""
        content, account = transaction.content, transaction.identity.account
        if content is None:
            return
        try:
            await self._campaigns.notice(keys_of(content), account, suspicious(verdict), self._clock())
        except Exception as error:  # as above
            self._broken(error, 1)
        if verdict.score < hold_score and not text_speaks(verdict.groups):
            self._reader.learn(content, account)

    async def _read(self, written: Written, copy: int | None) -> Content:
        # Parts are found so soon that handing that to a thread would cost more; what is attached is not read.
        parts = parsed(written)
        if sum([part.text_size_bytes for part in parts.parts if part.shown]) <= READ_AT_ONCE:
            return self._reader.read_parts(written.header, parts, copy)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._reader.read_parts, written.header, parts, copy)

    def _notice_breaks(self) -> None:
        new, self._told = self._reader.broken - self._told, self._reader.broken
        if new and self._reader.fault is not None:
            self._broken(self._reader.fault, new)

    def _broken(self, error: Exception, times: int) -> None:
        self._metrics.content_errors.inc(times)
        if untold := self._seldom.times_to_tell(self._clock(), times):
            log.content_failed(error, untold)


def _written(header: Header, body: Body) -> Written:
    """The beginning of the message as its sender wrote it.

    Lines lose the dot that SMTP doubled (RFC 5321 section 4.5.2); in the header it is left, where fields are read so.
    What lies on disk stands further down than anybody reads.
    """
    octets, start, end = body.head, len(header.section), min(len(body.head), body.size_bytes, MOST_BYTES)
    if body.dotted and (octets.startswith(b"..") or find_by(b".", b"\r\n..", octets, max(0, start - 2), end) >= 0):
        octets = (b"\r\n" + octets[start:end]).replace(b"\r\n..", b"\r\n.")
        start, end = 2, len(octets)
    return Written(header, octets, start, end)
