"""What every HandedOver must do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from detector.mail.delivery import Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.ports import HandedOver
from detector.state.handed_over import MemoryHandedOver
from detector.state.shared_handed_over import SharedHandedOver
from tests.support.stores import Close, Opener, in_thread, linked

REMEMBER_TIME = 1000.0
REMEMBER_COUNT = 50
MTA, OTHER_MTA = "192.0.2.1:25", "192.0.2.2:25"


Open = Opener[HandedOver]


async def memory(directory: Path) -> tuple[HandedOver, Close]:
    store = MemoryHandedOver(directory / "handed_over.sqlite", 1.0, REMEMBER_TIME, REMEMBER_COUNT, Metrics("test"))
    return store, in_thread(store.close)


async def shared(url: str, directory: Path) -> tuple[HandedOver, Close]:
    link, (local, close_local) = await linked(url), await memory(directory)

    async def close() -> None:
        await link.stop()
        await close_local()

    return SharedHandedOver(link, REMEMBER_TIME, local), close


@pytest.fixture(params=["memory", pytest.param("shared", marks=pytest.mark.debian("redis-server"))])
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    if request.param == "memory":
        opener = Opener(lambda: memory(tmp_path))
    else:
        url = request.getfixturevalue("valkey").url
        opener = Opener(lambda: shared(url, tmp_path))
    yield opener
    await opener.close_all()


def of(account: str, transaction: str = "t1", at: float = 1.0) -> Handed:
    return Handed(
        account, transaction, Stream.PERSONAL, at, frozenset({b"8octets1", b"8octets2"}), frozenset({b"8octets2"})
    )


async def test_a_message_is_found_by_the_queue_id_of_the_server_that_took_it(open_store: Open) -> None:
    store = await open_store()
    await store.remember(Receipt(MTA, "4AB1"), of("ann"), 1.0)
    assert await store.by_queue_id(MTA, "4AB1") == of("ann")
    assert await store.by_queue_id(MTA, "4AB2") is None
    assert await store.by_queue_id(OTHER_MTA, "4AB1") is None


async def test_of_many_queue_ids_those_that_are_known_are_found_in_one_go(open_store: Open) -> None:
    store = await open_store()
    for number in range(3):
        await store.remember(Receipt(MTA, f"4AB{number}"), of("ann", f"t{number}"), 1.0)
    await open_store.close(store)
    store = await open_store()
    await store.remember(Receipt(OTHER_MTA, "4AB7"), of("bob", at=1.0), 1.0)
    asked = [(server, f"4AB{number}") for server in (MTA, OTHER_MTA) for number in range(1200)]
    assert await store.by_queue_ids(asked) == {
        **{(MTA, f"4AB{number}"): of("ann", f"t{number}") for number in range(3)},
        (OTHER_MTA, "4AB7"): of("bob"),
    }
    await store.remember(Receipt(MTA, "4AC1"), of("bob", at=REMEMBER_TIME + 2), REMEMBER_TIME + 2)
    assert list(await store.by_queue_ids([*asked, (MTA, "4AC1")])) == [(MTA, "4AC1")]
    assert await store.by_queue_ids([]) == {}


async def test_a_message_in_several_transactions_is_found_whole_by_its_message_id(open_store: Open) -> None:
    store = await open_store()
    for transaction, queue_id in (("t1", "4AB1"), ("t2", "4AB2")):
        await store.remember(Receipt(MTA, queue_id, "m@x"), of("ann", transaction), 1.0)
    assert await store.by_message_id("m@x") == [of("ann", "t1"), of("ann", "t2")]
    assert await store.by_message_id("n@x") == []
    assert await store.by_message_id("") == []


async def test_a_message_id_that_two_accounts_use_leads_to_both(open_store: Open) -> None:
    store = await open_store()
    await store.remember(Receipt(MTA, "4AB1", "m@x"), of("ann"), 1.0)
    await store.remember(Receipt(MTA, "4AB2", "m@x"), of("eve"), 1.0)
    assert [handed.account for handed in await store.by_message_id("m@x")] == ["ann", "eve"]


async def test_a_server_that_tells_no_queue_id_leaves_the_message_id(open_store: Open) -> None:
    store = await open_store()
    await store.remember(Receipt(MTA, "", "m@x"), of("ann"), 1.0)
    await store.remember(Receipt(MTA, "", "n@x"), of("bob", "t2"), 1.0)
    assert await store.by_message_id("m@x") == [of("ann")]
    assert await store.by_queue_id(MTA, "") is None


async def test_one_message_id_used_for_everything_stays_small(open_store: Open) -> None:
    store = await open_store()
    for number in range(40):
        await store.remember(Receipt(MTA, f"Q{number}", "m@x"), of("ann", f"t{number}"), 1.0)
    assert [handed.transaction_id for handed in await store.by_message_id("m@x")] == [f"t{n}" for n in range(24, 40)]


async def test_a_transaction_that_went_in_several_parts_is_found_whole(open_store: Open) -> None:
    store = await open_store()
    for queue_id in ("4AB1", "", "4AB2"):
        await store.remember(Receipt(MTA, queue_id, "m@x"), of("ann"), 1.0)
    assert await store.by_transaction("t1") == [of("ann")] * 3
    assert await store.by_transaction("t2") == []


async def test_whose_mail_it_was_is_forgotten_with_the_account(open_store: Open) -> None:
    store = await open_store()
    for account, queue_id, at in (("ann", "4AB1", 1.0), ('ann", x', "4AB2", 1.0), ("ann", "4AB3", 3.0)):
        await store.remember(Receipt(MTA, queue_id, "m@x"), of(account, at=at), at)
    await open_store.close(store)
    store = await open_store()
    await store.remember(Receipt(MTA, "4AB4"), of("ann"), 2.0)
    await store.forget({"ann": 2.0})
    for _ in range(2):
        found = [await store.by_queue_id(MTA, f"4AB{number}") for number in range(1, 5)]
        assert found == [None, of('ann", x'), of("ann", at=3.0), None]
        assert await store.by_message_id("m@x") == [of('ann", x'), of("ann", at=3.0)]
        await open_store.close(store)
        store = await open_store()


async def test_odd_logins_survive_a_restart(open_store: Open) -> None:
    store = await open_store()
    await store.remember(Receipt(MTA, "4AB1", "\udcff@x"), of("\udcff\x00ä\\"), 1.0)
    await open_store.close(store)
    again = await open_store()
    assert await again.by_queue_id(MTA, "4AB1") == of("\udcff\x00ä\\")
    assert await again.by_message_id("\udcff@x") == [of("\udcff\x00ä\\")]


async def test_what_is_older_than_remember_time_is_forgotten(open_store: Open) -> None:
    store = await open_store()
    await store.remember(Receipt(MTA, "4AB1", "m@x"), of("ann"), 1.0)
    await store.remember(Receipt(MTA, "4AB2"), of("bob", at=REMEMBER_TIME + 2), REMEMBER_TIME + 2)
    assert await store.by_queue_id(MTA, "4AB1") is None
    assert await store.by_message_id("m@x") == []
    assert await store.by_queue_id(MTA, "4AB2") is not None


@pytest.mark.parametrize(
    "open_store", ["memory"], indirect=True
)  # where it is shared, the server says how much it keeps
async def test_at_most_remember_count_messages_are_kept(open_store: Open) -> None:
    store = await open_store()
    for number in range(3 * REMEMBER_COUNT):
        at = float(number)
        await store.remember(Receipt(MTA, f"Q{number}", f"m{number}@x"), of("ann", f"t{number}", at), at)
    await open_store.close(store)
    store = await open_store()
    kept = [n for n in range(3 * REMEMBER_COUNT) if await store.by_queue_id(MTA, f"Q{n}") is not None]
    assert kept == list(range(2 * REMEMBER_COUNT, 3 * REMEMBER_COUNT))
