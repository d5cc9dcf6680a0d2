"""Decides on held mail again when its evidence fades, and sends what was released; a little of each in every round."""

import asyncio
from dataclasses import dataclass, field

from detector import log
from detector.mail.path import parse_rcpt
from detector.metrics import Metrics
from detector.ports import Clock, Temporary
from detector.records.held_entries import HeldMessage, HeldState, HeldUse
from detector.records.records import Records
from detector.relay.held_carrier import Carrier
from detector.relay.held_outcome import MOST_WAIT
from detector.relay.held_use import Use
from detector.relay.route import Route
from detector.traffic.profile import Profile
from detector.verdict.release import LOOK_AGAIN, Leave, Waiting, leave, take_places

ROUND_EVERY = 1.0
COUNT_EVERY = 5.0  # seconds between two counts of all that is held; operators' decisions need none
ACCOUNTS_A_ROUND = 20
MESSAGES_A_LOOK = 50  # so that an account with thousands of held messages holds up nobody's mail
SENDS_AT_ONCE = 4  # of the next hop's connections, most of which belong to the mail that passes


@dataclass(slots=True)
class Releaser:
    """One for each directory of held mail. `follow` it with every new configuration of the relay."""

    spool: str
    records: Records
    carrier: Carrier
    use: Use
    metrics: Metrics
    clock: Clock
    _route: Route | None = field(default=None, init=False)
    _looks: dict[str, float] = field(default_factory=dict, init=False)
    _placed: set[str] = field(default_factory=set, init=False)
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _done: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _counted_at: float = field(default=float("-inf"), init=False)

    def follow(self, route: Route) -> None:
        """By other thresholds other mail may go: everything is looked at again."""
        self._route = route
        self._counted_at = float("-inf")
        self._looks.clear()

    async def run(self) -> None:
        """Until it is cancelled. Problems are told, and the next round tries again."""
        while True:
            try:
                await self.work()
            except Temporary as error:
                log.records_failed("held", str(error))
            except Exception as error:  # a fault here must not keep mail for ever
                log.internal_error("releaser", error)
            try:
                async with asyncio.timeout(ROUND_EVERY):
                    await self._done.wait()
            except TimeoutError:
                pass

    async def stop(self, patience: float) -> None:
        """Let messages that are under way end. What is cut off is in doubt."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=patience)
        for task in self._under_way.values():
            task.cancel()

    async def work(self) -> None:
        """One round. Raises `Temporary`."""
        route, now = self._route, self.clock()
        self._done.clear()
        if route is None:
            return
        if now - self._counted_at >= COUNT_EVERY or now < self._counted_at:
            await self._count(now)
        due = [account for account, at in self._looks.items() if at <= now]
        for account in due[:ACCOUNTS_A_ROUND]:
            self._looks[account] = await self._look_safely(account, route, now)
        await self._send(route, now)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way.values())

    async def _count(self, now: float) -> None:
        found: list[HeldUse] = await asyncio.to_thread(self.records.held_use, self.spool)
        self.use.replace(found, now)
        waiting = [one.account for one in found if one.state is HeldState.HELD]
        self._looks = {account: self._looks.get(account, now) for account in waiting}
        self._counted_at = now

    # -- by itself --

    async def _look_safely(self, account: str, route: Route, now: float) -> float:
        """A fault with one account's mail keeps neither others' nor what was released."""
        try:
            return await self._look(account, route, now)
        except Exception as error:
            log.internal_error("look at held mail", error)
            return now + LOOK_AGAIN

    async def _look(self, account: str, route: Route, now: float) -> float:
        """Let go what may go, the oldest first up to the first that may not; when to look again."""
        gate = route.assessor.gate
        if gate.book.blocked(account) and not gate.book.exempt(account, now):
            return now + LOOK_AGAIN
        messages = await asyncio.to_thread(self.records.oldest_held, self.spool, account, MESSAGES_A_LOOK)
        going = []
        for message in messages:
            if await self._decide(message, route, now) is not Leave.GOES:
                break
            going.append(message.message_id)
        if going:
            gone = await asyncio.to_thread(self.records.let_held_go, going, now)
            self._placed.update(gone)  # places of the others are free again in an hour
            self.metrics.held_results.labels("faded").inc(len(gone))
            log.held_faded(account, len(gone))
        return now if len(going) == MESSAGES_A_LOOK else now + LOOK_AGAIN

    async def _decide(self, message: HeldMessage, route: Route, now: float) -> Leave:
        assessor, account = route.assessor, message.account
        policy = assessor.policy.for_cohort(assessor.gate.cohort(account))
        addresses = [parse_rcpt(recipient.argument).address for recipient in message.recipients]

        def decided(profile: Profile) -> tuple[Profile, Leave]:
            # Who begins to observe does not mean that what was held before shall go.
            if not assessor.config.observe and assessor.gate.lets_through(account, profile, now):
                return take_places(profile, addresses, now, policy), Leave.GOES
            return leave(profile, Waiting(message.held_at, message.evidence, addresses), now, policy)

        return await assessor.profiles.update(account, decided)

    # -- what was released --

    async def _send(self, route: Route, now: float) -> None:
        free = SENDS_AT_ONCE - len(self._under_way)
        if free <= 0:
            return
        due = await asyncio.to_thread(self.records.due_held, self.spool, now, 2 * SENDS_AT_ONCE)
        for message in [one for one in due if one.message_id not in self._under_way][:free]:
            task = asyncio.get_running_loop().create_task(self._carry(message, route))
            self._under_way[message.message_id] = task

    async def _carry(self, message: HeldMessage, route: Route) -> None:
        has_places = message.message_id in self._placed
        self._placed.discard(message.message_id)
        try:
            await self.carrier.carry(message, route, has_places)
        except Exception as error:  # a message that we cannot handle must not come up in every round
            log.internal_error("carry", error)
            await asyncio.to_thread(self.records.postpone_held, message.message_id, self.clock(), MOST_WAIT)
        finally:
            self._under_way.pop(message.message_id, None)
            self._done.set()
