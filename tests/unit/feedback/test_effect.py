"""Answers count once and durably, whatever crashes, and may block an account after the fact."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from detector import log
from detector.feedback.effect import Effect
from detector.mail.delivery import Complained, Delivery, DeliveryStatus
from detector.mail.status_codes import Cause
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.models import load_prior
from detector.ports import Temporary
from detector.records.book import Book
from detector.records.entries import Exemption, Standing
from detector.state.heard import Heard
from detector.traffic.clock import DAY
from detector.traffic.counters import Counters
from detector.traffic.features import Tally
from detector.traffic.profile import Profile
from detector.verdict.answer import Answer
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action
from tests.support.feedback import KEY
from tests.support.ports import PATIENCE
from tests.support.relay_house import DictProfiles, NoteDesk

T = TypeVar("T")
NOW = 20_000 * DAY + 3600
BLAST = Tally(recipients=300, first_time=300, answered=300, same_text=300, domains=60, copies=300, messages=300)


class Profiles(DictProfiles):
    """Out of reach for so many updates."""

    failures = 0

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        if self.failures:
            self.failures -= 1
            raise Temporary("the disk cannot be read")
        return await super().update(account, function)


@dataclass
class House:
    """A server's feedback, with a profile of Ann."""

    directory: Path
    profiles: Profiles = field(default_factory=Profiles)
    book: Book = field(default_factory=Book)
    effect: Effect = field(init=False)

    def __post_init__(self) -> None:
        self.desk = NoteDesk(self.book)
        self.start()

    def start(self, observe: bool = False) -> None:
        """A process; the one before was killed."""
        priors, version = load_prior()
        self.effect = Effect(
            self.profiles,
            Heard(self.directory / "heard.sqlite", 10 * DAY),
            self.book,
            self.desk,
            Metrics("test"),
            lambda: NOW,
            Policy(KEY, priors, version),
            observe,
        )

    def counted(self, kind: str, tie: str = "sure") -> float | None:
        labels = {"kind": kind, "tie": tie}
        return self.effect.metrics.registry.get_sample_value("detector_feedback_answers_total", labels)

    async def ann(self) -> Profile:
        return await self.profiles.read("ann")

    async def has_sent(self, tally: Tally) -> None:
        profile = Profile(first_seen=NOW - 30 * DAY, counters=Counters().add(Stream.PERSONAL, tally, NOW - 3600))
        await self.profiles.update("ann", lambda _: (profile, None))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    yield built
    built.effect.heard.close()


def bounce(number: int, cause: Cause = Cause.NO_SUCH_USER) -> Delivery:
    status = DeliveryStatus.BOUNCED if cause is Cause.NO_SUCH_USER else DeliveryStatus.BLOCKED
    key = f"k{number}".encode()
    return Delivery(
        "ann", f"t{number}", b"8octets1", status, "5.1.1", "", cause, NOW, "log", key, first_time=True, trusted=True
    )


def bounces(count: int) -> list[Delivery]:
    return [bounce(number) for number in range(count)]


async def test_an_answer_counts_once_however_often_it_is_told(house: House) -> None:
    await house.has_sent(Tally(answered=10))
    for _ in range(3):
        await house.effect.tell([bounce(1), bounce(2), bounce(1)])
    assert (await house.ann()).reputation.bounced == 2
    assert house.counted("refused") == 2


async def test_a_complaint_puts_its_recipient_on_the_list_once(house: House) -> None:
    complaint = Complained("ann", "t1", b"8octets1", NOW)
    await house.effect.complain([complaint])
    await house.effect.complain([replace(complaint, at=NOW + 1)])
    assert (await house.ann()).complainers.has(b"8octets1", NOW)
    assert (await house.ann()).reputation.complained == 1


async def test_what_profiles_did_not_take_is_learned_when_they_do(house: House) -> None:
    house.profiles.failures = 1
    with pytest.raises(Temporary):
        await house.effect.tell(bounces(2))
    await house.effect.tell(bounces(2))
    assert (await house.ann()).reputation.bounced == 2


async def test_a_crash_before_profiles_are_written_loses_and_doubles_nothing(house: House) -> None:
    await house.has_sent(Tally(answered=10))
    await house.effect.tell(bounces(3))
    written = await house.ann()
    await house.effect.tell(bounces(5))
    latest = await house.ann()
    await house.profiles.update("ann", lambda _: (written, None))
    house.start()
    await house.effect.restore()
    assert await house.ann() == latest
    await house.effect.restore()
    await house.effect.tell(bounces(5))
    assert await house.ann() == latest


async def test_after_a_crash_the_profiles_of_many_accounts_are_read_together(house: House) -> None:
    accounts = [f"user{number}" for number in range(50)]
    await house.effect.tell([replace(bounce(at), account=account) for at, account in enumerate(accounts)])
    house.start()
    together, asked = asyncio.Barrier(len(accounts)), set[str]()
    read = house.profiles.read

    async def read_when_all_have_asked(account: str) -> Profile:
        if account not in asked:  # bad answers are judged thereafter
            asked.add(account)
            await together.wait()
        return await read(account)

    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(house.profiles, "read", read_when_all_have_asked)
        async with asyncio.timeout(PATIENCE):
            await house.effect.restore()
    assert asked == set(accounts)


