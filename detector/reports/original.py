"""What a report brings back of its message: identifiers that lead to the transaction."""

import re
from collections.abc import Mapping

from detector.mail.headers import Header
from detector.reports.parts import Pieces, first
from detector.reports.values import Original

MOST_QUEUE_IDS = 8
LONGEST_ID = 998  # RFC 5322 section 2.1.1: a line

# `with ESMTP id 4Wx...`, `id 1P1cqy-0001Tl-9p` (RFC 5321 section 4.4); our own line has the transaction's id there.
_QUEUE_ID = re.compile(r"\bid <?([A-Za-z0-9._-]{6,64})")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,996}>")


def original_of(pieces: Pieces, returned: Header, told: Mapping[str, str]) -> Original:
    """`told` are the fields of the report about the message, by lower-case names."""
    queue_ids = [told[name] for name in ("x-postfix-queue-id", "x-queue-id") if told.get(name)]
    for line in returned.values(b"received")[:MOST_QUEUE_IDS]:
        found = _QUEUE_ID.search(line[:1000])
        if found:
            queue_ids.append(found[1])
    return Original(
        header=returned,
        message_id=_message_id(pieces, returned, told),
        envelope_id=told.get("original-envelope-id", "")[:LONGEST_ID],
        queue_ids=tuple(dict.fromkeys(queue_ids))[:MOST_QUEUE_IDS],
    )


def _message_id(pieces: Pieces, returned: Header, told: Mapping[str, str]) -> str:
    """That of the returned message; else what the report says it is about (RFC 8098 section 3.2.5; RFC 5322)."""
    places = (
        returned.message_id,
        told.get("original-message-id", ""),
        told.get("x-original-message-id", ""),
        first(pieces.header, b"in-reply-to"),
        first(pieces.header, b"references"),
    )
    for text in places:
        found = _MESSAGE_ID.findall(text[: 8 * LONGEST_ID])
        if found:
            return str(found[-1])
    return ""
