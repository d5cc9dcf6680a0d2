"""A message as it was written: its header, gone through once for all who ask, and what follows."""

from msgspec import Struct

from detector.mail.headers import Header


class Written(Struct, frozen=True, gc=False):
    """A message, or a part of one: its header, and what follows it in `octets[start:end]`.

    Large ones are looked at where they lie: to cut them out would cost more than to read them.
    """

    header: Header
    octets: bytes
    start: int
    end: int

    @classmethod
    def of(cls, octets: bytes) -> "Written":
        header = Header.of(octets)
        return cls(header, octets, len(header.section), len(octets))

    @property
    def rest(self) -> bytes:
        """The octets after the header section and its empty line."""
        return self.octets[self.start : self.end]

    @property
    def size_bytes(self) -> int:
        return len(self.header.section) + self.end - self.start


NOTHING = Written.of(b"")
