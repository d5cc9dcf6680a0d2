"""Operators hear once an hour that our address is blocked, with the accounts that most speaks against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from detector.feedback.address_blocks import GATHER, HOUR, LEAST, MOST_NAMED, AddressBlocks
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.models import load_prior
from detector.ports import Temporary
from detector.records.book import Book
from detector.traffic.clock import DAY
from detector.traffic.counters import Counters
from detector.traffic.features import Tally
from detector.traffic.profile import Profile
from detector.verdict.answer import Answer, Kind, Share
from detector.verdict.policy import Policy
from tests.support.feedback import KEY
from tests.support.interfaces import check_event
from tests.support.relay_house import DictProfiles

NOW = 20_000 * DAY + 60.0


@dataclass
class House:
    now: float = NOW
    told: list[tuple[str, Mapping[str, object], str, Mapping[str, object]]] = field(default_factory=list)
    failure: Exception | None = None

    def __post_init__(self) -> None:
        priors, version = load_prior()
        self.profiles, self.metrics = DictProfiles(), Metrics("test")
        self.blocks = AddressBlocks(
            self.profiles, Book(), self.announce, self.metrics, lambda: self.now, Policy(KEY, priors, version)
        )

    def announce(self, *event: Any) -> None:
        kind, words, _, personal = event
        check_event({"event": kind, "time": "2027-01-31T18:00:00Z", **words, **personal})
        if self.failure is not None:
            raise self.failure
        self.told.append(event)

    def notice(self, kind: Kind, count: int, account: str = "ann", weak: bool = False) -> None:
        for number in range(count):
            self.blocks.notice(Answer(account, f"t{number}", b"8octets1", kind, self.now, weak=weak))

    async def look_after(self, seconds: float) -> None:
        self.now += seconds
        await self.blocks.look()


@pytest.fixture
def house() -> House:
    return House()


async def test_operators_hear_it_a_minute_after_it_began(house: House) -> None:
    house.notice(Kind.ADDRESS, LEAST)
    await house.look_after(GATHER - 1)
    assert house.told == []
    await house.look_after(1)
    ((kind, words, key, personal),) = house.told
    assert kind == "address.blocked"
    assert words == {"recipients": LEAST, "accounts_affected": 1, "only_reported": 0, "since": "1 minutes ago"}
    assert key.startswith("address.blocked.")
    assert personal["accounts"] == ["ann"]
    assert house.metrics.registry.get_sample_value("detector_address_blocked") == LEAST


async def test_one_tag_alarms_nobody_and_several_are_told_as_reports(house: House) -> None:
    one = Answer("ann", "t1", b"8octets1", Kind.ADDRESS, NOW, reported=True)
    for number in range(50):
        house.blocks.notice(replace(one, recipient=b"%d" % number, share=Share.SLOWS if number else Share.ALL))
    await house.look_after(GATHER)
    assert house.told == []
    for number in range(2, LEAST + 1):
        house.blocks.notice(replace(one, transaction_id=f"t{number}"))
    await house.look_after(1)
    assert house.told[0][1]["only_reported"] == house.told[0][1]["recipients"] == LEAST


async def test_what_is_personal_is_not_among_the_words(house: House) -> None:
    house.notice(Kind.ADDRESS, LEAST, "ann@customer.example")
    await house.look_after(GATHER)
    assert "ann" not in str(house.told[0][1]) + house.told[0][2]


async def test_while_it_goes_on_it_is_told_once_an_hour(house: House) -> None:
    for _ in range(8):
        house.notice(Kind.ADDRESS, LEAST)
        await house.look_after(HOUR / 4)
    assert len(house.told) == 3
    assert len({key for _, _, key, _ in house.told}) == 3
    await house.look_after(2 * HOUR)
    await house.look_after(HOUR)
    assert len(house.told) == 3
    assert house.metrics.registry.get_sample_value("detector_address_blocked") == 0


async def test_the_whim_of_one_small_server_is_no_alert(house: House) -> None:
    house.notice(Kind.ADDRESS, LEAST - 1)
    house.notice(Kind.REFUSED, 50)
    await house.look_after(GATHER)
    assert house.told == []


async def test_reports_that_anybody_can_write_raise_no_alert_and_name_nobody(house: House) -> None:
    house.notice(Kind.ADDRESS, 10 * LEAST, weak=True)
    await house.look_after(GATHER)
    assert house.told == []
    house.notice(Kind.ADDRESS, LEAST)
    house.notice(Kind.COMPLAINT, 10, "ben", weak=True)
    await house.look_after(GATHER)
    assert house.told[0][3]["accounts"] == ["ann"]


async def test_the_accounts_are_those_that_most_speaks_against_and_not_the_victims(house: House) -> None:
    blast = Tally(recipients=300, first_time=300, answered=300, refused=90, domains=60)
    thief = Profile(first_seen=NOW - 30 * DAY, counters=Counters().add(Stream.PERSONAL, blast, NOW))
    await house.profiles.update("thief", lambda _: (thief, None))
    for number in range(10):
        house.notice(Kind.ADDRESS, 5, f"victim{number}")
    house.notice(Kind.REFUSED, 2, "thief")
    await house.look_after(GATHER)
    personal = house.told[0][3]
    accounts, suspicion = personal["accounts"], personal["suspicion"]
    assert isinstance(accounts, list)
    assert isinstance(suspicion, list)
    assert accounts[0] == "thief"
    assert len(accounts) == MOST_NAMED
    assert "2 bad answers" in suspicion[0]


async def test_what_could_not_be_told_is_told_later(house: House) -> None:
    house.notice(Kind.ADDRESS, LEAST)
    house.failure = Temporary("the database is gone")
    with pytest.raises(Temporary):
        await house.look_after(GATHER)
    house.failure = None
    await house.look_after(1)
    assert len(house.told) == 1
