"""How a message that was handed over is packed (what it promises is in tests/contracts)."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.delivery import Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state import handed_over
from detector.state.aside import Aside
from detector.state.handed_over import MemoryHandedOver, pack, unpack

HASHES = st.binary(min_size=8, max_size=8)
HALF_A_HASH = Handed("ann", "t1", Stream.PERSONAL, 1.0, frozenset({b"half"}))


@pytest.mark.parametrize(
    "value",
    [
        Handed("ann", "t1", Stream.AUTOMATIC, 1.5, frozenset({b"8octets1"}), frozenset()),
        Handed("", "", Stream.PERSONAL, 0.0, frozenset(), trusted=True),
        Handed(
            "\udcff\x00ä", "t2", Stream.PERSONAL, 1e9, frozenset({b"8octets1", b"8octets2"}), frozenset({b"8octets2"})
        ),
    ],
)
def test_what_is_packed_is_unpacked_equal(value: Handed) -> None:
    assert unpack(pack(value)) == value


@given(
    st.builds(
        Handed,
        st.text(max_size=20),
        st.text(max_size=8) | st.text("0123456789abcdefA ", min_size=15, max_size=17),
        st.sampled_from(Stream),
        st.just(1.7e9),
        st.frozensets(HASHES, max_size=80),
        st.frozensets(HASHES, max_size=5),
    ),
    st.integers(0, 80),
)
def test_any_message_is_unpacked_equal(handed: Handed, some: int) -> None:
    assert unpack(pack(handed)) == handed
    handed = replace(handed, first_time=frozenset(sorted(handed.recipients)[:some]))
    assert unpack(pack(handed)) == handed


def test_what_was_packed_with_words_and_all_hashes_is_still_read() -> None:
    handed = Handed(
        "ann", "00ff", Stream.AUTOMATIC, 1.5, frozenset({b"8octets1", b"8octets2"}), frozenset({b"8octets2"})
    )
    old = (b"ann", "00ff", "automatic", 1.5, b"8octets18octets2", b"8octets2", False)
    assert unpack(msgspec.msgpack.encode(old)) == handed


def test_a_message_of_one_recipient_takes_few_octets() -> None:
    handed = Handed("ann@customer.example", "0123456789abcdef", Stream.PERSONAL, 1.7e9, frozenset({b"8octets1"}))
    assert len(pack(handed)) - len(handed.account) <= 36


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff",
        b"{}",
        b'["a","b","personal",1,["x"],[],true]',
        pack(HALF_A_HASH),
        msgspec.msgpack.encode((b"ann", "", 2, 1.0, b"", 0, False)),
        msgspec.msgpack.encode((b"ann", "", -1, 1.0, b"", 0, False)),
        msgspec.msgpack.encode((b"ann", "", 0, 1.0, b"8octets1", 2, False)),
        msgspec.msgpack.encode((b"ann", "", 0, 1.0, b"8octets1", -1, False)),
        msgspec.msgpack.encode((b"ann", -1, 0, 1.0, b"8octets1", 0, False)),
    ],
)
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        unpack(garbage)


async def test_what_was_marked_with_words_is_still_found(tmp_path: Path) -> None:
    store = MemoryHandedOver(tmp_path / "handed_over.sqlite", 1.0, 1000.0, 50, Metrics("test"))
    handed, later = replace(HALF_A_HASH, recipients=frozenset({b"8octets1"})), 2.0
    await store.remember(Receipt("mta:25", "4AB1", "<m@x>"), handed, 1.0)
    store.close()
    with closing(sqlite3.connect(tmp_path / "handed_over.sqlite")) as connection:
        words = f"message {hashlib.blake2b(b'm@x', digest_size=16).hexdigest()}".encode()
        connection.execute("UPDATE rows SET mark_1 = ?, mark_2 = ?", (b"transaction t1", words))
        connection.commit()
    store = MemoryHandedOver(tmp_path / "handed_over.sqlite", 1.0, 1000.0, 50, Metrics("test"))
    await store.remember(Receipt("mta:25", "4AB2", "m@x"), replace(handed, at=later), later)
    assert await store.by_transaction("t1") == [handed, replace(handed, at=later)]
    assert await store.by_message_id(" <m@x>") == [handed, replace(handed, at=later)]
    store.close()


async def test_who_is_forgotten_on_a_disk_that_takes_nothing_is_not_said_to_be(tmp_path: Path) -> None:
    messages = MemoryHandedOver(tmp_path / "missing" / "handed_over.sqlite", 60.0, 1e6, 1000, Metrics("1"))
    await messages.remember(Receipt("mx:25", "q1"), HALF_A_HASH, 1.0)
    with pytest.raises(Temporary, match="could not be written"):
        await messages.forget({HALF_A_HASH.account: 1e9})
    (tmp_path / "missing").mkdir()
    await messages.forget({HALF_A_HASH.account: 1e9})
    assert await messages.by_queue_id("mx:25", "q1") is None
    messages.close()


async def test_an_account_of_many_messages_is_forgotten_with_few_questions_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    begin = Aside.begin

    def counted(aside: Aside, work: Callable[[], object]) -> object:
        asked.append(work)
        return begin(aside, work)

    monkeypatch.setattr(Aside, "begin", counted)
    monkeypatch.setattr(handed_over, "FRESH", 10)
    messages = MemoryHandedOver(tmp_path / "handed_over.sqlite", 60.0, 1e6, 1000, Metrics("1"))
    for number in range(100):
        handed = Handed("ann", f"t{number}", Stream.PERSONAL, 1e9, frozenset(), frozenset())
        await messages.remember(Receipt("mx:25", f"q{number}"), handed, 1e9)
    await messages.forget({"ann": 1e9})
    assert len(asked) < 10
    assert await messages.by_queue_ids([("mx:25", f"q{number}") for number in range(100)]) == {}
    messages.close()


async def test_what_one_of_several_processes_has_heard_the_others_find_and_forget(tmp_path: Path) -> None:
    path = tmp_path / "handed_over.sqlite"
    one, other = (MemoryHandedOver(path, 0.01, 1e6, 1000, Metrics("1"), alone=False) for _ in range(2))
    await one.remember(Receipt("192.0.2.9:25", "4ABC", ""), replace(HALF_A_HASH, recipients=frozenset()), 1.0)
    await one._rows.written()
    assert await other.by_queue_id("192.0.2.9:25", "4ABC") is not None
    await other.forget({"ann": 2.0})
    one.close()
    other.close()
    assert b"ann" not in path.read_bytes()
