"""Lines of Exim's main log (Exim specification, chapter "Log files"), in its own file or by way of syslog.

2026-03-05 10:00:00 1xV2CX-0002CW-2L <= ann@example.org H=(hop) [192.0.2.7] P=esmtp S=221 id=1@pc.example
2026-03-05 10:00:01 1xV2CX-0002CW-2L => bob@example.net R=out T=smtp H=mx [192.0.2.1] C="250 2.0.0 Ok"
2026-03-05 10:00:01 1xV2CX-0002CW-2L -> cid@example.net ...    in the same transaction
2026-03-05 10:00:01 1xV2CX-0002CW-2L ** eve@example.net R=out T=smtp H=mx [192.0.2.1]: SMTP error ...: 550 5.1.1 ...
2026-03-05 10:00:01 1xV2CX-0002CW-2L == dan@example.net R=out T=smtp defer (-44) H=mx [192.0.2.1]: ...: 451 ...

Other lines say nothing of a recipient.
"""

import re

from detector.feedback.notices import LONGEST_REPLY, Arrived, Attempt, Notice, Outcome, text_of
from detector.mail.status_codes import ENHANCED_CODE

OUTCOMES = {b"=>": Outcome.SENT, b"->": Outcome.SENT, b"**": Outcome.BOUNCED, b"==": Outcome.DEFERRED}
UNKNOWN_CODE = {Outcome.SENT: "2.0.0", Outcome.BOUNCED: "5.0.0", Outcome.DEFERRED: "4.0.0"}
NOT_TRIED = b"retry time not reached"
"""Exim looked at the message, and at no server."""

_LINE = re.compile(
    rb"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})? )?(?:\[\d+\] )?"
    rb"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6}(?:[0-9A-Za-z]{5})?-[0-9A-Za-z]{2}(?:[0-9A-Za-z]{2})?) "
    rb"(?P<flag><=|=>|->|\*\*|==) (?P<rest>.*)"
)
_RECIPIENT = re.compile(rb'("(?:[^"\\]|\\.){0,64}"@\S+|\S+?):?(?: <([^>\s]+)>)?(?= |\Z)')
_SIZE = b" S="
_MESSAGE_ID = re.compile(rb" S=\d+(?: [A-Z0-9]+=\S+)* id=(\S+)")
_RELAY = re.compile(rb" H=(\S+ \[[^\]\s]+\](?::\d+)?)")
_CONFIRMED = re.compile(rb' C="([^"]*)"')
_NEXT_ID = re.compile(rb"(?:queued as |OK id=)([\w-]{1,64})\W*\Z")
_SYSLOG_HEAD = re.compile(rb"(?:(?!: ).){15,200}? exim\d?(?:\[\d+\])?: ")


def read(line: bytes) -> Notice | None:
    start = 0
    if line[10:11] != b" " or not line[:4].isdigit():
        head = _SYSLOG_HEAD.match(line)
        if head is None:
            return None
        start = head.end()
    match = _LINE.match(line, start)
    if match is None:
        return None
    queue_id, rest = text_of(match["id"]), match["rest"]
    if match["flag"] == b"<=":
        found = _MESSAGE_ID.match(rest, max(rest.find(_SIZE), 0))  # a subject may come later, and say anything
        return Arrived(queue_id, text_of(found[1])) if found is not None else None
    return _attempt(queue_id, OUTCOMES[match["flag"]], rest, line)


def _attempt(queue_id: str, outcome: Outcome, rest: bytes, line: bytes) -> Attempt | None:
    recipient = _RECIPIENT.match(rest)
    if recipient is None or (outcome is Outcome.DEFERRED and NOT_TRIED in rest):
        return None
    told = rest[recipient.end() :][:LONGEST_REPLY]
    relay = _RELAY.search(told)
    if outcome is Outcome.SENT:
        confirmed = _CONFIRMED.search(told)
        words = confirmed[1] if confirmed is not None else b""
    else:
        words = told.partition(b": ")[2] or told
    code, next_id = ENHANCED_CODE.search(text_of(words)), _NEXT_ID.search(words)
    return Attempt(
        queue_id=queue_id,
        recipients=tuple(text_of(address) for address in (recipient[2], recipient[1]) if address),
        outcome=outcome,
        enhanced=code[0] if code is not None else UNKNOWN_CODE[outcome],
        reply=text_of(words.strip()),
        line=line,
        relay=text_of(relay[1]) if relay is not None else "",
        next_queue_id=text_of(next_id[1]) if next_id is not None and outcome is Outcome.SENT else "",
    )
