r"""The header by which a load balancer says whom it speaks for: PROXY protocol, versions 1 and 2.

Source: "The PROXY protocol, versions 1 & 2" (proxy-protocol.txt of haproxy.org); section numbers are of that text.

>>> read(b"PROXY TCP4 192.0.2.7 198.51.100.1 40123 25\r\nEHLO pc")
ProxyHeader(source='192.0.2.7', length=44)
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

V1_BEGIN = b"PROXY "
V1_LONGEST = 107  # section 2.1: octets with CR LF, in the worst case
V2_BEGIN = b"\r\n\r\n\0\r\nQUIT\n"
V2_FIXED = 16  # section 2.2: signature, command, family and length
V2_LONGEST = 4096
"""Octets. Section 2.2 wants a header to fit into 536; names of certificates may make one longer, never so long."""

LOCAL, PROXY = 0x20, 0x21  # version 2 in the upper four bits
FAMILIES, TRANSPORTS = range(4), range(3)  # section 2.2: all that may be sent, also those that no SMTP client has
TCP4, TCP6 = 0x11, 0x21
ADDRESS_LENGTHS = {0: 0, 1: 12, 2: 36, 3: 216}  # octets by family: both addresses and both ports


class ProxyProtocolError(ValueError):
    """These octets begin no header; the text says why."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """`source` is the client's address, empty when the proxy speaks for itself or cannot say; `length` in octets."""

    source: str
    length: int


def read(octets: bytes) -> ProxyHeader | None:
    """The header that `octets` begin with, None while it is incomplete. Raises `ProxyProtocolError`."""
    if octets.startswith(V2_BEGIN):
        return _read_v2(octets)
    if octets.startswith(V1_BEGIN):
        return _read_v1(octets)
    if V2_BEGIN.startswith(octets) or V1_BEGIN.startswith(octets):
        return None
    msg = "no header: is `send-proxy` missing in the proxy's configuration?"
    raise ProxyProtocolError(msg)


def _read_v1(octets: bytes) -> ProxyHeader | None:
    end = octets.find(b"\n", 0, V1_LONGEST) + 1
    if not end:
        if len(octets) < V1_LONGEST:
            return None
        msg = f"version 1: no line end within {V1_LONGEST} octets"
        raise ProxyProtocolError(msg)
    line = octets[:end]
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        msg = "version 1: the line does not end with CR LF"
        raise ProxyProtocolError(msg)
    return ProxyHeader(_source_v1(line[:-2].decode("latin-1").split(" ")), end)


def _source_v1(words: list[str]) -> str:
    if words[1] == "UNKNOWN":  # section 2.1: whatever follows is ignored
        return ""
    if len(words) != 6 or words[1] not in {"TCP4", "TCP6"}:
        msg = "version 1: not TCP4 or TCP6, two addresses and two ports"
        raise ProxyProtocolError(msg)
    read_address = _ipv4 if words[1] == "TCP4" else _ipv6
    source, _ = read_address(words[2]), read_address(words[3])
    if not (_is_port(words[4]) and _is_port(words[5])):
        msg = "version 1: a port is no number up to 65535"
        raise ProxyProtocolError(msg)
    return source


def _ipv4(word: str) -> str:
    try:
        return str(IPv4Address(word))
    except ValueError as error:
        msg = "version 1: not an IPv4 address"
        raise ProxyProtocolError(msg) from error


def _ipv6(word: str) -> str:
    try:
        address = IPv6Address(word)
    except ValueError as error:
        msg = "version 1: not an IPv6 address"
        raise ProxyProtocolError(msg) from error
    if address.scope_id is not None:
        msg = "version 1: an IPv6 address with a zone"
        raise ProxyProtocolError(msg)
    return str(address)


def _is_port(word: str) -> bool:
    return word.isascii() and word.isdigit() and int(word) <= 65535 and str(int(word)) == word


def _read_v2(octets: bytes) -> ProxyHeader | None:
    if len(octets) < V2_FIXED:
        return None
    command, family, transport = octets[12], octets[13] >> 4, octets[13] & 0xF
    length = V2_FIXED + int.from_bytes(octets[14:16], "big")
    if command not in {LOCAL, PROXY}:
        msg = "version 2: unknown version or command"
        raise ProxyProtocolError(msg)
    if length > V2_LONGEST:
        msg = f"version 2: longer than {V2_LONGEST} octets"
        raise ProxyProtocolError(msg)
    if command == PROXY:
        _check_v2(family, transport, length)
    if len(octets) < length:
        return None
    return ProxyHeader(_source_v2(octets) if command == PROXY else "", length)


def _check_v2(family: int, transport: int, length: int) -> None:
    if family not in FAMILIES or transport not in TRANSPORTS:
        msg = "version 2: unknown family or transport"
        raise ProxyProtocolError(msg)
    if length < V2_FIXED + ADDRESS_LENGTHS[family]:
        msg = "version 2: too short for its addresses"
        raise ProxyProtocolError(msg)


def _source_v2(octets: bytes) -> str:
    """What comes after the addresses (TLVs, section 2.2) is skipped; what is no TCP is nobody we can name."""
    if octets[13] == TCP4:
        return str(IPv4Address(octets[16:20]))
    if octets[13] == TCP6:
        return str(IPv6Address(octets[16:32]))
    return ""
