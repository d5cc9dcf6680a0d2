"""Decisions of people: they reach profiles and the book, and the old evidence blocks nobody again."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.incident.incident import Event
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.records.book import Book
from detector.records.entries import Exemption
from detector.records.records import Records
from detector.response.decisions import Decisions, claim_of
from detector.response.desk import Desk
from detector.traffic.counters import Counters
from detector.traffic.profile import Profile
from tests.support.relay_house import DictProfiles
from tests.support.response import NOW, incident

ANN = "ann@example.org"


@dataclass
class House:
    """An office's desk, and what was told of changes."""

    url: str
    records: Records
    changes: list[bool] = field(default_factory=list)
    profiles: DictProfiles = field(default_factory=DictProfiles)
    desk: Desk = field(init=False)
    decisions: Decisions = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(self.records, Book(), lambda: NOW, Metrics("test"), lambda: "i9", lambda _: None)
        self.decisions = Decisions(self.records, self.desk, self.profiles, self._changed)

    def _changed(self) -> None:
        self.changes.append(self.desk.book.blocked(ANN))

    def degraded(self) -> float | None:
        return self.desk.metrics.registry.get_sample_value("detector_state_degraded", {"store": "records"})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path}/records.sqlite"
    opened = Records(url)
    yield House(url, opened)
    opened.close()


async def test_what_another_process_decided_is_taken_over_and_told_on(house: House) -> None:
    house.records.open_incident(incident("i1", ANN))
    await house.decisions.look()
    assert house.desk.book.blocked(ANN)
    elsewhere = Records(house.url)
    elsewhere.apply("i1", Event.DISMISS, NOW, "operator")
    elsewhere.exempt(Exemption("bob@example.org", None, "operator", ""), NOW)
    elsewhere.close()
    await house.decisions.look()
    assert not house.desk.book.blocked(ANN)
    assert house.desk.book.exempt("bob@example.org", NOW)
    await house.decisions.look()  # nothing has changed
    assert house.changes == [True, False]