async def test_a_wave_of_bounces_opens_an_incident_after_the_fact(house: House) -> None:
    await house.has_sent(BLAST)
    await house.effect.tell(bounces(90))
    ((answer, verdict, words),) = house.desk.afterwards
    assert (answer.account, answer.trusted, verdict.action) == ("ann", True, Action.BLOCK)
    assert words == "recipients of the last hours or days: about 90 refused"


async def test_the_incident_is_opened_also_if_the_crash_came_before_it(house: House) -> None:
    await house.has_sent(BLAST)
    house.effect.observe = True
    await house.effect.tell(bounces(90))
    house.start()
    await house.effect.restore()
    assert len(house.desk.afterwards) == 1


async def test_who_is_blocked_already_is_not_blocked_again(house: House) -> None:
    await house.has_sent(BLAST)
    house.book.block("ann", "i1")
    await house.effect.tell(bounces(90))
    assert house.desk.afterwards == []


async def test_nobody_is_blocked_who_is_exempt_or_while_we_observe(house: House) -> None:
    await house.has_sent(BLAST)
    house.effect.observe = True
    await house.effect.tell(bounces(90))
    house.effect.observe = False
    house.book.replace(Standing({}, {"ann": Exemption("ann", None, "me", "", recipients_per_day=500)}))
    await house.effect.tell(bounces(95))
    assert house.desk.afterwards == []
    house.book.replace(Standing({}, {"ann": Exemption("ann", None, "me", "", recipients_per_day=50)}))
    await house.effect.tell(bounces(96))
    assert len(house.desk.afterwards) == 1


async def test_a_wave_that_blocks_nobody_is_told_once_an_hour(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(log, "late_verdict", lambda account, *_, **__: told.append(account))
    await house.has_sent(BLAST)
    house.effect.observe = True
    for number in range(60, 90):
        await house.effect.tell(bounces(number))
    assert told == ["ann"]


async def test_weak_answers_block_nobody(house: House) -> None:
    await house.has_sent(BLAST)
    await house.effect.tell([replace(one, weak=True) for one in bounces(90)])
    assert house.desk.afterwards == []
    assert house.counted("refused", "weak") == 90
    assert (await house.ann()).window.refused > 50


def forged(recipient: int, transaction_id: str = "t1") -> Delivery:
    """By mail, with the tag of a message that its writer has received, about another one of its recipients."""
    return replace(
        bounce(0), transaction_id=transaction_id, recipient=b"octet %02d" % recipient, source="report", reported=True
    )


UNUSUAL = Tally(recipients=60, first_time=60, answered=60, same_text=60, domains=40, copies=2, messages=2)


async def test_one_tag_and_all_addresses_of_an_unusual_mailing_block_nobody(house: House) -> None:
    await house.has_sent(UNUSUAL)
    await house.effect.tell([replace(forged(number), reported=False) for number in range(60)])
    assert len(house.desk.afterwards) == 1  # so much would convict if our own server told it
    house.book.replace(Standing({}, {}))
    house.desk.afterwards.clear()
    await house.has_sent(UNUSUAL)
    await house.effect.tell([forged(number, "t2") for number in range(60)])
    await house.effect.complain([Complained("ann", "t2", b"octet %02d" % one, NOW) for one in range(60)])
    assert house.desk.afterwards == []
    ann = await house.ann()
    assert sum(ann.counters.answers[1:]) < 2.1  # one bounce, one complaint
    assert (len(ann.complainers), ann.window.refused) == (1, 60)
    assert house.counted("refused", "reported") == 60


@pytest.mark.parametrize("mailboxes", range(1, 6))
async def test_a_few_mailboxes_in_a_mailing_block_nobody(house: House, mailboxes: int) -> None:
    await house.has_sent(UNUSUAL._replace(answered=mailboxes))
    await house.effect.tell([forged(number, f"t{number}") for number in range(mailboxes)])
    await house.effect.complain([Complained("ann", f"c{one}", b"octet %02d" % one, NOW) for one in range(mailboxes)])
    assert house.desk.afterwards == []


async def test_bounces_by_mail_of_many_messages_open_an_incident_after_the_fact(house: House) -> None:
    await house.has_sent(BLAST)
    await house.effect.tell([forged(number, f"t{number}") for number in range(90)])
    assert [words for *_, words in house.desk.afterwards] == [
        "recipients of the last hours or days: about 85 refused, about 5 told by reports only, or for now"
    ]


async def test_a_forged_report_hides_nothing_of_what_our_own_server_tells(house: House) -> None:
    await house.has_sent(BLAST)
    await house.effect.tell([forged(number) for number in range(90)])
    await house.effect.tell([replace(forged(number), reported=False) for number in range(90)])
    assert len(house.desk.afterwards) == 1
    assert (await house.ann()).window.refused == 90


async def test_servers_that_put_a_mailing_off_block_nobody(house: House) -> None:
    await house.has_sent(BLAST)
    slowed = [replace(one, status=DeliveryStatus.DEFERRED, cause=Cause.POLICY) for one in bounces(300)]
    await house.effect.tell(slowed)
    assert house.desk.afterwards == []
    assert (await house.ann()).reputation.deferred == 300


async def test_blocks_of_our_address_are_noticed_and_held_against_nobody(house: House) -> None:
    noticed: list[Answer] = []
    house.effect.noticed = noticed.append
    await house.has_sent(BLAST)
    before = await house.ann()
    await house.effect.tell([bounce(number, Cause.REPUTATION) for number in range(90)])
    assert len(noticed) == 90
    assert house.desk.afterwards == []
    assert replace(await house.ann(), heard=0) == before
