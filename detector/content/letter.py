"""A message as it is read: values only."""

import re

from msgspec import Struct

_ADDRESS = re.compile(r"[\d.]+|\[.*\]|0x[0-9a-f]+")


class Link(Struct, frozen=True, gc=False):
    """`shape` is the path without what varies from message to message: numbers, tokens, the query."""

    host: str
    shape: str
    misleading: bool = False

    @property
    def numeric(self) -> bool:
        """The host is an address, no name."""
        return _ADDRESS.fullmatch(self.host) is not None


class Structure(Struct, frozen=True, gc=False):
    """What a message is made of. `attachments` are file name extensions, or media types where there is no name."""

    html: bool = False
    form: bool = False
    images: int = 0
    only_image: bool = False
    hidden: int = 0  # characters that nobody sees
    misleading: int = 0  # links whose text names another host
    attachments: tuple[str, ...] = ()


PLAIN = Structure()


class Letter(Struct, frozen=True, gc=False):
    """What the reader of a message sees. `text` is folded; the sender's own words come first, what he quotes last."""

    subject: str
    text: str
    quoted: str
    links: tuple[Link, ...]
    reply_to: str
    structure: Structure
