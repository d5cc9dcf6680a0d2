"""Why a server refuses a recipient: its words before its codes, where codes are general or lie.

`550 5.7.1` stands for spam, for an unknown user and for a blocked network alike, so what a server writes beside a
general code counts more than the code. A code that can mean only one thing is believed.
"""

import re

from detector.mail import refusal_words as words
from detector.mail.status_codes import ENHANCED_CODE, Cause, by_reply, by_status

MOST_TEXT = 2000  # characters; RFC 5321 section 4.5.3.1.5 allows a line of a reply 512 octets

# Believed before any word; servers that do not think about it say 5.7.1, 5.1.0 or 5.0.0.
_PLAIN = frozenset(
    {"5.1.1", "5.1.2", "5.1.10", "5.2.2", "4.2.2", "5.7.25", "4.7.25", "5.7.26", "5.7.23", "4.7.28", "5.1.7", "5.1.8"}
)

Table = tuple[tuple[Cause, tuple[str, ...]], ...]

_PERMANENT: Table = (
    (Cause.MAILBOX_FULL, words.FULL),
    (Cause.OTHER, words.TOO_BIG),
    (Cause.REPUTATION, words.REPUTATION),
    (Cause.NO_SUCH_USER, words.USER),
    (Cause.TEMPORARY, words.GREYLIST),
    (Cause.POLICY, words.POLICY),
    (Cause.TEMPORARY, words.LATER),
)
# What may pass with time is put down to time: a rule that is only for now is greylisting by another name.
_TRANSIENT = (*_PERMANENT[:5], _PERMANENT[6], _PERMANENT[5])
# But for a server that says why: its code is of the class "security or policy" (RFC 3463 section 3.8), or it has none.
_SLOWED = (*_PERMANENT[:5], (Cause.POLICY, words.SLOWED), *_TRANSIENT[5:])

_PROVIDERS = (
    # Exchange Online, where its directory does not know the recipient (learn.microsoft.com, "directory based edge
    # blocking").
    (re.compile(r" 5\.4\.1 .{0,400}\brejected ?: ?access denied"), Cause.NO_SUCH_USER),
    # Postfix, where its operator has closed this recipient (access(5), check_recipient_access).
    (re.compile(r"recipient address rejected: access denied"), Cause.NO_SUCH_USER),
    # Postfix, where a name server answers nonsense (smtp_addr.c): the domain may well be there.
    (re.compile(r"malformed (?:or unexpected )?name server reply"), Cause.TEMPORARY),
    # Laposte says "come back later" to addresses that it has listed (postmaster.laposte.net, "codes d'erreur").
    (re.compile(r"\blpn\d{3}_10[378]\b"), Cause.REPUTATION),
    # Not a list of addresses, though it is said in the same words.
    (re.compile(r"blocked using spam"), Cause.POLICY),
    # Google Groups says in 40 languages that the group may not exist, or may not be open to the sender.
    (re.compile(r"groups\.google\.com/support"), Cause.POLICY),
)
# A colon announces the reason; an access list may name the recipient, and a number is one of the place.
_SAYS_NOTHING = re.compile(r"recipient address rejected:|\S{1,64}@[\w.-]++|#(?![45]\.)\w++")
_ABOUT_SENDER = re.compile(r"(?:after|to|sent|response to) (?:end of )?mail from\b|>>> mail from")
_REPLY_CODE = re.compile(r"(?<![\w.#/-])([45]\d\d)(?![\w./])(?!-\d)")


def status_in(text: str) -> str:
    """The first enhanced status code of a failure in a text that says more than x.0.0; else the first, or nothing."""
    found = [".".join(match) for match in ENHANCED_CODE.findall(text[:MOST_TEXT]) if match[0] != "2"]
    return next((status for status in found if not status.endswith(".0.0")), found[0] if found else "")


def reply_code_in(text: str) -> int:
    """The first reply code of a failure in a text, or 0."""
    found = _REPLY_CODE.search(text[:MOST_TEXT])
    return int(found[1]) if found else 0


def cause_of(text: str, status: str = "") -> Cause:
    """Why, from a reply or a paragraph for people, and the enhanced status code if it is known from elsewhere.

    >>> cause_of("550 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org")
    <Cause.REPUTATION: 'reputation'>
    >>> cause_of("550 <spam@example.net>: Recipient address rejected: User unknown", "5.0.0")
    <Cause.NO_SUCH_USER: 'no such user'>
    """
    text = " ".join(text[:MOST_TEXT].lower().split())
    written = status_in(text)
    if written and not (status and written.endswith(".0.0")):
        status = written  # what the server itself said; a field beside it may be what the reporting one makes of it
    for said, cause in _PROVIDERS:
        if said.search(text):
            return cause
    by_code = by_status(status)
    if by_code is not None and status in _PLAIN:
        return by_code
    code = reply_code_in(text)
    if by_code in {None, Cause.OTHER} and code:
        by_code = by_reply(code)
    transient = status.startswith("4") or (not status and 400 <= code < 500)
    table = _PERMANENT
    if transient:
        table = _SLOWED if status.startswith("4.7.") or not status else _TRANSIENT
    cause = _by_words(_SAYS_NOTHING.sub(" ", text), table) or by_code or Cause.OTHER
    # At MAIL nobody knows the recipient yet: who is unknown there is the sender, or his domain.
    return Cause.POLICY if cause is Cause.NO_SUCH_USER and _ABOUT_SENDER.search(text) else cause


def _by_words(text: str, table: Table) -> Cause | None:
    for cause, said in table:
        if any(word in text for word in said):
            return cause
    return None
