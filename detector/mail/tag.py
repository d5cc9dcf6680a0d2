"""A signed tag on each message that leaves: a report that brings it back is about mail that we let through.

`7f.512c.0123456789abcdef.abcdefghijklmnop` is the key's id, the day (days since 1970, hexadecimal), the id of the
transaction and the signature: 80 bits of keyed BLAKE2b (RFC 7693 section 2.9). Nothing is personal. Who has seen a
message has seen its tag, so a tag proves that the message was ours, not that a report about it is true: its recipient
must be one of the transaction, and each may be counted once.

In an envelope sender, `bt=TAG=ann@customer.example` (after BATV, draft-levine-smtp-batv-01), it comes back with bounces
that return nothing of the message.
"""

import base64
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b, sha256

from detector.mail.address import Address

DAY = 86_400.0
SIGNATURE_LETTERS = 16
LONGEST_LOCAL_PART = 64  # RFC 5321 section 4.5.3.1.1

_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567"
_LETTER = bytes([_LETTERS[octet % 32] for octet in range(256)])  # for each octet: five bits of it
_TAG = re.compile(r"([0-9a-f]{2})\.([0-9a-f]{4})\.([0-9a-z_-]{1,40})\.([a-z2-7]{16})")
_ENVELOPE = re.compile(r"bt=([0-9a-z._-]{1,70})=(.+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TagKey:
    """`key_id` is made of the secret; two keys may share it by chance, and both are tried then."""

    key_id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "TagKey":
        return cls(sha256(b"tag, name of a key\0" + secret).hexdigest()[:2], secret)


class Refusal(StrEnum):
    """Why a tag ties nothing; good as a label."""

    FOREIGN = "foreign"  # not of our form, or by a key that is not ours
    FORGED = "forged"  # in our form, but we did not sign it
    EXPIRED = "expired"


def tag_of(transaction_id: str, now: float, key: TagKey) -> str:
    """The tag of a transaction; `now` in Unix seconds."""
    signed = f"{key.key_id}.{int(now // DAY) & 0xFFFF:04x}.{transaction_id}"
    return f"{signed}.{_signature(signed, key)}"


def transaction_of(text: str, keys: Sequence[TagKey], now: float, lifetime: float) -> str | Refusal:
    """The id of the transaction that the tag stands for; `lifetime` in seconds, rounded up to whole days.

    Upper case does no harm: some servers fold the local parts of addresses.
    """
    found = _TAG.fullmatch(text.strip().lower())
    signers = [key for key in keys if found and key.key_id == found[1]]
    if found is None or not signers:
        return Refusal.FOREIGN
    signed = found[0].rpartition(".")[0]
    ours = [sign(signed, key) for key in signers for sign in (_signature, _earlier_signature)]
    if not any(hmac.compare_digest(one, found[4]) for one in ours):
        return Refusal.FORGED
    age = int(now // DAY) - int(found[2], 16)
    # A clock that is corrected may have signed tomorrow.
    return found[3] if -1 <= age <= lifetime / DAY + 1 else Refusal.EXPIRED


def best_of(found: Iterable[str | Refusal]) -> str | Refusal:
    """Of several tags the first that ties; else the worst that was tried, for a forged one is news."""
    outcomes = list(found)
    tied = next((one for one in outcomes if not isinstance(one, Refusal)), None)
    if tied is not None:
        return tied
    return next((one for one in (Refusal.FORGED, Refusal.EXPIRED) if one in outcomes), Refusal.FOREIGN)


def tagged(sender: Address, tag: str) -> Address:
    """The sender with the tag; unchanged where it is null, tagged already, or would become too long.

    Tagged already is what another hop of ours has passed on: its tag leads to the transaction there. A forged one leads
    to a transaction that did not have the recipients of this message, and so to nobody.

    >>> str(tagged(Address.parse("ann@customer.example"), "7f.512c.t1.abcdefghijklmnop"))
    'bt=7f.512c.t1.abcdefghijklmnop=ann@customer.example'
    """
    local_part = f"bt={tag}={sender.local_part}"
    quoted = sender.local_part.startswith('"')
    if sender.is_null or quoted or len(local_part) > LONGEST_LOCAL_PART or untagged(sender)[1]:
        return sender
    return Address(local_part, sender.domain)


def untagged(address: Address) -> tuple[Address, str]:
    """The customer's own address, and the tag that it had; no tag: an empty text."""
    found = _ENVELOPE.fullmatch(address.local_part)
    if found is None or _TAG.fullmatch(found[1].lower()) is None:
        return address, ""
    return Address(found[2], address.domain), found[1]


def _signature(signed: str, key: TagKey) -> str:
    digest = _keyed(key.secret).copy()
    digest.update(signed.encode("ascii", "replace"))
    return digest.digest().translate(_LETTER).decode("ascii")


@lru_cache(maxsize=16)  # each message has a tag, and a key takes as long as a tag
def _keyed(secret: bytes) -> blake2b:
    return blake2b(key=secret, digest_size=SIGNATURE_LETTERS, person=b"tag")


def _earlier_signature(signed: str, key: TagKey) -> str:
    """As tags were signed before: HMAC-SHA256 (RFC 2104) takes four times as long. Such mail is still under way."""
    digest = hmac.digest(key.secret, b"tag\0" + signed.encode("ascii", "replace"), "sha256")
    return base64.b32encode(digest[:10]).decode("ascii").lower()
