"""Octets that are looked for by one of them: much of large mail is attached, and some signs are seldom in it."""

import sys

NEAR = 4096
"""Octets in which more of a sign are expected where there is one: it is text. base64 has neither dots nor hyphens."""
FEW = 2 * NEAR
"""Octets that are looked through as soon as this is thought over."""


def find_by(sign: bytes, wanted: bytes, octets: bytes, start: int = 0, end: int = sys.maxsize) -> int:
    r"""As `octets.find(wanted, start, end)`; `wanted` has the sign, which is sooner found alone.

    >>> find_by(b".", b"\r\n.\r\n", b"a.b\r\n.\r\n")
    3
    """
    if min(end, len(octets)) - start <= FEW:
        return octets.find(wanted, start, end)
    before = wanted.index(sign)
    beyond = NEAR - before + len(wanted)
    at = octets.find(sign, start, end)
    while at >= 0:
        found = octets.find(wanted, max(start, at - before), min(at + beyond, end))
        if found >= 0:
            return found
        at = octets.find(sign, at + NEAR, end)
    return -1
