"""A message as it was written: its header, gone through once for all who ask, and what follows."""

from msgspec import Struct

from detector.mail.headers import Header


class Written(Struct, frozen=True, gc=False):
    """A message, or a part of one. `rest` are the octets after the header section and its empty line."""

    header: Header
    rest: bytes

    @classmethod
    def of(cls, octets: bytes) -> "Written":
        header = Header.of(octets)
        return cls(header, octets[len(header.section) :])

    @property
    def size_bytes(self) -> int:
        return len(self.header.section) + len(self.rest)


NOTHING = Written.of(b"")
