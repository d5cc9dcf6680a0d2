"""How a message that was handed over is packed (what it promises is in tests/contracts)."""

import pytest

from detector.mail.delivery import Handed
from detector.mail.transaction import Stream
from detector.state.handed_over import pack, unpack

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


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"{}", b'["a","b","personal",1,["x"],[],true]', pack(HALF_A_HASH)])
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        unpack(garbage)