async def test_a_dismissed_account_does_not_meet_its_old_evidence_again(house: House) -> None:
    house.profiles.profiles[ANN] = Profile(suspicious_day=int(NOW // 86_400))
    house.records.open_incident(incident("i1", ANN))
    house.records.apply("i1", Event.DISMISS, NOW, "operator")
    await house.decisions.look()
    assert (await house.profiles.read(ANN)).suspicious_day == 0
    assert [one.sequence for one in house.records.forgiven_since(0)] == [house.decisions.forgiven]


async def test_a_block_is_not_lifted_before_the_evidence_is_forgiven(house: House) -> None:
    class Away(DictProfiles):
        async def update(self, account, function):  # type: ignore[no-untyped-def]
            raise Temporary("the store is away")

    house.records.open_incident(incident("i1", ANN))
    await house.decisions.look()
    house.records.apply("i1", Event.DISMISS, NOW, "operator")
    there, house.decisions.profiles = house.decisions.profiles, Away()
    await house.decisions.look()
    assert (house.desk.book.blocked(ANN), house.decisions.forgiven, house.degraded()) == (True, 0, 1)
    house.decisions.profiles = there
    await house.decisions.look()
    assert (house.desk.book.blocked(ANN), house.degraded()) == (False, 0)


@dataclass
class Done:
    """What hosts have done, as one of them sees it: `others` have done these."""

    others: set[bytes] = field(default_factory=set)
    own: set[bytes] = field(default_factory=set)
    away: bool = False

    async def claim(self, what: bytes) -> bool:
        self.own.add(what)
        return what not in self.others

    async def taken(self, what: bytes) -> bool:
        if self.away:
            raise Temporary("the store is away")
        return what in self.others


async def decided_twice(house: House, done: Done) -> int:
    """What is left of the evidence of an account that was dismissed and forgotten when this host hears of it."""
    house.decisions.claims = done
    house.profiles.profiles[ANN] = Profile(suspicious_day=7)
    house.records.open_incident(incident("i1", ANN))
    house.records.apply("i1", Event.DISMISS, NOW, "operator")
    house.records.reset_profile(ANN, "operator", NOW, "new owner")
    await house.decisions.look()
    assert not house.desk.book.blocked(ANN)
    return (await house.profiles.read(ANN)).suspicious_day


@pytest.mark.parametrize("away", [False, True])
async def test_of_hosts_that_share_profiles_the_first_forgives_and_erases(house: House, away: bool) -> None:
    done = Done(away=away)
    assert await decided_twice(house, done) == 0
    assert len(done.own) == 2


async def test_of_hosts_that_share_profiles_one_that_comes_late_keeps_what_was_seen_since(house: House) -> None:
    forgotten = list[str]()
    house.decisions.forget_answers = lambda account, _: forgotten.append(account)
    done = Done(others={claim_of(f"{what} {ANN} {NOW}") for what in ("forgiven", "erased")})
    assert await decided_twice(house, done) == 7
    assert forgotten == [ANN]  # each host has answers of its own


async def test_a_host_that_starts_while_shared_profiles_are_away_makes_up_for_it_later(house: House) -> None:
    done = house.decisions.claims = Done(away=True)
    for account, sent_at in ((ANN, NOW - 1.0), ("bob@example.net", NOW + 1.0)):
        house.profiles.profiles[account] = Profile(suspicious_day=7, counters=Counters(updated_at=sent_at))
        house.records.open_incident(incident(f"i {account}", account))
        house.records.apply(f"i {account}", Event.DISMISS, NOW, "operator")
        house.records.reset_profile(account, "operator", NOW, "new owner")
    await house.decisions.start()
    assert not house.desk.book.blocked(ANN)
    assert house.profiles.profiles[ANN].suspicious_day == 7
    done.away = False
    await house.decisions.look()
    assert [profile.suspicious_day for profile in house.profiles.profiles.values()] == [0, 7]  # bob has sent since


async def test_what_was_decided_while_shared_profiles_were_away_is_done_again_when_they_are_back(house: House) -> None:
    done = Done(away=True)
    assert await decided_twice(house, done) == 0  # here only
    house.profiles.profiles[ANN] = Profile(suspicious_day=7)  # what the others had was newer
    done.away = False
    await house.decisions.look()
    assert (await house.profiles.read(ANN)).suspicious_day == 0


async def test_a_restart_knows_who_is_blocked(house: House) -> None:
    house.records.open_incident(incident("i1", ANN))
    await house.decisions.start()
    assert house.desk.book.blocked(ANN)


async def test_what_was_learned_of_an_account_that_is_forgotten_is_erased(house: House) -> None:
    profiles = house.profiles.profiles
    profiles[ANN] = profiles["bob"] = Profile(suspicious_day=7)
    forgotten: list[tuple[str, float]] = []

    async def forget(accounts: Mapping[str, float]) -> None:
        forgotten.extend(accounts.items())

    house.decisions.forget_mail = forget
    await house.decisions.start()
    house.records.forget(ANN, ("greta", NOW, "asked"), NOW, 0.0)
    await house.decisions.look()
    assert (profiles[ANN], profiles["bob"]) == (Profile(), Profile(suspicious_day=7))
    await house.decisions.forget_ordered()
    await house.decisions.forget_ordered()
    assert forgotten == [(ANN, NOW)]
    profiles[ANN] = Profile(suspicious_day=8)  # it sends again
    house.records.exempt(Exemption("bob", None, "olga", ""), NOW)
    await house.decisions.look()
    assert profiles[ANN] == Profile(suspicious_day=8)


async def test_blocks_do_not_wait_until_all_mail_is_looked_through(house: House) -> None:
    looking, found = asyncio.Event(), asyncio.Event()
    forgotten: list[Mapping[str, float]] = []

    async def forget(accounts: Mapping[str, float]) -> None:
        forgotten.append(accounts)
        looking.set()
        await found.wait()

    house.decisions.forget_mail = forget
    await house.decisions.start()
    keeping = asyncio.create_task(house.decisions.keep_forgetting())
    house.records.forget(ANN, ("greta", NOW, "asked"), NOW, 0.0)
    await house.decisions.look()
    await looking.wait()
    for account in ("carol", "dan"):
        house.records.forget(account, ("greta", NOW, "asked"), NOW, 0.0)
    house.records.open_incident(incident("i1", "bob"))
    await house.decisions.look()
    assert house.desk.book.blocked("bob")
    looking.clear()
    found.set()
    await looking.wait()
    assert forgotten == [{ANN: NOW}, {"carol": NOW, "dan": NOW}]  # who came meanwhile, with one look
    keeping.cancel()


async def test_mail_that_cannot_be_forgotten_now_is_forgotten_later(house: House) -> None:
    forgotten: list[Mapping[str, float]] = []

    async def forget(accounts: Mapping[str, float]) -> None:
        forgotten.append(accounts)
        if len(forgotten) == 1:
            house.records.forget("bob", ("greta", NOW, "asked"), NOW, 0.0)
            await house.decisions.look()
            raise Temporary("the store is away")

    house.decisions.forget_mail = forget
    await house.decisions.start()
    house.records.forget(ANN, ("greta", NOW, "asked"), NOW, 0.0)
    await house.decisions.look()
    await house.decisions.forget_ordered()
    assert house.degraded() == 1
    await house.decisions.forget_ordered()
    assert forgotten == [{ANN: NOW}, {ANN: NOW, "bob": NOW}]


def full(_account: str, _before: float) -> None:
    msg = "heard.sqlite: database or disk is full"
    raise Temporary(msg)


async def test_what_the_disk_does_not_let_us_erase_keeps_nobody_waiting_and_is_erased_later(house: House) -> None:
    house.profiles.profiles[ANN] = Profile(suspicious_day=7)
    house.records.open_incident(incident("i1", "bob"))
    await house.decisions.look()
    there, house.decisions.forget_answers = house.decisions.forget_answers, full
    house.records.forget(ANN, ("greta", NOW, "asked"), NOW, 0.0)
    house.records.apply("i1", Event.DISMISS, NOW, "operator")
    await house.decisions.look()
    assert (house.desk.book.blocked("bob"), house.degraded()) == (False, 1)
    assert house.profiles.profiles[ANN] == Profile(suspicious_day=7)
    house.decisions.forget_answers = there
    await house.decisions.look()
    assert (house.profiles.profiles[ANN], house.degraded()) == (Profile(), 0)


async def test_a_server_starts_on_a_disk_that_does_not_let_it_erase_and_erases_later_what_is_of_before(
    house: House,
) -> None:
    for account, first_seen in ((ANN, NOW - 1.0), ("bob", NOW + 1.0)):  # both have sent since
        house.profiles.profiles[account] = Profile(first_seen=first_seen, counters=Counters(updated_at=NOW + 2.0))
        house.records.reset_profile(account, "olga", NOW, "moved")
    there, house.decisions.forget_answers = house.decisions.forget_answers, full
    await house.decisions.start()
    assert house.degraded() == 1
    assert house.profiles.profiles[ANN].first_seen == NOW - 1.0
    house.decisions.forget_answers = there
    await house.decisions.look()
    assert (house.profiles.profiles[ANN], house.degraded()) == (Profile(), 0)
    assert house.profiles.profiles["bob"].first_seen == NOW + 1.0


async def test_a_server_that_was_off_erases_when_it_starts_unless_the_account_has_sent_since(house: House) -> None:
    profiles = house.profiles.profiles
    for account, at in ((ANN, NOW - 1.0), ("bob", NOW + 1.0)):
        profiles[account] = replace(Profile(), counters=replace(Profile().counters, updated_at=at))
        house.records.reset_profile(account, "olga", NOW, "moved")
    await house.decisions.start()
    assert profiles[ANN] == Profile()
    assert profiles["bob"].counters.updated_at == NOW + 1.0
