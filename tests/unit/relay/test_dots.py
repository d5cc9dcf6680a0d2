from hypothesis import given
from hypothesis import strategies as st

from detector.relay.dots import stuffed, unstuffed, unstuffing

LINES = st.lists(st.sampled_from([b".", b"a", b"\r\n", b"..", b"\r\n."]), max_size=30).map(b"".join)


@given(LINES)
def test_what_is_stuffed_is_read_back_equal(octets: bytes) -> None:
    assert unstuffed(stuffed(octets)) == octets


@given(LINES, st.lists(st.integers(0, 60), max_size=8))
def test_it_makes_no_difference_where_a_piece_ends(octets: bytes, cuts: list[int]) -> None:
    sent, places = stuffed(octets), sorted({0, *cuts})
    pieces = [sent[start:end] for start, end in zip(places, [*places[1:], len(sent)], strict=True)]
    assert b"".join(unstuffing(pieces)) == octets
