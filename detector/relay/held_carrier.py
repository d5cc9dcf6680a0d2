"""Released messages on their way: each attempt, what the profile learns of it, and what the records are told."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from detector import log
from detector.config import Hold
from detector.mail.delivery import Handed
from detector.mail.path import parse_rcpt
from detector.metrics import Metrics
from detector.ports import Clock, Temporary
from detector.records.held_entries import Attempt, HeldMessage, HeldState, RecipientState
from detector.records.records import Records
from detector.relay.held_courier import Courier, Delivery, Withdrawn, as_told
from detector.relay.held_outcome import outcome, reported, state_of, wait_before
from detector.relay.held_reports import Reports
from detector.relay.route import Route
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.handed import handed
from detector.verdict.release import take_places

T = TypeVar("T")

RECORD_AGAIN = 1.0
"""Seconds until the records are told again what they could not take."""


class Carrier:
    """One attempt for one message, from its places in the window to the row."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that it joins
        self, settings: Hold, courier: Courier, reports: Reports, records: Records, metrics: Metrics, clock: Clock
    ) -> None:
        self._settings = settings
        self._courier = courier
        self._reports = reports
        self._records = records
        self._metrics = metrics
        self._clock = clock

    async def carry(self, message: HeldMessage, route: Route, has_places: bool) -> None:
        """`has_places`: its first-time recipients were given room in the window already."""
        if not has_places:
            await self._take_places(message, route)
        try:
            # The tag in the header is on disk since the message was held; that of the sender is of the same day.
            mail = route.tagger.mail(message.mail, message.message_id, message.held_at)
            delivery = await self._courier.attempt(replace(message, mail=mail), route.pool)
        except Withdrawn:
            delivery = Delivery(message.recipients)
            await self._teach(message, delivery, route)
            return
        # First the records: what was sent must not be forgotten.
        state = await self._record(message, delivery)
        await self._teach(message, delivery, route)
        self._tell(message, delivery, state)

    async def _take_places(self, message: HeldMessage, route: Route) -> None:
        if message.about:
            return
        waiting = message.with_state(RecipientState.WAITING)
        addresses, now = [parse_rcpt(one.argument).address for one in waiting], self._clock()
        policy = route.assessor.policy

        def placed(profile: Profile) -> tuple[Profile, None]:
            return take_places(profile, addresses, now, policy), None

        await self._of_profile(message, route, placed)

    async def _teach(self, message: HeldMessage, delivery: Delivery, route: Route) -> None:
        """Who has it is known from now on; all other places are free again."""
        if message.about:
            return
        transaction = message.transaction.read(as_told(message, delivery), message.transaction.content)
        before = {one.argument for one in message.with_state(RecipientState.SENT)}
        sent = (RecipientState.SENT, RecipientState.SENDING)
        delivered = any(one.state in sent and one.argument not in before for one in delivery.recipients)
        policy, now = route.assessor.policy, self._clock()

        def settled(profile: Profile) -> tuple[Profile, Handed]:
            return settle(profile, transaction, delivered, now, policy), handed(profile, transaction, now, policy)

        passed = await self._of_profile(message, route, settled)
        if delivery.taken is not None and passed is not None:
            await route.assessor.settler.handed_over.remember(delivery.taken, passed, now)

    async def _of_profile(
        self, message: HeldMessage, route: Route, function: Callable[[Profile], tuple[Profile, T]]
    ) -> T | None:
        """None while profiles cannot be read: what was released goes all the same."""
        try:
            return await route.assessor.profiles.update(message.account, function)
        except Temporary as error:
            log.internal_error("profile of held mail", error)
            self._metrics.broken_judgements.inc()
            return None

    async def _record(self, message: HeldMessage, delivery: Delivery) -> HeldState:
        now = self._clock()
        found = outcome(message, delivery, now, self._settings.retry_time)
        recipients, report = found.recipients, None
        if found.failures:
            try:
                report = await asyncio.to_thread(self._reports.write, message, found.failures, now)
                recipients = reported(found)
            except OSError as error:  # then nobody was told, and people see it as undeliverable
                log.hold_failed(message.message_id, "report", str(error))
        state = state_of(recipients)
        problem = delivery.problem or next((one.reply for one in recipients if one.state is RecipientState.REFUSED), "")
        next_attempt_at = now + wait_before(message.attempts) if state is HeldState.RELEASING else 0.0
        await self._settle(Attempt(message.message_id, state, recipients, now, next_attempt_at, problem, report))
        return state

    async def _settle(self, attempt: Attempt) -> None:
        while True:
            try:
                await asyncio.to_thread(self._records.settle_held, attempt)
            except Temporary as error:
                log.records_failed("settle_held", str(error))
                await asyncio.sleep(RECORD_AGAIN)
            else:
                return

    def _tell(self, message: HeldMessage, delivery: Delivery, state: HeldState) -> None:
        if delivery.fault:
            self._metrics.held_failures.labels(delivery.fault).inc()
        if delivery.fault == "unreadable":
            log.held_unreadable(message.message_id, delivery.problem)
        if state is HeldState.IN_DOUBT:
            log.held_in_doubt(message.message_id)
        if state is not HeldState.RELEASING:
            self._metrics.held_results.labels(state).inc()
        log.held_attempt(message.message_id, message.account, state, message.attempts + 1)
