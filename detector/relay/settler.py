"""What is learned of a message once its client has the answer, and told of it: for those that end together at once."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from detector.config import Config
from detector.mail.delivery import Handed, Receipt, queue_id_of
from detector.mail.reply import Reply
from detector.mail.transaction import Transaction
from detector.metrics import Metrics
from detector.ports import Clock, HandedOver, ProfileStore
from detector.relay.contents import Contents
from detector.relay.draft import Draft
from detector.relay.outcome import tell, tell_fault
from detector.relay.time_left import TimeLeft
from detector.relay.together import Together
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.campaign import suspicious
from detector.verdict.handed import handed
from detector.verdict.policy import Policy
from detector.verdict.verdict import Verdict


@dataclass(slots=True)
class Settler:
    """Keeps messages for some turns of the event loop. Whoever asks about an account catches up first."""

    config: Config
    profiles: ProfileStore
    policy: Policy
    contents: Contents
    handed_over: HandedOver
    metrics: Metrics
    clock: Clock
    _answered: deque[tuple[Draft, Reply]] = field(init=False, default_factory=deque)
    _together: Together = field(init=False, default_factory=Together)
    _somebody_waits: bool = field(init=False, default=False)
    _rest: asyncio.Task[None] | None = field(init=False, default=None)  # of one that was ended

    @property
    def behind(self) -> bool:
        """Whether something was answered and is not settled."""
        return bool(self._answered)

    def owes(self, account: str) -> bool:
        """Whether mail of this account was."""
        return self.behind and account in [draft.identity.account for draft, _ in self._answered]

    async def settle(self, draft: Draft, reply: Reply) -> None:
        """Soon. The first of those that are answered together waits for the others, and sees to all of them."""
        self._answered.append((draft, reply))
        if self.config.state.url:  # each waits for its own answers, and nobody for those of others
            await self.catch_up()
        elif self._somebody_waits:
            self._together.come()
        else:
            self._somebody_waits = True
            try:
                await self._together.gather()
            finally:
                self._somebody_waits = False
                await self.catch_up()

    async def catch_up(self) -> None:
        """Settle all that were answered, in their order. Raises nothing."""
        while self._answered:
            draft, reply = self._answered.popleft()
            try:
                await self.settle_now(draft, reply)
            except asyncio.CancelledError:  # a session that ends meanwhile; the answer may be another one's
                self._answered.appendleft((draft, reply))
                self._rest = asyncio.get_running_loop().create_task(self.catch_up())
                raise

    async def settle_now(self, draft: Draft, reply: Reply) -> None:
        """Raises nothing."""
        try:
            if draft.judged is not None:
                await self._learn(draft, draft.judged, reply)
            tell(self.metrics, draft, reply)
        except Exception as error:  # anything at all: mail must not depend on our being right
            tell_fault(self.metrics, error)

    async def _learn(self, draft: Draft, judged: tuple[Transaction, Verdict], reply: Reply) -> None:
        transaction, verdict = judged
        delivered, now = reply.positive and not draft.held, self.clock()
        if not suspicious(verdict):
            await self.contents.learn(transaction, verdict, self.policy.hold_score)

        def settled(profile: Profile) -> tuple[Profile, Handed]:
            passed = handed(profile, transaction, now, self.policy)
            return settle(profile, transaction, delivered, now, self.policy), passed

        time_left = TimeLeft(self.config.patience)  # the client has his answer
        passed = await time_left.wait(self.profiles.update(transaction.identity.account, settled))
        if delivered:
            await self.handed_over.remember(Receipt(draft.sent_to, queue_id_of(reply), draft.message_id), passed, now)
