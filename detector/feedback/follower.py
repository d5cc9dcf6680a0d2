"""One log, followed: lines come in, deliveries are told, and then the log's position is kept.

In this order, so that a crash may tell a delivery again (its `key` is known then), but never loses one.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass

from detector import log
from detector.feedback.attribution import Attribution
from detector.feedback.notices import Notice, Read
from detector.feedback.source import Batch, Source
from detector.mail.delivery import Delivery
from detector.metrics import Metrics
from detector.ports import Clock, FeedbackSink, Temporary
from detector.state.followed import Followed

TURN_LINES = 200
"""Then mail has its turn: about 5 ms."""
SETTLE_TIME = 0.25
"""Seconds: the next hop may have delivered a message before the relay has read its reply with the queue id."""
MANY_LINES, MANY_OCTETS = 1_000, 131_072
"""Of either so much: there is more to read than we wait for. A refusal's line may have 300 octets and more."""
STOP_TIME = 5.0
"""Seconds that what is being told gets to be marked, too, when we stop; after that the next process tells it again."""
AGAIN_AFTER = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds after each failure in a row."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Follower:
    """`read` understands the lines of `source`; `name` is that of the log, and of its position."""

    name: str
    source: Source
    read: Read
    attribution: Attribution
    sink: FeedbackSink
    followed: Followed
    metrics: Metrics
    clock: Clock
    sleep: Sleep = asyncio.sleep

    async def run(self) -> None:
        """Until it is cancelled. Whatever fails is tried again."""
        self.metrics.feedback_log_lines.labels("told")  # a log that tells nothing has told 0 lines: there is an alert
        failures = 0
        while True:
            try:
                batch = await self.source.read()
                if _is_little(batch.lines):
                    await self.sleep(SETTLE_TIME)
                await self._take_until_told(batch)
            except Temporary as error:
                await self._failed("unreadable", failures, error)
                failures += 1
            except Exception as error:  # a fault of ours must not end the following
                log.internal_error(f"following {self.name}", error)
                await self._failed("unreadable", failures, error)
                failures += 1
            else:
                failures = 0

    async def _take_until_told(self, batch: Batch) -> None:
        """These lines come only once, so whatever fails is tried again."""
        for label in batch.problems:
            self.metrics.feedback_log_problems.labels(label).inc()
        failures = 0
        while True:
            try:
                await self.take(batch)
            except Exception as error:
                if failures == 0 and not isinstance(error, Temporary):
                    log.internal_error(f"telling of {self.name}", error)
                await self._failed("not_told", failures, error)
                failures += 1
            else:
                return

    async def take(self, batch: Batch) -> None:
        """Raises `Temporary`; then nothing of the batch is marked as told, and it may be taken again."""
        found, counts = await self._deliveries(batch.lines)
        fresh = await asyncio.to_thread(self.followed.news, found) if found else []
        counts["told"] += len(fresh)
        counts["repeated"] += len(found) - len(fresh)
        if fresh or batch.position:
            await _to_its_end(self._tell(fresh, batch.position))
        for label, count in counts.items():
            self.metrics.feedback_log_lines.labels(label).inc(count)

    async def _tell(self, fresh: Sequence[Delivery], position: str) -> None:
        if fresh:
            await self.sink.tell(fresh)
        await asyncio.to_thread(self.followed.move_on, self.name, position, fresh, self.clock())

    async def _deliveries(self, lines: Sequence[bytes]) -> tuple[list[Delivery], Counter[str]]:
        found: list[Delivery] = []
        counts: Counter[str] = Counter()
        for start in range(0, len(lines), TURN_LINES):
            now = self.clock()
            notices = [self._notice(line) for line in lines[start : start + TURN_LINES]]
            await self.attribution.look_up([notice for notice in notices if not isinstance(notice, str)])
            for notice in notices:
                delivery = notice if isinstance(notice, str) else await self._delivery(notice, now)
                if isinstance(delivery, str):
                    counts[delivery] += 1
                else:
                    found.append(delivery)
            await asyncio.sleep(0)
        return found, counts

    # A fault of ours with one line must not stop the others, nor cost them.

    def _notice(self, line: bytes) -> Notice | str:
        try:
            return self.read(line) or "other"
        except Exception as error:
            return self._fault(error)

    async def _delivery(self, notice: Notice, now: float) -> Delivery | str:
        """Raises `Temporary`."""
        try:
            return await self.attribution.delivery(notice, now)
        except Temporary:
            raise
        except Exception as error:
            return self._fault(error)

    def _fault(self, error: Exception) -> str:
        log.internal_error(f"a line of {self.name}", error)
        return "fault"

    async def _failed(self, reason: str, failures: int, error: Exception) -> None:
        self.metrics.feedback_log_problems.labels(reason).inc()
        if failures == 0:
            log.following_failed(self.name, str(error))
        await self.sleep(AGAIN_AFTER[min(failures, len(AGAIN_AFTER) - 1)])


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Whoever is cancelled meanwhile waits for it first, `STOP_TIME` at most."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=STOP_TIME)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


def _is_little(lines: Sequence[bytes]) -> bool:
    return 0 < len(lines) < MANY_LINES and sum(map(len, lines)) < MANY_OCTETS
