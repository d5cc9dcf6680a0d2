"""Where a message ends, and what makes it refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay import replies
from detector.relay.body_reader import AT_ONCE_BYTES, MANY_BYTES, BodyReader

LINE = st.binary(max_size=30).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))
CUTS = st.lists(st.integers(0, 200))


def _feed(reader: BodyReader, octets: bytes, cuts: list[int]) -> bytes:
    start, rest = 0, b""
    for cut in [*sorted(min(cut, len(octets)) for cut in cuts), len(octets)]:
        piece = octets[start:cut]
        start = cut
        rest += piece if reader.complete else reader.feed(piece)
    return rest


@given(st.lists(LINE, max_size=12), CUTS)
def test_a_message_ends_at_its_first_lonely_dot_however_the_network_cuts_it(
    lines: list[bytes], cuts: list[int]
) -> None:
    stuffed = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
    reader = BodyReader(10_000)
    rest = _feed(reader, stuffed + b".\r\nRSET\r\n", cuts)
    assert (reader.complete, reader.problem, rest) == (True, None, b"RSET\r\n")
    assert b"".join(reader.take()) == stuffed + b".\r\n"
    assert reader.size_bytes == len(stuffed) + 3


@given(st.lists(LINE | st.sampled_from([b"", b".", b"..", b".x"]), max_size=12), CUTS)
def test_lines_that_begin_with_a_dot_are_noticed_however_the_network_cuts_them(
    lines: list[bytes], cuts: list[int]
) -> None:
    stuffed = b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)
    whole, cut = BodyReader(10_000), BodyReader(10_000)
    whole.feed(stuffed + b".\r\n")
    _feed(cut, stuffed + b".\r\n", cuts)
    assert whole.dotted is any(line.startswith(b".") for line in lines)
    assert cut.dotted or not whole.dotted


@given(st.binary(max_size=120), CUTS)
def test_a_bare_line_end_is_found_however_the_network_cuts_it(octets: bytes, cuts: list[int]) -> None:
    octets = octets.replace(b"\r\n.\r\n", b"")
    bare = octets.replace(b"\r\n", b"")
    reader = BodyReader(10_000)
    _feed(reader, b"x" + octets + b"\r\n.\r\n", cuts)
    expected = replies.BARE_LINE_END if b"\r" in bare or b"\n" in bare else None
    assert reader.problem is expected


@given(
    st.lists(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"x"]), min_size=1, max_size=9), st.booleans()
)
def test_many_octets_are_looked_through_as_few_are(pieces: list[bytes], cut: bool) -> None:
    octets = b"".join(pieces)
    few, many, very_many = BodyReader(10_000_000), BodyReader(10_000_000), BodyReader(10_000_000)
    filler = b"y" * (AT_ONCE_BYTES - len(octets) // 2)
    for reader, more in ((few, b"y"), (many, b"y" * MANY_BYTES), (very_many, filler)):
        reader.feed(more + octets if cut else octets + more)
        reader.feed(octets + more)
        reader.feed(b"\r\n.\r\n")
    assert (few.problem, few.complete) == (many.problem, many.complete) == (very_many.problem, very_many.complete)


@pytest.mark.parametrize("smuggled", [b"x\n.\nMAIL", b"x\r.\rMAIL", b"x\n.\r\nMAIL", b"x\r\n.\nMAIL", b"x\r\n.\rMAIL"])
def test_other_ends_are_no_ends(smuggled: bytes) -> None:
    reader = BodyReader(10_000)
    assert reader.feed(smuggled) == b""
    assert not reader.complete
    assert reader.feed(b"\r\n.\r\n") == b""
    assert (reader.complete, reader.problem) == (True, replies.BARE_LINE_END)


@pytest.mark.parametrize(("size", "problem"), [(100, None), (101, replies.TOO_LARGE)])
def test_the_limit_counts_the_message_without_its_end_mark(size: int, problem: object) -> None:
    reader = BodyReader(100)
    reader.feed(b"x" * (size - 2) + b"\r\n.\r\n")
    assert reader.problem == problem


def test_a_refused_message_keeps_no_memory() -> None:
    reader = BodyReader(100)
    reader.feed(b"x" * 1000)
    assert (reader.pending_bytes, reader.take()) == (0, [])
