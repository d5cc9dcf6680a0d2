"""What answers do to accounts: each counts once for the profile; bad ones may open an incident after the fact.

An answer is durable before a profile learns of it (`state.heard`), so whoever tells it may forget it then.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from detector import log
from detector.mail.delivery import Complained, Delivery
from detector.metrics import Metrics
from detector.ports import Clock, Desk, ProfileStore
from detector.records.book import Book
from detector.state.heard import KNOWN_FOR, Heard
from detector.traffic.profile import Profile
from detector.verdict.answer import BAD, Answer, answer_of, answer_of_complaint, learn_answer
from detector.verdict.late import late
from detector.verdict.policy import Policy
from detector.verdict.verdict import Group, Verdict

LOOK_BACK = 3600.0
"""Seconds: whose answers came that lately is judged after a start, too. The crash may have come before the judge."""
MOST_TOLD = 10_000
MOST_AT_ONCE = 200
"""Profiles that are read together after a start: the first mail waits for all of them."""

WORDS = {
    "refused_24h": "refused",
    "automatic_refused_24h": "refused",
    "unwanted_24h": "turned away as spam or complained of",
    "automatic_unwanted_24h": "turned away as spam or complained of",
    "doubtful_24h": "told by reports only, or for now",
    "to_complainers_24h": "to people who had complained before",
}


@dataclass(slots=True)
class Effect:
    """The `FeedbackSink` and the `ComplaintSink` of a server. `observe`: nobody is blocked.

    `noticed` is told each answer that was learned.
    """

    profiles: ProfileStore
    heard: Heard
    book: Book
    desk: Desk
    metrics: Metrics
    clock: Clock
    policy: Policy
    observe: bool
    noticed: Callable[[Answer], None] = lambda _: None
    _lock: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _waiting: deque[tuple[int, Answer]] = field(init=False, default_factory=deque)
    _suspects: dict[str, Answer] = field(init=False, default_factory=dict)
    _let_through: dict[str, float] = field(init=False, default_factory=dict)

    async def tell(self, deliveries: Sequence[Delivery]) -> None:
        await self._take([answer for one in deliveries if (answer := answer_of(one)) is not None])

    async def complain(self, complaints: Sequence[Complained]) -> None:
        await self._take([answer_of_complaint(one) for one in complaints])

    async def restore(self) -> None:
        """Learn what a crash has taken from the profiles. Call it before the first answer. Raises `Temporary`."""
        now = self.clock()
        answers = await asyncio.to_thread(self.heard.since, now - KNOWN_FOR)
        learned = await self._learned(list({answer.account for _, answer in answers}))
        for number, answer in answers:
            if learned[answer.account] < number:
                self._waiting.append((number, answer))
            elif answer.at >= now - LOOK_BACK:
                self._notice(answer)
        await self._take([])

    async def _learned(self, accounts: Sequence[str]) -> dict[str, int]:
        """The number of the latest answer that each profile has learned."""
        learned: dict[str, int] = {}
        for start in range(0, len(accounts), MOST_AT_ONCE):
            some = accounts[start : start + MOST_AT_ONCE]
            profiles = await asyncio.gather(*map(self.profiles.read, some))
            learned |= {account: profile.heard for account, profile in zip(some, profiles, strict=True)}
        return learned

    async def _take(self, answers: Sequence[Answer]) -> None:
        # One after the other, so that each profile learns them in the order of their numbers.
        async with self._lock:
            if answers:
                self._waiting.extend(await asyncio.to_thread(self.heard.add, answers, self.clock()))
            while self._waiting:
                await self._learn(*self._waiting[0])
                self._waiting.popleft()
            while self._suspects:
                account, answer = next(iter(self._suspects.items()))
                await self._judge(answer)
                del self._suspects[account]

    async def _learn(self, number: int, answer: Answer) -> None:
        def learned(profile: Profile) -> tuple[Profile, None]:
            # Other hosts have numbers of their own, and may be ahead of ours.
            return replace(learn_answer(profile, answer, self.policy), heard=max(number, profile.heard)), None

        await self.profiles.update(answer.account, learned)
        self.metrics.feedback_answers.labels(answer.kind, answer.tie).inc()
        self._notice(answer)

    def _notice(self, answer: Answer) -> None:
        self.noticed(answer)
        if answer.kind in BAD and not answer.only_slows:
            self._suspects[answer.account] = answer

    async def _judge(self, answer: Answer) -> None:
        account, now = answer.account, self.clock()
        if self.book.blocked(account):
            return
        profile = await self.profiles.read(account)
        verdict = late(profile, now, self.policy.for_cohort(self.book.cohort(account)))
        if verdict is None:
            return
        let_through = self.observe or self.book.lets_through(account, profile, now)
        if let_through and now - self._let_through.get(account, 0.0) < LOOK_BACK:
            return  # it was told, and is not judged anew by each bounce of a wave
        if let_through:
            self._let_through[account] = now
            self._let_through = self._let_through if len(self._let_through) <= MOST_TOLD else {}
        log.late_verdict(account, answer.transaction_id, verdict.score, blocked=not let_through)
        if not let_through:
            await self.desk.open_afterwards(answer, verdict, in_words(verdict))


def in_words(verdict: Verdict) -> str:
    """What came back, for people."""
    told = [
        f"about {evidence.value:.0f} {WORDS[evidence.signal]}"
        for group in verdict.groups
        if group.group is Group.FEEDBACK
        for evidence in group.evidence
        if evidence.value >= 0.5
    ]
    return f"recipients of the last hours or days: {', '.join(told)}"
