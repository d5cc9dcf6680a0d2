"""What a proxy says before the client speaks, octet by octet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.proxy_protocol import (
    ADDRESS_LENGTHS,
    V1_LONGEST,
    V2_BEGIN,
    V2_FIXED,
    V2_LONGEST,
    ProxyHeader,
    ProxyProtocolError,
    read,
)

FOUR, SIX = st.ip_addresses(v=4), st.ip_addresses(v=6)
PORT = st.integers(0, 65535)
PAIRS = st.one_of(st.tuples(FOUR, FOUR), st.tuples(SIX, SIX))


def version_1(pair: tuple[object, object], ports: tuple[int, int]) -> bytes:
    family = "TCP4" if "." in str(pair[0]) and ":" not in str(pair[0]) else "TCP6"
    return f"PROXY {family} {pair[0]} {pair[1]} {ports[0]} {ports[1]}\r\n".encode()


def version_2(command: int, family: int, block: bytes) -> bytes:
    return V2_BEGIN + bytes((command, family)) + len(block).to_bytes(2, "big") + block


@given(PAIRS, st.tuples(PORT, PORT), st.binary(max_size=40))
def test_version_1_names_the_source_and_its_own_length(
    pair: tuple[object, object], ports: tuple[int, int], rest: bytes
) -> None:
    header = version_1(pair, ports)
    assert read(header + rest) == ProxyHeader(str(pair[0]), len(header))


@given(PAIRS, st.tuples(PORT, PORT), st.binary(max_size=300), st.binary(max_size=40))
def test_version_2_names_the_source_and_skips_what_follows_the_addresses(
    pair: tuple[object, object], ports: tuple[int, int], tlvs: bytes, rest: bytes
) -> None:
    source, target = pair
    packed: bytes = source.packed + target.packed  # type: ignore[attr-defined]
    block = packed + b"".join(port.to_bytes(2, "big") for port in ports) + tlvs
    header = version_2(0x21, 0x11 if len(packed) == 8 else 0x21, block)
    assert read(header + rest) == ProxyHeader(str(source), len(header))


@given(st.one_of(st.builds(version_1, PAIRS, st.tuples(PORT, PORT)), st.just(version_2(0x21, 0x11, bytes(12)))))
def test_a_header_that_comes_in_pieces_is_incomplete_until_its_last_octet(header: bytes) -> None:
    assert [read(header[:length]) for length in range(len(header))] == [None] * len(header)
    assert read(header) is not None


@given(st.integers(0, 255), st.binary(max_size=300))
def test_a_proxy_that_speaks_for_itself_names_nobody_whatever_stands_there(family: int, block: bytes) -> None:
    header = version_2(0x20, family, block)
    assert read(header + b"EHLO") == ProxyHeader("", len(header))


@pytest.mark.parametrize("line", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ff:: ff:: 1 2\r\n", b"PROXY UNKNOWN \xff\r\n"])
def test_an_unknown_client_is_nobody(line: bytes) -> None:
    assert read(line) == ProxyHeader("", len(line))


@pytest.mark.parametrize("family", [0x00, 0x01, 0x10, 0x12, 0x20, 0x22, 0x30, 0x31, 0x32])
def test_a_client_that_does_not_speak_tcp_over_ip_is_nobody(family: int) -> None:
    header = version_2(0x21, family, bytes(ADDRESS_LENGTHS[family >> 4]))
    assert read(header) == ProxyHeader("", len(header))


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO pc.example\r\n", b"\n", b"\r\n\r\n\0\r\nQUIT\r", b"proxy TCP4", b"PROXY\tTCP4",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\r\n",
        b"PROXY \r\n", b"PROXY TCP4\r\n", b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", b"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 ² 2\r\n".encode("latin-1"), b"PROXY " + b"x" * (V1_LONGEST - 6),
    ],
)  # fmt: skip
def test_what_is_no_header_to_the_letter_is_refused(octets: bytes) -> None:
    with pytest.raises(ProxyProtocolError):
        read(octets)


@pytest.mark.parametrize(
    ("command", "family", "length"),
    [
        (0x11, 0x11, 12), (0x22, 0x11, 12), (0x31, 0x11, 12), (0x21, 0x41, 12), (0x21, 0x13, 12),
        (0x21, 0x11, 11), (0x21, 0x21, 35), (0x21, 0x31, 215), (0x21, 0x11, V2_LONGEST), (0x20, 0x00, V2_LONGEST),
    ],
)  # fmt: skip
def test_a_version_2_header_that_cannot_be_right_is_refused_before_the_rest_of_it_comes(
    command: int, family: int, length: int
) -> None:
    with pytest.raises(ProxyProtocolError):
        read(version_2(command, family, bytes(length))[:V2_FIXED])


BEGINS = st.sampled_from([b"", b"PROXY ", V2_BEGIN])


@given(BEGINS, st.binary(max_size=200))
def test_any_octets_are_a_header_or_a_refusal_and_never_take_more_than_is_there(begin: bytes, rest: bytes) -> None:
    header = read_or_refuse(begin + rest)
    assert header is None or header is REFUSED or 0 < header.length <= len(begin + rest)


@given(BEGINS, st.binary(min_size=1, max_size=64))
def test_no_more_octets_are_waited_for_than_the_longest_header_has(begin: bytes, rest: bytes) -> None:
    assert read_or_refuse((begin + rest * V2_LONGEST)[:V2_LONGEST]) is not None


REFUSED = ProxyHeader("refused", 0)


def read_or_refuse(octets: bytes) -> ProxyHeader | None:
    try:
        return read(octets)
    except ProxyProtocolError:
        return REFUSED
