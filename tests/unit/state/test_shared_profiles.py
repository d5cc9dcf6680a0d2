"""Profiles that several processes change, on a server that may be away: here are several stores, each with its link."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from detector.metrics import Metrics
from detector.state.shared_known import key_of
from detector.state.shared_link import Link
from detector.state.shared_profiles import SharedProfiles
from detector.traffic.profile import Profile
from tests.support.stores import eventually, linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")

KEEP = 1000.0

PATIENT, IMPATIENT = 20.0, 0.3


class Process(Protocol):
    """Opens the store of one more process."""

    def __call__(self, timeout: float = PATIENT) -> Awaitable[tuple[SharedProfiles, Link]]: ...


@pytest.fixture
async def process(valkey: Valkey) -> AsyncIterator[Process]:
    links: list[Link] = []

    async def open_one(timeout: float = PATIENT) -> tuple[SharedProfiles, Link]:  # noqa: ASYNC109 - a setting
        link = await linked(valkey.url, timeout=timeout)
        links.append(link)
        return SharedProfiles(link, KEEP, 1000, Metrics("test")), link

    yield open_one
    for link in links:
        await link.stop()


def count_up(profile: Profile) -> tuple[Profile, int]:
    return replace(profile, suspicious_day=profile.suspicious_day + 1), profile.suspicious_day


async def test_the_next_change_of_the_same_process_is_one_round_trip(process: Process) -> None:
    store, link = await process()
    await store.update("ann", count_up)
    before = link.round_trips
    assert [await store.update("ann", count_up) for _ in range(10)] == list(range(1, 11))
    assert (await store.read("ann")).suspicious_day == 11
    assert link.round_trips - before == 11


async def test_changes_that_come_together_are_made_together(process: Process) -> None:
    store, link = await process()
    await store.update("ann", count_up)
    before = link.round_trips
    assert await asyncio.gather(*[store.update("ann", count_up) for _ in range(100)]) == list(range(1, 101))
    assert link.round_trips - before == 1


async def test_what_another_process_has_changed_is_seen_at_the_cost_of_one_more_round_trip(process: Process) -> None:
    (one, _), (other, link) = await process(), await process()
    await other.update("ann", count_up)
    await one.update("ann", count_up)
    before = link.round_trips
    assert await other.update("ann", count_up) == 2
    assert link.round_trips - before == 2
    assert (await one.read("ann")).suspicious_day == 3


async def test_no_change_is_lost_when_four_processes_change_one_account_at_once(process: Process) -> None:
    stores = [(await process())[0] for _ in range(4)]
    answers = await asyncio.gather(*[store.update("ann", count_up) for _ in range(25) for store in stores])
    assert sorted(answers) == list(range(100))
    assert (await stores[0].read("ann")).suspicious_day == 100


async def test_a_change_that_fails_harms_no_other_that_came_with_it(process: Process) -> None:
    def fault(_: Profile) -> tuple[Profile, int]:
        raise RuntimeError("fault")

    store, _ = await process()
    changes = [store.update("ann", change) for change in (count_up, fault, count_up)]
    first, failed, last = await asyncio.gather(*changes, return_exceptions=True)
    assert (first, last) == (0, 1)
    assert isinstance(failed, RuntimeError)


async def test_who_does_not_wait_any_more_has_made_his_change_all_the_same(process: Process) -> None:
    store, _ = await process()
    impatient = asyncio.get_running_loop().create_task(store.update("ann", count_up))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await store.update("ann", count_up) == 1


async def test_a_profile_expires_when_it_was_not_changed_for_long(process: Process, valkey: Valkey) -> None:
    store, _ = await process()
    await store.update("ann", count_up)
    assert 0 < int(valkey.say("PTTL", key_of("ann").decode()).removeprefix(":")) <= KEEP * 1000
    await store.forget_idle(1e12)  # is not needed
    assert list(await store.accounts()) == ["ann"]


async def test_a_damaged_profile_is_told_and_begun_anew(process: Process, valkey: Valkey) -> None:
    valkey.say("SET", key_of("ann").decode(), "12345678rubbish")
    store, _ = await process()
    with capture_logs() as logs:
        assert await store.update("ann", count_up) == 0
    assert [one["event"] for one in logs] == ["state_unreadable"]
    assert (await store.read("ann")).suspicious_day == 1


async def test_while_the_server_is_away_the_process_goes_on_from_what_it_knows(
    process: Process, valkey: Valkey
) -> None:
    store, link = await process()
    await store.update("ann", count_up)
    valkey.kill()
    assert [await store.update(account, count_up) for account in ("ann", "ann", "bob")] == [1, 2, 0]
    assert (await store.read("ann")).suspicious_day == 3
    assert not link.up


async def test_what_was_learned_meanwhile_is_stored_if_nobody_else_has_changed_the_profile(
    process: Process, valkey: Valkey
) -> None:
    (one, one_link), (other, other_link) = await process(), await process()
    for account in ("ann", "bob", "cid"):
        await one.update(account, count_up)
    await other.read("ann")
    await cut_off(one_link)
    for account in ("ann", "bob", "new"):
        await one.update(account, count_up)
    await one.update("cid", lambda _: (Profile(), None))
    await other.update("ann", lambda profile: (replace(profile, suspicious_day=50), None))
    with capture_logs() as logs:
        await eventually(lambda: any(one["event"] == "shared_profiles_settled" for one in logs), "all is settled")
    assert logs[-1] == {"event": "shared_profiles_settled", "log_level": "info", "stored": 3, "given_up": 1}
    assert [(await other.read(name)).suspicious_day for name in ("ann", "bob", "cid", "new")] == [50, 2, 0, 1]
    assert [(await one.read(name)).suspicious_day for name in ("ann", "bob", "cid", "new")] == [50, 2, 0, 1]
    assert other_link.up


async def test_a_server_that_has_lost_everything_is_told_what_is_remembered(process: Process, valkey: Valkey) -> None:
    (one, one_link), (other, other_link) = await process(), await process()
    for account, store in (("ann", one), ("bob", other), ("bob", other), ("cid", one)):
        await store.update(account, count_up)
    await one.update("cid", lambda _: (Profile(), None))
    valkey.kill()
    for store in (one, other):
        await store.update("new", count_up)
    valkey.start()
    for store, link in ((one, one_link), (other, other_link)):
        await settled(store, link)
    assert [(await one.read(name)).suspicious_day for name in ("ann", "bob", "cid", "new")] == [1, 2, 0, 1]
    assert sorted(await one.accounts()) == ["ann", "bob", "new"]


async def test_nor_is_anything_forgotten_when_all_is_removed_and_no_connection_breaks(
    process: Process, valkey: Valkey
) -> None:
    (one, one_link), (other, other_link) = await process(), await process()
    for account, store in (("ann", one), ("ann", one), ("bob", other), ("cid", one)):
        await store.update(account, count_up)
    assert valkey.say("FLUSHALL") == "+OK"
    assert await one.update("ann", count_up) == 2
    assert await other.update("bob", count_up) == 1
    for store, link in ((one, one_link), (other, other_link)):
        await settled(store, link)
    assert [(await other.read(name)).suspicious_day for name in ("ann", "bob", "cid")] == [3, 2, 1]


async def settled(store: SharedProfiles, link: Link) -> None:
    await eventually(lambda: link.up and not store._ahead and not store._lines, "all is settled")


async def cut_off(link: Link) -> None:
    """As if the network failed for this process alone, for a moment."""
    link.cut("cut off")


async def test_a_change_counts_once_whether_the_server_has_made_it_before_it_fell_silent_or_not(
    process: Process, valkey: Valkey
) -> None:
    store, link = await process(IMPATIENT)
    await store.update("ann", count_up)
    await eventually(lambda: link.up and not store._lines and not store._ahead, "the first one is made")
    for number in range(1, 4):
        valkey.freeze()  # what is sent now is read when it goes on, long after we have given it up
        assert await store.update("ann", count_up) == number
        await eventually(lambda: not link.up, "it is away")
        valkey.thaw()
        await eventually(lambda: link.up and not store._ahead, "all is settled")
        assert (await store.read("ann")).suspicious_day == number + 1


async def test_connections_that_break_all_the_time_make_no_change_twice_and_lose_none(
    process: Process, valkey: Valkey
) -> None:
    store, link = await process()
    made = 0
    for _ in range(15):
        changes = [store.update(f"account{number % 4}", count_up) for number in range(40)]
        await asyncio.gather(*changes, asyncio.to_thread(valkey.say, "CLIENT", "KILL", "TYPE", "normal"))
        made += len(changes)
        await eventually(lambda: link.up, "it is back")
    await eventually(lambda: link.up and not store._lines and not store._ahead, "all is settled")
    assert sum([(await store.read(f"account{number}")).suspicious_day for number in range(4)]) == made


async def test_who_has_waited_long_enough_gets_the_answer_of_what_is_known(process: Process, valkey: Valkey) -> None:
    store, link = await process(IMPATIENT)
    await store.update("ann", count_up)
    await eventually(lambda: link.up and not store._lines and not store._ahead, "the first one is made")
    valkey.freeze()
    assert await store.update("ann", count_up) == 1
    valkey.thaw()
    await eventually(lambda: link.up and not store._lines and not store._ahead, "all is settled")
    assert (await store.read("ann")).suspicious_day == 2


async def test_who_gets_such_an_answer_knows_of_those_who_got_one_before(process: Process, valkey: Valkey) -> None:
    """Else a thousand recipients would find the last place of a window free, one after the other."""
    store, link = await process(IMPATIENT)
    await store.update("ann", count_up)
    await eventually(lambda: link.up and not store._lines and not store._ahead, "the first one is made")
    valkey.freeze()
    assert [await store.update("ann", count_up) for _ in range(20)] == list(range(1, 21))
    valkey.thaw()
    await eventually(lambda: link.up and not store._lines and not store._ahead, "all is settled")
    assert (await store.read("ann")).suspicious_day == 21


async def test_many_who_have_waited_in_vain_are_answered_together(process: Process, valkey: Valkey) -> None:
    """Each would count anew all who were before him, and keep everybody waiting for seconds."""
    store, link = await process(IMPATIENT)
    await store.update("ann", count_up)
    await eventually(lambda: link.up and not store._lines and not store._ahead, "the first one is made")
    counted = 0

    def count_and_tell(profile: Profile) -> tuple[Profile, int]:
        nonlocal counted
        counted += 1
        return count_up(profile)

    valkey.freeze()
    many = [store.update("ann", count_and_tell) for _ in range(200)]
    assert sorted(await asyncio.gather(*many)) == list(range(1, 201))
    assert counted <= 200 * 6
    valkey.thaw()
    await eventually(lambda: link.up and not store._lines and not store._ahead, "all is settled")
    assert (await store.read("ann")).suspicious_day == 201


async def test_what_a_change_has_stored_since_it_was_to_be_settled_is_left_out(process: Process) -> None:
    store, _ = await process()
    await store.update("ann", count_up)
    store._ahead["ann"] = None
    settling = asyncio.create_task(store._settle())
    await asyncio.sleep(0)  # it has chosen whom to settle, and begins with them in the next turn
    del store._ahead["ann"]  # as the end of a change does
    await settling
    assert (await store.read("ann")).suspicious_day == 1
