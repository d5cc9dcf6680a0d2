"""Which kind of mail a message is, and which transactions carry one and the same message."""

import hashlib
import re
from zlib import crc32

from detector.mail.address import Address
from detector.mail.headers import Header
from detector.mail.transaction import PERSONAL, Stream

# RFC 5322 section 3.6.6: a resent message has at least these two.
_RESENT = frozenset({b"resent-from", b"resent-date", b"x-forwarded-to", b"x-forwarded-for"})
_MARKS = _RESENT | {b"auto-submitted", b"list-id", b"precedence"}
SAMPLED = 1000  # octets, twice
_SRS = re.compile(r"srs[01][=+-]", re.IGNORECASE)
_DOMAIN_AT_END = re.compile(r"@([^\s@<>()\",;]+)")


def classify(mail_from: Address, header: Header) -> Stream:
    """Whether somebody wrote this message or a program sent it on.

    Automatic is: a null reverse-path (RFC 5321 section 4.5.5), Auto-Submitted other than `no` (RFC 3834 section 5),
    an SRS reverse-path, mail that was resent or forwarded and is From another domain than its reverse-path, and
    mailing lists (RFC 2919, Precedence).

    A thief can set every one of these marks himself. It does not help him: automatic mail is counted apart, with a
    baseline of its own, and not passed by. An account that never sent any is more conspicuous with it than without.
    """
    if mail_from.is_null or _SRS.match(mail_from.local_part):
        return Stream.AUTOMATIC
    if _MARKS.isdisjoint(header.named):
        return PERSONAL
    marks = header.named.keys() & _MARKS
    if any(_says_automatic(mark, value) for mark in marks for value in header.values(mark)):
        return Stream.AUTOMATIC
    resent_by_another = not marks.isdisjoint(_RESENT) and _foreign(header.values(b"from")[-1:], mail_from)
    return Stream.AUTOMATIC if resent_by_another else PERSONAL


def message_key(host: str, queue_id: str, message_id: str, mail_from: str, digest: bytes) -> str:
    """The same for all parts and all retries of one message, so that it is counted once; 32 characters.

    A queue id (XFORWARD IDENT) names the message at the submission `host`. Without one, Message-ID, reverse-path and
    the digest of the body (`sample_of`) do it together: the sender chooses the Message-ID, so it alone must not make
    one message of many.
    """
    parts = (
        (b"queue", _octets(host), _octets(queue_id))
        if queue_id
        else (b"message", _octets(message_id), _octets(mail_from), digest)
    )
    return hashlib.blake2b(b"\n".join(parts), digest_size=16).hexdigest()


def sample_of(size_bytes: int, head: bytes) -> bytes:
    """By what two messages are told apart: their size, and a checksum of beginning and end.

    Who sends different ones that are taken for one, and be it on purpose, gains no more than who sends one of them
    again and again.
    """
    return b"%d %d" % (size_bytes, crc32(head[:SAMPLED] + head[-SAMPLED:]))


def _says_automatic(name: bytes, value: str) -> bool:
    if name == b"list-id":
        return True
    word = re.split(r"[;(\s]", value.lower(), maxsplit=1)[0]
    if name == b"precedence":
        return word in {"list", "bulk", "junk"}
    return name == b"auto-submitted" and word not in {"", "no"}


def _foreign(authors: list[str], mail_from: Address) -> bool:
    domains = {domain.lower() for author in authors for domain in _DOMAIN_AT_END.findall(author)}
    return bool(domains) and mail_from.domain.lower() not in domains


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
