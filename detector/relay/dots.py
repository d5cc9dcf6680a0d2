"""Lines that begin with a dot, which SMTP doubles (RFC 5321 section 4.5.2)."""

from collections.abc import Iterable, Iterator

NEAR = 4096
"""Octets in which more dots are expected where there is one: it is text. Most of what is attached has none at all."""


def find_dot(octets: bytes, wanted: bytes) -> int:
    r"""As `octets.find(wanted)`; `wanted` has a dot, which is sooner found alone.

    >>> find_dot(b"a.b\r\n.\r\n", b"\r\n.\r\n")
    3
    """
    before = wanted.index(b".")
    beyond = NEAR - before + len(wanted)
    dot = octets.find(b".")
    while dot >= 0:
        found = octets.find(wanted, max(0, dot - before), dot + beyond)
        if found >= 0:
            return found
        dot = octets.find(b".", dot + NEAR)
    return -1


def stuffed(octets: bytes) -> bytes:
    r"""As SMTP sends it.

    >>> stuffed(b".one\r\n..two\r\n")
    b'..one\r\n...two\r\n'
    """
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]


def unstuffed(octets: bytes) -> bytes:
    """As the sender wrote it."""
    return b"".join(unstuffing([octets]))


def unstuffing(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same, piece by piece, wherever one ends."""
    last = b"\r\n"  # the line end above: a dot at the very beginning is doubled too
    for piece in pieces:
        if piece:
            octets = last + piece
            # A line end in `last` was told already; only what follows it is.
            yield octets.replace(b"\r\n.", b"\r\n")[len(last) :]
            last = octets[-2:] if octets[-1:] == b"\n" else b"\r" if octets[-1:] == b"\r" else b""
