"""From a report to the transaction that it is about: by the tag that it brings back, and only by that."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from detector.mail.address import Address
from detector.mail.delivery import RECIPIENT_BYTES
from detector.mail.headers import Header
from detector.mail.tag import Refusal, TagKey, best_of, transaction_of, untagged
from detector.reports.values import Bounce, Complaint, Failed, NotAReport, Report
from detector.traffic.memory import keyed_hash

MOST_TAGS = 20

_ADDRESSED = (b"delivered-to", b"x-original-to", b"envelope-to", b"to")
_TAGGED = re.compile(r"bt=[^\s<>,;:\"]{1,250}@[^\s<>,;:\"]{1,250}", re.IGNORECASE)


class Loose(StrEnum):
    """A report without any tag."""

    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True)
class Ties:
    """`header` is the name of our field; `lifetime` that of a tag, in seconds."""

    keys: Sequence[TagKey]
    header: str
    lifetime: float

    def transaction(self, report: Report, own: Header, now: float) -> str | Refusal | Loose:
        """The id of the transaction, or why there is none. `own` is the header of the report itself.

        The uppermost tag of the returned message is ours: we take away those that come in. Without one, the envelope
        sender may have carried it, to whom the report came back.
        """
        tags = [*self._returned(report), *_addressed(own)][:MOST_TAGS]
        if not tags:
            return Loose.UNTAGGED
        return best_of(transaction_of(tag, self.keys, now, self.lifetime) for tag in tags)

    def is_tagged(self, address: Address, now: float) -> bool:
        """Whether it is an envelope sender that we have tagged, of late."""
        tag = untagged(address)[1]
        return bool(tag) and not isinstance(transaction_of(tag, self.keys, now, self.lifetime), Refusal)

    def _returned(self, report: Report) -> list[str]:
        if isinstance(report, NotAReport):
            return []
        return report.original.header.values(self.header.lower().encode("ascii"))


def meant(report: Bounce | Complaint, recipients: frozenset[bytes], key: bytes) -> dict[bytes, Failed | None]:
    """Those of the transaction's recipients (keyed hashes) whom the report means; of a bounce, with what it says.

    A report that names nobody means the only recipient, if there is one only. Who was no recipient is left out.
    """
    named: dict[bytes, Failed | None] = {}
    if isinstance(report, Bounce):
        for failed in report.recipients:
            for address in (failed.address, failed.original):
                named.setdefault(_hashed(address, key), failed)
    else:
        named = dict.fromkeys(_hashed(address, key) for address in report.recipients)
    if not named and len(recipients) == 1:
        return dict.fromkeys(recipients)
    return {hashed: failed for hashed, failed in named.items() if hashed in recipients}


def _hashed(address: str, key: bytes) -> bytes:
    return keyed_hash(untagged(Address.parse(address))[0].key, key, RECIPIENT_BYTES)


def _addressed(own: Header) -> Iterator[str]:
    for name in _ADDRESSED:
        for value in own.values(name)[:MOST_TAGS]:
            for found in _TAGGED.findall(value[:4000]):
                tag = untagged(Address.parse(found))[1]
                if tag:
                    yield tag
