"""Answers that come to two hosts: each has its own file, and they share a server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.state.shared_claims import SharedClaims
from detector.state.shared_heard import SharedHeard
from detector.state.shared_link import Link
from detector.traffic.clock import DAY
from detector.verdict.answer import Answer, Kind, Share
from tests.support.stores import linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")

NOW = 1.79e9

Host = Callable[[str], SharedHeard]


@pytest.fixture
async def link(valkey: Valkey) -> AsyncIterator[Link]:
    link = await linked(valkey.url)
    yield link
    await link.stop()


@pytest.fixture
async def host(link: Link, tmp_path: Path) -> AsyncIterator[Host]:
    opened: list[SharedHeard] = []

    def open_one(name: str) -> SharedHeard:
        claims = SharedClaims(link, "heard", name, 10 * DAY)
        opened.append(SharedHeard(tmp_path / f"{name}.sqlite", 10 * DAY, claims))
        return opened[-1]

    yield open_one
    for heard in opened:
        heard.close()


def answer(number: int, kind: Kind = Kind.REFUSED) -> Answer:
    return Answer("ann", f"t{number}", b"8octets1", kind, NOW)


async def add(heard: SharedHeard, *answers: Answer) -> list[Answer]:
    return [one for _, one in await asyncio.to_thread(heard.add, answers, NOW)]


def lose(directory: Path) -> None:
    """What the host `one` has written."""
    for file in directory.glob("one.sqlite*"):
        file.unlink()


async def test_an_answer_that_two_hosts_hear_counts_once(host: Host) -> None:
    one, other = host("one"), host("other")
    assert await add(one, answer(1), answer(2)) == [answer(1), answer(2)]
    assert await add(other, answer(2), answer(3)) == [answer(3)]
    assert await add(one, answer(3), answer(1)) == []


async def test_a_host_that_crashed_after_its_claim_counts_what_it_is_told_again(host: Host, tmp_path: Path) -> None:
    assert await add(host("one"), answer(1)) == [answer(1)]
    lose(tmp_path)
    assert await add(host("one"), answer(1)) == [answer(1)]
    assert await add(host("other"), answer(1)) == []


async def test_reports_about_one_transaction_count_once_though_they_come_to_two_hosts(host: Host) -> None:
    one = replace(answer(1), first_time=True, reported=True)
    reports = [replace(one, recipient=b"octets %d" % number) for number in range(2)]
    assert [one.share for one in await add(host("one"), reports[0])] == [Share.ALL]
    assert [one.share for one in await add(host("other"), reports[1])] == [Share.SLOWS]


async def test_what_was_delivered_is_told_by_one_log_and_claims_nothing(host: Host, valkey: Valkey) -> None:
    delivered = answer(1, Kind.DELIVERED)
    assert await add(host("one"), delivered, delivered) == [delivered]
    assert valkey.say("DBSIZE") == ":1"  # the seal


async def test_while_the_server_is_away_each_host_counts_what_it_hears(host: Host, link: Link, valkey: Valkey) -> None:
    one, other = host("one"), host("other")
    valkey.kill()
    link.cut("cut off")
    assert await add(one, answer(1), answer(1)) == [answer(1)]
    assert await add(other, answer(1)) == [answer(1)]
