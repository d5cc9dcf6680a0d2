"""What is learned of messages once they are answered: together, in order, and before anybody is judged again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from detector import config
from detector.mail.delivery import Handed, Receipt
from detector.mail.headers import Arrival
from detector.mail.reply import Reply
from detector.mail.transaction import Identity
from detector.metrics import Metrics
from detector.models import load_prior
from detector.ports import SessionFacts
from detector.relay.contents import Contents
from detector.relay.draft import Draft
from detector.relay.settler import Settler
from detector.tasks import Tasks
from detector.traffic.counters import Counters
from detector.traffic.counting import is_known
from detector.traffic.profile import Profile
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict
from tests.histories import IDENTITY, transaction
from tests.support.mail_to import ANN
from tests.support.relay_house import DictProfiles, HandedList, NearbyCampaigns, house
from tests.support.smtp_sink import SmtpSink
from tests.support.text_model import small_reader

Settings = Callable[..., config.Config]
T = TypeVar("T")
OK = Reply.of(250, "2.0.0", "Ok: queued as 4XyZ1")
KEY = b"k" * 32
SEEN = Profile(counters=Counters(updated_at=1e9))
"""As a message leaves it that was judged."""


class Place:
    """A settler with all that it tells."""

    def __init__(self, settings: config.Config) -> None:
        self.profiles = DictProfiles({IDENTITY.account: SEEN})
        self.handed_over, self.metrics = HandedList(), Metrics("test")
        contents = Contents(small_reader(), NearbyCampaigns(), self.metrics, lambda: 1e9)
        policy = Policy(KEY, *load_prior())
        self.tasks = Tasks()
        parts = settings, self.profiles, policy, contents, self.handed_over, self.metrics
        self.settler = Settler(*parts, lambda: 1e9, self.tasks)

    def settled(self) -> list[str]:
        """The transactions, in the order in which that was done."""
        return [handed.transaction_id for _, handed in self.handed_over.taken]

    def broken(self) -> float | None:
        return self.metrics.registry.get_sample_value("detector_broken_judgements_total")


@pytest.fixture
def place(settings: Settings) -> Place:
    return Place(settings())


def shared(settings: config.Config) -> config.Config:
    state = settings.state.model_copy(update={"url": "redis://127.0.0.1:6379/0"})
    return settings.model_copy(update={"state": state})


def draft(number: int, account: str = ANN) -> Draft:
    """Of a message that was judged."""
    judged = transaction(number)
    made = Draft(
        judged.transaction_id,
        SessionFacts("192.0.2.1", {}, {}, "", ""),
        Arrival("pc", "192.0.2.1", "hop"),
        judged.mail_from,
        0.0,
    )
    made.identity = Identity(account, "header", trusted=True)
    made.recipients = list(judged.recipients)
    made.judged = judged, Verdict(Action.ACCEPT, 0.0, (), "p1", "m1")
    return made


async def test_messages_that_are_answered_together_are_settled_in_their_order(place: Place) -> None:
    await asyncio.gather(*[place.settler.settle(draft(number), OK) for number in range(5)])
    assert place.settled() == []
    await place.tasks.ended()
    assert place.settled() == [f"t{number}" for number in range(5)]
    assert not place.settler.behind


async def test_mail_is_owed_until_it_is_settled(place: Place) -> None:
    await place.settler.settle(draft(0), OK)
    assert place.settler.owes(ANN)
    assert not place.settler.owes("ben@example.net")
    await place.tasks.ended()
    assert not place.settler.owes(ANN)


async def test_whoever_asks_may_have_it_settled_at_once(place: Place) -> None:
    await place.settler.settle(draft(0), OK)
    await place.settler.catch_up()
    assert place.settled() == ["t0"]
    await place.settler.settle(draft(1), OK)
    await place.tasks.ended()
    assert place.settled() == ["t0", "t1"]


class SlowProfiles(DictProfiles):
    """They come from a disk that has not answered yet."""

    def __init__(self) -> None:
        super().__init__({IDENTITY.account: SEEN})
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        self.asked.set()
        await self.answer.wait()
        return await super().update(account, function)


class FarProfiles(SlowProfiles):
    """They are on a server that changes them and has not said so yet."""

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        answer = await DictProfiles.update(self, account, function)
        self.asked.set()
        await self.answer.wait()
        return answer


def sent(profiles: DictProfiles) -> float:
    return profiles.profiles[IDENTITY.account].reputation.sent


async def ended(session: asyncio.Task[None]) -> None:
    session.cancel()
    with pytest.raises(asyncio.CancelledError):
        await session


async def test_a_session_that_is_ended_while_it_settles_for_another_one_costs_that_one_nothing(place: Place) -> None:
    place.settler.profiles = slow = SlowProfiles()
    await place.settler.settle(draft(0), OK)
    asks = asyncio.get_running_loop().create_task(place.settler.catch_up())
    await slow.asked.wait()
    await ended(asks)
    slow.answer.set()
    await place.tasks.ended()
    assert place.settled() == ["t0"]
    assert sent(slow) == pytest.approx(1.0)


class SecondSlowProfiles(SlowProfiles):
    """The first one asked for is in memory."""

    first = True

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        if not self.first:
            return await super().update(account, function)
        self.first = False
        return await DictProfiles.update(self, account, function)


async def test_what_is_counted_when_a_session_ends_is_told_at_once_and_once(place: Place) -> None:
    place.settler.profiles = slow = SecondSlowProfiles()
    await place.settler.settle(draft(0), OK)
    await place.settler.settle(draft(1), OK)
    asks = asyncio.get_running_loop().create_task(place.settler.catch_up())
    await slow.asked.wait()
    await ended(asks)
    assert place.settled() == ["t0"]
    assert place.settler.behind
    slow.answer.set()
    await place.tasks.ended()
    assert place.settled() == ["t0", "t1"]
    assert sent(slow) == pytest.approx(2.0)


class Particular(HandedList):
    """Takes all but the first."""

    first = True

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None:
        if self.first:
            self.first = False
            msg = "the first"
            raise ValueError(msg)
        await super().remember(receipt, handed, now)


async def test_what_cannot_be_remembered_keeps_no_other_from_it(place: Place) -> None:
    place.settler.handed_over = some = Particular()
    await asyncio.gather(*[place.settler.settle(draft(number), OK) for number in range(3)])
    await place.tasks.ended()
    assert [handed.transaction_id for _, handed in some.taken] == ["t1", "t2"]
    assert place.broken() == 1.0


async def test_mail_whose_profile_is_waited_for_is_still_owed(place: Place) -> None:
    place.settler.profiles = slow = SlowProfiles()
    await place.settler.settle(draft(0), OK)
    await slow.asked.wait()
    assert place.settler.behind
    assert place.settler.owes(ANN)
    slow.answer.set()
    await place.settler.catch_up()
    assert place.settled() == ["t0"]


async def test_mail_that_a_shared_state_may_have_counted_is_not_counted_again_when_its_session_ends(
    settings: Settings,
) -> None:
    place = Place(shared(settings()))
    place.settler.profiles = far = FarProfiles()
    session = asyncio.get_running_loop().create_task(place.settler.settle(draft(0), OK))
    await far.asked.wait()
    await ended(session)
    far.answer.set()
    await place.tasks.ended()
    assert place.settled() == ["t0"]
    assert sent(far) == pytest.approx(1.0)


async def test_a_profile_that_is_erased_while_its_mail_is_settled_does_not_come_back(place: Place) -> None:
    place.settler.profiles = slow = SlowProfiles()
    await place.settler.settle(draft(0), OK)
    await slow.asked.wait()
    slow.profiles[IDENTITY.account] = Profile()
    slow.answer.set()
    await place.tasks.ended()
    assert slow.profiles[IDENTITY.account] == Profile()
    assert place.settled() == []


async def test_a_fault_with_one_message_is_told_and_keeps_no_other_from_being_settled(place: Place) -> None:
    broken = draft(0)
    broken.recipients = []
    broken.judged = replace(transaction(0), recipients=None), Verdict(Action.ACCEPT, 0.0, (), "p1", "m1")
    await asyncio.gather(place.settler.settle(broken, OK), place.settler.settle(draft(1), OK))
    await place.tasks.ended()
    assert place.settled() == ["t1"]
    assert place.broken() == 1.0


async def test_with_a_shared_state_nobody_waits_for_the_answers_that_others_wait_for(settings: Settings) -> None:
    place = Place(shared(settings()))
    await place.settler.settle(draft(0), OK)
    assert place.settled() == ["t0"]


def growing(number: int, account: str) -> Draft:
    """Of a message that was not judged yet."""
    made = draft(number, account)
    made.judged = None
    return made


async def test_the_window_is_asked_once_the_answered_mail_of_its_account_is_settled(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as home:
        home.profiles.profiles[IDENTITY.account] = SEEN
        assessor, address = home.route.assessor, transaction(0).recipients[0].address
        await assessor.settler.settle(draft(0), OK)
        await assessor.admit(growing(1, "ben@example.net"), address)
        assert home.handed_over.taken == []
        await assessor.admit(growing(2, ANN), address)
        assert is_known(home.profiles.profiles[IDENTITY.account], address, KEY)


async def test_nobody_is_judged_before_all_is_settled_that_was_answered(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with house(settings(), tmp_path, sink) as home:
        home.profiles.profiles[IDENTITY.account] = SEEN
        assessor = home.route.assessor
        await assessor.settler.settle(draft(0), OK)
        assert assessor.settler.behind
        await assessor.abandon(growing(1, "ben@example.net"))  # judges at once
        assert [handed.transaction_id for _, handed in home.handed_over.taken] == ["t0"]
