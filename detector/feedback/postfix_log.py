"""Lines of a Postfix log: what `cleanup` and the delivery agents say.

    cleanup          4XyZ1: message-id=<1@pc.example>
    smtp, lmtp, ...  4XyZ1: to=<bob@example.net>, relay=mx[192.0.2.1]:25, ..., dsn=5.1.1, status=bounced (...)

Other programs may write what they like into the same log.
"""

import re

from detector.feedback.notices import LONGEST_REPLY, Arrived, Attempt, Notice, Outcome, text_of
from detector.replay.postfix_lines import DELIVERY, handed_on, places

AGENTS = frozenset({b"smtp", b"lmtp", b"error", b"retry", b"local", b"virtual", b"pipe", b"discard", b"bounce"})
CUT = b"postfix"
"""What rsyslog leaves of `postfix/smtp` in APP-NAME (RFC 5424), without `parser.permitSlashInProgramName`."""
OUTCOMES = {b"sent": Outcome.SENT, b"deferred": Outcome.DEFERRED, b"bounced": Outcome.BOUNCED}

_RELAY = re.compile(rb", relay=([^,\s]*)")


def read(line: bytes) -> Notice | None:
    start, end = places(line)
    kind = line[end + 2 : end + 5]
    if kind not in {b"to=", b"mes"} or start < 3 or not line[start:end].isalnum():
        return None
    _, slash, program = line[line.rfind(b" ", 0, start - 1) + 1 : start - 3].partition(b"[")[0].rpartition(b"/")
    if not slash and program != CUT:
        return None
    if kind == b"mes":
        return _arrived(line, start, end) if program in {b"cleanup", CUT} else None
    return _attempt(line, start, end) if program in AGENTS or not slash else None


def _arrived(line: bytes, start: int, end: int) -> Arrived | None:
    name, _, value = line[end + 2 :].partition(b"=")
    if name != b"message-id":
        return None
    return Arrived(text_of(line[start:end]), text_of(value.strip()).removeprefix("<").removesuffix(">"))


def _attempt(line: bytes, start: int, end: int) -> Attempt | None:
    text = line[end + 2 :]
    match = DELIVERY.match(text)
    outcome = OUTCOMES.get(match[4]) if match is not None else None
    if match is None or outcome is None:
        return None
    relay = _RELAY.search(text, match.end(2) if match[2] else match.end(1))
    words = text[match.end() :].strip().removeprefix(b"(").removesuffix(b")")
    return Attempt(
        queue_id=text_of(line[start:end]),
        recipients=tuple(text_of(address) for address in (match[2], match[1]) if address),
        outcome=outcome,
        enhanced=match[3].decode("ascii"),
        reply=text_of(words[:LONGEST_REPLY]),
        line=line,
        relay=text_of(relay[1]) if relay is not None else "",
        next_queue_id=text_of(handed_on(text)) if outcome is Outcome.SENT else "",
    )
