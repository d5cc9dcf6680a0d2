"""Lines that begin with a dot, which SMTP doubles (RFC 5321 section 4.5.2)."""

from collections.abc import Iterable, Iterator


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
