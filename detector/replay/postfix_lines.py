"""One line of a Postfix log, taken apart: which message it speaks of, and what a delivery agent says of a recipient.

As in `Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4XyZ1: to=<bob@example.net>, ..., dsn=2.0.0, status=sent (...)`: a stamp,
a host, a program with its process id, the queue id, and a text that each program begins with words of its own.
"""

import re

DELIVERY = re.compile(rb"to=<?([^>,]*)>?,(?: orig_to=<?([^>,]*)>?,)?.*? dsn=([245]\.\d+\.\d+), status=([a-z]+)")
"""Recipient, the recipient before an alias made others of it, enhanced status code (RFC 3463), and what came of it."""
PROBES = frozenset({b"deliverable", b"undeliverable"})
"""Address verification: nobody sent anything."""

_HANDED_ON = re.compile(rb"queued as (\w+)\)?\s*\Z")


def places(line: bytes) -> tuple[int, int]:
    """Where the queue id begins and ends; its beginning is less than 3 where there is none.

    A program's name and process id stand in front of the first colon and blank. Those further on belong to a text that
    somebody else may have chosen, as a login that Dovecot refuses.

    >>> line = b"Mar  5 10:00:00 mx1 postfix/qmgr[7]: 4XyZ1: removed"
    >>> start, end = places(line)
    >>> line[start:end], line[end + 2 :]
    (b'4XyZ1', b'removed')
    """
    start = line.find(b": ") + 2
    return (start, line.find(b": ", start)) if line.startswith(b"]", start - 3) else (0, -1)


def handed_on(text: bytes) -> bytes:
    """The queue id that the server which took the message gave it; empty if it named none."""
    match = _HANDED_ON.search(text)
    return match[1] if match is not None else b""
