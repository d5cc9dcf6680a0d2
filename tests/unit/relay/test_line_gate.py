"""Command lines: strict, bounded, and one at a time."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay.line_gate import HELD_LIMIT, LINE_LIMIT, LineGate, Violation


def _all(gate: LineGate) -> list[bytes]:
    return list(iter(gate.line, None))


def _lines(octets: bytes, cuts: list[int]) -> list[bytes]:
    gate, lines, start = LineGate(10_000), list[bytes](), 0
    for cut in [*sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]:
        gate.put(octets[start:cut])
        start = max(start, cut)
        lines += _all(gate)
    return lines


@given(
    st.lists(st.sampled_from([b"NOOP", b"RSET", b"MAIL FROM:<a@b>", b"X" * 500]), max_size=20), st.lists(st.integers(0))
)
def test_how_the_network_cuts_lines_makes_no_difference(commands: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(command + b"\r\n" for command in commands)
    assert _lines(octets, cuts) == commands


@given(st.binary(max_size=300), st.lists(st.integers(0)))
def test_any_octets_are_lines_or_a_violation(octets: bytes, cuts: list[int]) -> None:
    lines: list[bytes] = []
    with contextlib.suppress(Violation):
        lines = _lines(octets, cuts)
    assert not any(b"\r" in line or b"\n" in line for line in lines)


def test_what_follows_a_line_waits_until_the_next_is_asked_for() -> None:
    gate = LineGate(10)
    gate.put(b"DATA\r\nRSET\r\nQU")
    assert gate.line() == b"DATA"
    gate.put(b"IT\r\n")
    assert gate.take() == b"RSET\r\nQUIT\r\n"
    assert gate.line() is None


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"QUIT", (b"QUIT", "")),
        (b"MAIL FROM:<a@b> SIZE=1", (b"MAIL", "FROM:<a@b> SIZE=1")),
        (b"rcpt  TO:<\xff@b> ", (b"rcpt", "TO:<\udcff@b>")),
        (b"", (b"", "")),
    ],
)
def test_a_command_is_a_verb_and_what_follows_it(line: bytes, command: tuple[bytes, str]) -> None:
    gate = LineGate(10)
    gate.put(line + b"\r\nREST")
    assert (gate.command(), gate.command()) == (command, None)


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP\r\r\n", b"\n", b"NO\rOP\n", b"N\rOP\nX\r\n"])
def test_a_bare_line_end_is_a_violation(line: bytes) -> None:
    gate = LineGate(10)
    gate.put(line)
    with pytest.raises(Violation) as raised:
        _all(gate)
    assert raised.value.reply.enhanced == "5.5.2"


@pytest.mark.parametrize("octets", [b"A" * LINE_LIMIT + b"\r\n", b"A" * (LINE_LIMIT + 1)])
def test_a_line_without_end_is_not_kept_for_ever(octets: bytes) -> None:
    gate = LineGate(10)
    gate.put(octets)
    with pytest.raises(Violation):
        _all(gate)


def test_what_waits_behind_a_command_is_not_refused_but_no_more_is_read() -> None:
    gate = LineGate(10)
    gate.put(b"DATA\r\n" + b"x" * (HELD_LIMIT + 1))
    assert gate.line() == b"DATA"
    assert gate.full
    gate.take()
    assert not gate.full


def test_the_number_of_commands_is_bounded() -> None:
    gate = LineGate(2)
    gate.put(b"NOOP\r\n" * 3)
    assert [gate.line(), gate.line()] == [b"NOOP"] * 2
    with pytest.raises(Violation) as raised:
        gate.line()
    assert raised.value.reply.code == 421


PIECES = st.sampled_from([b"NOOP\r\n", b"RCPT TO:<a@b>\r\n", b"X", b"\r", b"\n", b"\r\n", b"A" * LINE_LIMIT])


@given(st.lists(PIECES, max_size=8).map(b"".join))
def test_the_next_line_is_told_exactly_when_it_will_be_given(octets: bytes) -> None:
    gate = LineGate(2)
    gate.put(octets)
    while (told := gate.next_line()) is not None:
        assert gate.line() == told
    given = None
    with contextlib.suppress(Violation):
        given = gate.line()
    assert given is None
