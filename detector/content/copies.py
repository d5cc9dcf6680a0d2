"""Copies of a message are known by their octets, before anything is taken apart: mailings are read once."""

from typing import Final

from detector.content.mime import first_of
from detector.mail.written import Written

MOST_BYTES: Final = 16_384  # behind the header: in longer messages much is attached, which reading passes over

# What `mime.parsed` reads of a header.
_READ: Final = (b"content-type", b"content-disposition", b"content-transfer-encoding", b"subject", b"reply-to")
_BETWEEN: Final = b"\n\n\0"  # no field has an empty line, so that the pieces cannot run into each other


def copy_key(written: Written) -> int | None:
    """Equal for messages whose parts are equal octet for octet, whatever else their headers say; None for long ones.

    The hash of `Message.said` knows more copies, those with a boundary of their own, but only once the message is taken
    apart. Others have either in common by a chance of 2^-64, and nobody can write two of them on purpose: Python keys
    its hash anew at each start (PEP 456).
    """
    start: int = written.start
    end: int = written.end
    if end - start > MOST_BYTES:
        return None
    header = written.header
    pieces = [first_of(header, name) for name in _READ]
    pieces.append(written.octets[start:end])
    return hash(_BETWEEN.join(pieces))
