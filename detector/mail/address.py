"""A mailbox as it stands in MAIL FROM and RCPT TO."""

from functools import lru_cache

from msgspec import Struct
from msgspec.structs import force_setattr


class Address(Struct, frozen=True, gc=False):
    """A mailbox, or the null reverse-path when both parts are empty (RFC 5321 sections 4.1.2 and 4.5.5).

    `key` is always made of both: the same for all spellings that lead to one mailbox in practice, with case folded.

    Octets that are not UTF-8 are kept as surrogate escapes, so that the address can be told back exactly.

    >>> Address.parse("ann@example.org").domain
    'example.org'
    >>> Address.parse("").is_null
    True
    """

    local_part: str
    domain: str
    key: str = ""

    def __post_init__(self) -> None:
        force_setattr(self, "key", f"{self.local_part}@{self.domain}".lower())

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Split at the last `@`; a quoted local part may contain others (RFC 5321 section 4.1.2)."""
        return _parsed(text)

    @property
    def is_null(self) -> bool:
        return not self.local_part and not self.domain

    def __str__(self) -> str:
        return f"{self.local_part}@{self.domain}" if self.domain else self.local_part


@lru_cache(maxsize=4096)  # the same ones come again and again
def _parsed(text: str) -> Address:
    local_part, at, domain = text.rpartition("@")
    # RFC 5321 section 4.1.1.3: "postmaster" stands alone
    return Address(local_part, domain) if at else Address(text, "")
