"""Command lines: strict, bounded, and closed behind DATA."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay.line_gate import HELD_LIMIT, LINE_LIMIT, LineGate, Violation


def _lines(octets: bytes, cuts: list[int]) -> list[bytes]:
    gate, lines, start = LineGate(10_000), list[bytes](), 0
    for cut in [*sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]:
        gate.put(octets[start:cut])
        start = max(start, cut)
        lines += gate.lines()
    return lines


@given(
    st.lists(st.sampled_from([b"NOOP", b"RSET", b"MAIL FROM:<a@b>", b"X" * 500]), max_size=20), st.lists(st.integers(0))
)
def test_how_the_network_cuts_lines_makes_no_difference(commands: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(command + b"\r\n" for command in commands)
    assert _lines(octets, cuts) == [command + b"\r\n" for command in commands]


@given(st.binary(max_size=300), st.lists(st.integers(0)))
def test_any_octets_are_lines_or_a_violation(octets: bytes, cuts: list[int]) -> None:
    lines: list[bytes] = []
    with contextlib.suppress(Violation):
        lines = _lines(octets, cuts)
    assert all(line.endswith(b"\r\n") and b"\r" not in line[:-2] for line in lines)


@pytest.mark.parametrize("verb", [b"DATA", b"data", b"StartTLS"])
def test_nothing_passes_behind_a_barrier_until_it_is_lifted(verb: bytes) -> None:
    gate = LineGate(10)
    gate.put(verb + b"\r\nRSET\r\n")
    assert list(gate.lines()) == [verb + b"\r\n"]
    assert list(gate.lines()) == []
    gate.open()
    assert list(gate.lines()) == [b"RSET\r\n"]


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP\r\r\n", b"\n"])
def test_a_bare_line_end_is_a_violation(line: bytes) -> None:
    gate = LineGate(10)
    gate.put(line)
    with pytest.raises(Violation) as raised:
        list(gate.lines())
    assert raised.value.reply.enhanced == "5.5.2"


@pytest.mark.parametrize("octets", [b"A" * LINE_LIMIT + b"\r\n", b"A" * (LINE_LIMIT + 1)])
def test_a_line_without_end_is_not_kept_for_ever(octets: bytes) -> None:
    gate = LineGate(10)
    gate.put(octets)
    with pytest.raises(Violation):
        list(gate.lines())


def test_what_waits_behind_a_barrier_is_not_refused_but_no_more_is_read() -> None:
    gate = LineGate(10)
    gate.put(b"DATA\r\n" + b"x" * (HELD_LIMIT + 1))
    assert list(gate.lines()) == [b"DATA\r\n"]
    assert gate.full
    gate.take()
    assert not gate.full


def test_the_number_of_commands_is_bounded() -> None:
    gate = LineGate(2)
    gate.put(b"NOOP\r\n" * 3)
    lines = gate.lines()
    assert [next(lines), next(lines)] == [b"NOOP\r\n"] * 2
    with pytest.raises(Violation) as raised:
        next(lines)
    assert raised.value.reply.code == 421
