"""Answers that a program gives for a person (RFC 3834, RFC 8098): the person did get the message."""

from detector.reports import wording
from detector.reports.delivery_status import status_of
from detector.reports.original import original_of
from detector.reports.parts import Pieces, first
from detector.reports.passed_on import passed_on
from detector.reports.values import AutoReply

# X-Autoreply and the like are older than RFC 3834 and still written.
_MARKS = (b"x-autoreply", b"x-autorespond", b"x-auto-response-suppress-reply", b"x-autoresponder", b"x-mail-autoreply")
_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "autoreply"})


def receipt(pieces: Pieces) -> AutoReply | None:
    """A message disposition notification: somebody, or some program, saw it. A refusal by a filter is a bounce."""
    if pieces.receipt is None or is_refusal(pieces):
        return None
    blocks = status_of(pieces.receipt).recipients  # one, in which everything stands (RFC 8098 section 3.1)
    return AutoReply("receipt", original_of(pieces, pieces.returned, blocks[0] if blocks else {}))


def is_refusal(pieces: Pieces) -> bool:
    """Sieve's `reject` may come as a disposition notification (RFC 5429 section 2.2)."""
    return pieces.receipt is not None and "reject" in f"{pieces.subject} {pieces.said}".lower()


def auto_reply(pieces: Pieces) -> AutoReply | None:
    """For messages that are no bounce: some servers mark their bounces as automatic answers, too."""
    about = passed_on(pieces)
    if _is_marked(pieces) or wording.says(about.subject, wording.AUTOMATIC_SUBJECT):
        return AutoReply("vacation", original_of(pieces, pieces.returned, {}))
    if wording.says(about.said.lower(), wording.CHALLENGE):
        return AutoReply("challenge", original_of(pieces, pieces.returned, {}))
    return None


def _is_marked(pieces: Pieces) -> bool:
    submitted = first(pieces.header, b"auto-submitted").lower().split(";")[0].strip()
    if submitted.startswith(("auto-replied", "auto-notified")):
        return True
    if any(mark in pieces.header.named for mark in _MARKS):
        return True
    if first(pieces.header, b"precedence").lower() in _PRECEDENCE:
        return True
    # A person's message never has the null reverse-path (RFC 3834 section 3.3).
    return first(pieces.header, b"return-path") == "<>"
