"""What is learned of a message once its client has the answer, and told of it: for those that end together at once."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from msgspec import Struct

from detector.config import Config
from detector.mail.delivery import Handed, Receipt, queue_id_of
from detector.mail.reply import Reply
from detector.metrics import Metrics
from detector.ports import Clock, HandedOver, ProfileStore
from detector.relay.contents import Contents
from detector.relay.draft import Draft
from detector.relay.outcome import tell, tell_fault
from detector.relay.time_left import TimeLeft
from detector.relay.together import Together
from detector.tasks import Tasks
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.campaign import suspicious
from detector.verdict.handed import handed
from detector.verdict.policy import Policy


@dataclass(slots=True)
class Settler:
    """Keeps messages for some turns of the event loop. Whoever asks about an account catches up first.

    Each is settled once, or not at all if we die meanwhile: a count that is missing harms nobody, one too many might.
    While anything is owed one of `tasks` is there to settle it, which whoever stops waits for; sessions may end.
    """

    config: Config
    profiles: ProfileStore
    policy: Policy
    contents: Contents
    handed_over: HandedOver
    metrics: Metrics
    clock: Clock
    tasks: Tasks
    _owed: deque[tuple[Draft, Reply]] = field(init=False, default_factory=deque)
    _one_at_a_time: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _together: Together = field(init=False, default_factory=Together)
    _gathers: bool = field(init=False, default=False)

    @property
    def behind(self) -> bool:
        """Whether something was answered and is not settled."""
        return bool(self._owed)

    def owes(self, account: str) -> bool:
        """Whether mail of this account was."""
        return self.behind and account in [draft.identity.account for draft, _ in self._owed]

    async def settle(self, draft: Draft, reply: Reply) -> None:
        """Soon, and together with those that are answered at the same moment."""
        if self.config.state.url:  # each waits for its own answers, and nobody for those of others
            # The server may have counted it when the session ends: it cannot be begun again.
            await asyncio.shield(self.tasks.spawn(self.settle_now(draft, reply)))
            return
        self._owed.append((draft, reply))
        if self._gathers:
            self._together.come()
        else:
            self._gathers = True
            self.tasks.spawn(self._settle_together())

    async def _settle_together(self) -> None:
        await self._together.gather()
        self._gathers = False
        await self.catch_up()

    async def catch_up(self) -> None:
        """Settle all that were answered, in their order. Raises nothing.

        A session that ends meanwhile leaves the rest to whoever is next. It can only end before a message is counted:
        the one thing to wait for is a profile that comes from a disk.
        """
        async with self._one_at_a_time:
            while self._owed:
                counted: list[_Counted] = []
                try:
                    while self._owed:
                        counted.append(await self._count(*self._owed[0]))
                        self._owed.popleft()
                finally:
                    await self._tell(counted)

    async def settle_now(self, draft: Draft, reply: Reply) -> None:
        """Raises nothing."""
        await self._tell([await self._count(draft, reply)])

    async def _count(self, draft: Draft, reply: Reply) -> "_Counted":
        counted = _Counted(draft, reply, self.clock())
        if draft.judged is None:
            return counted
        transaction, delivered = draft.judged[0], reply.positive and not draft.held

        def settled(profile: Profile) -> tuple[Profile, Handed | None]:
            if not profile.counters.updated_at:  # erased since it was judged: nothing of before may come back
                return profile, None
            passed = handed(profile, transaction, counted.at, self.policy) if delivered else None
            return settle(profile, transaction, delivered, counted.at, self.policy), passed

        try:
            time_left = TimeLeft(self.config.patience)  # the client has his answer
            counted.passed = await time_left.wait(self.profiles.update(transaction.identity.account, settled))
        except Exception as error:  # anything at all: mail must not depend on our being right
            self._at_fault(counted, error)
        return counted

    async def _tell(self, counted: list["_Counted"]) -> None:
        """One step for all of them and then the next, so that its code is still in the processor's caches."""
        for step in (self._remember, self._learn, self._log):
            for one in counted:
                try:
                    if not one.broken:
                        await step(one)
                except Exception as error:  # as above
                    self._at_fault(one, error)

    async def _remember(self, one: "_Counted") -> None:
        if one.passed is not None:
            receipt = Receipt(one.draft.sent_to, queue_id_of(one.reply), one.draft.message_id)
            await self.handed_over.remember(receipt, one.passed, one.at)

    async def _learn(self, one: "_Counted") -> None:
        if one.draft.judged is not None and not suspicious(one.draft.judged[1]):
            await self.contents.learn(*one.draft.judged, self.policy.hold_score)

    async def _log(self, one: "_Counted") -> None:
        tell(self.metrics, one.draft, one.reply)

    def _at_fault(self, one: "_Counted", error: Exception) -> None:
        one.broken = True
        tell_fault(self.metrics, error)


class _Counted(Struct, gc=False):
    """An answered message whose account's profile knows of it since `at`; `passed` is None where it did not pass."""

    draft: Draft
    reply: Reply
    at: float
    passed: Handed | None = None
    broken: bool = False
