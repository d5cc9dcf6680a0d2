"""How a message that was handed over is packed (what it promises is in tests/contracts)."""

import pytest

from detector.mail.delivery import Handed
from detector.mail.transaction import Stream
from detector.state.handed_over import Parts, pack, unpack


@pytest.mark.parametrize(
    "value",
    [
        Handed("ann", "t1", Stream.AUTOMATIC, 1.5, frozenset({b"8octets1"}), frozenset()),
        Handed("", "", Stream.PERSONAL, 0.0, frozenset(), trusted=True),
        (("192.0.2.1:25", "4AB1"), ("mx:25", "4AB2")),
    ],
)
def test_what_is_packed_is_unpacked_equal(value: Handed | Parts) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff", b"{}", b"null", b'[1, "a"]', b'[["a"]]', b'["a","b","personal",1,["x"],[],true]']
)
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        unpack(garbage)
