"""For whom a message was taken over, when the server that knows is away, and back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from detector.mail.delivery import Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.state import shared_handed_over
from detector.state.handed_over import MemoryHandedOver
from detector.state.shared_client import Client
from detector.state.shared_handed_over import SharedHandedOver
from detector.state.shared_link import Away, Link
from detector.state.shared_reading import values
from tests.support.stores import eventually, linked
from tests.support.valkey import Valkey

pytestmark = pytest.mark.debian("redis-server")

MTA = "192.0.2.1:25"


@pytest.fixture
async def link(valkey: Valkey) -> AsyncIterator[Link]:
    link = await linked(valkey.url)
    yield link
    await link.stop()


def of(account: str, transaction: str = "t1") -> Handed:
    return Handed(account, transaction, Stream.PERSONAL, 1.0, frozenset({b"8octets1"}))


def local(directory: Path) -> MemoryHandedOver:
    return MemoryHandedOver(directory / "handed_over.sqlite", 1.0, 1000.0, 100, Metrics("test"))


async def test_remembering_a_message_is_one_round_trip(link: Link, tmp_path: Path) -> None:
    here = local(tmp_path)
    shared = SharedHandedOver(link, 1000.0, here)
    await shared.remember(Receipt(MTA, "4AB1", "m@x"), of("ann"), 1.0)  # the script travels with the first
    before = link.round_trips
    await shared.remember(Receipt(MTA, "4AB2", "m@x"), of("bob"), 1.0)
    assert link.round_trips - before == 1
    here.close()


async def test_results_that_come_to_another_process_find_the_message(
    link: Link, valkey: Valkey, tmp_path: Path
) -> None:
    here, other = local(tmp_path), await linked(valkey.url)
    await SharedHandedOver(link, 1000.0, here).remember(Receipt(MTA, "4AB1", "m@x"), of("ann"), 1.0)
    elsewhere = SharedHandedOver(other, 1000.0, here)
    assert await elsewhere.by_queue_id(MTA, "4AB1") == of("ann")
    assert await elsewhere.by_message_id("<m@x>") == [of("ann")]
    assert await elsewhere.by_transaction("t1") == [of("ann")]
    assert not await here.by_transaction("t1")
    await other.stop()
    here.close()


async def test_what_was_taken_while_the_server_was_away_is_found_then_and_told_later(
    link: Link, valkey: Valkey, tmp_path: Path
) -> None:
    here = local(tmp_path)
    shared = SharedHandedOver(link, 1000.0, here)
    valkey.kill()
    await shared.remember(Receipt(MTA, "4AB1", "m@x"), of("ann"), 1.0)
    assert await shared.by_queue_id(MTA, "4AB1") == of("ann")
    assert await shared.by_message_id("m@x") == [of("ann")]
    valkey.start()
    await eventually(lambda: link.up and not shared._untold, "it is told")
    (tmp_path / "other").mkdir()
    nobody = local(tmp_path / "other")
    assert await SharedHandedOver(link, 1000.0, nobody).by_message_id("m@x") == [of("ann")]
    here.close()
    nobody.close()


async def test_an_account_that_is_forgotten_while_the_server_is_away_is_forgotten_there_later(
    link: Link, valkey: Valkey, tmp_path: Path
) -> None:
    here = local(tmp_path)
    shared = SharedHandedOver(link, 1000.0, here)
    await shared.remember(Receipt(MTA, "4AB1"), of("ann"), 1.0)
    await shared.remember(Receipt(MTA, "4AB2"), of("bob"), 1.0)
    valkey.freeze()
    link.cut("cut off")
    with pytest.raises(Away):
        await shared.forget({"ann": 2.0})
    valkey.thaw()
    await eventually(lambda: link.up, "it is back")
    assert await shared.by_queue_id(MTA, "4AB1") is None  # it is there, and nobody finds it here
    assert await SharedHandedOver(link, 1000.0, here).by_queue_id(MTA, "4AB1") == of("ann")
    await shared.forget({"ann": 2.0})
    assert await SharedHandedOver(link, 1000.0, here).by_queue_id(MTA, "4AB1") is None
    assert await shared.by_queue_id(MTA, "4AB2") == of("bob")
    here.close()


async def test_many_accounts_are_forgotten_with_one_look(
    link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bytes] = []

    def counted(client: Client, prefix: bytes) -> AsyncIterator[list[tuple[bytes, bytes]]]:
        looks.append(prefix)
        return values(client, prefix)

    monkeypatch.setattr(shared_handed_over, "values", counted)
    here = local(tmp_path)
    shared = SharedHandedOver(link, 1000.0, here)
    accounts = ["ann", "bob", "äö", "ann@customer.example", "carol"]
    for number, account in enumerate(accounts):
        await shared.remember(Receipt(MTA, f"4AB{number}"), of(account), 1.0)
    await shared.forget(dict.fromkeys(accounts[:-1], 2.0))
    assert len(looks) == 1
    fresh = SharedHandedOver(link, 1000.0, here)
    left = [await fresh.by_queue_id(MTA, f"4AB{number}") for number in range(len(accounts))]
    assert left == [None, None, None, None, of("carol")]
    here.close()


async def test_everything_expires(link: Link, tmp_path: Path) -> None:
    here = local(tmp_path)
    await SharedHandedOver(link, 1000.0, here).remember(Receipt(MTA, "4AB1", "m@x"), of("ann"), 1.0)
    keys = [key for key in await link.send("KEYS", "*") if b"seal" not in key]
    assert len(keys) == 3
    assert all([0 < await link.send("PTTL", key) <= 1000_000 for key in keys])
    here.close()


async def test_a_message_takes_little_memory(link: Link, tmp_path: Path) -> None:
    here = local(tmp_path)
    handed = Handed("ann@customer.example", "0123456789abcdef", Stream.PERSONAL, 1.0, frozenset({b"8octets1"}))
    await SharedHandedOver(link, 1000.0, here).remember(Receipt(MTA, "4AB1", "m@x"), handed, 1.0)
    keys = [key for key in await link.send("KEYS", "*") if b"seal" not in key]
    assert sum([await link.send("MEMORY", "USAGE", key) for key in keys]) <= 400
    here.close()
