import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.search import NEAR, find_by

PIECES = st.lists(st.sampled_from([b".", b"\r\n", b"\r\n.", b"a", b"a" * (NEAR - 2), b"a" * 3 * NEAR]), max_size=9)


@pytest.mark.parametrize("wanted", [b"\r\n.\r\n", b"\r\n..", b"."])
@given(PIECES)
def test_what_has_a_sign_is_found_where_it_comes_first(wanted: bytes, pieces: list[bytes]) -> None:
    octets = b"".join(pieces)
    assert find_by(b".", wanted, octets) == octets.find(wanted)


@given(PIECES, st.integers(0, 3 * NEAR), st.integers(0, 3 * NEAR))
def test_it_is_found_only_where_it_is_looked_for(pieces: list[bytes], start: int, end: int) -> None:
    octets = b"".join(pieces)
    assert find_by(b".", b"\r\n.", octets, start, end) == octets.find(b"\r\n.", start, end)
