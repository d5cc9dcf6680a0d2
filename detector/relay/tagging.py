"""Marks what leaves with our tag: a field under our `Received`, and if asked for the envelope sender."""

from collections.abc import Sequence
from dataclasses import dataclass

from detector.config import Config
from detector.host import configured_key, own_key
from detector.mail.path import parse_mail
from detector.mail.tag import TagKey, tag_of, tagged


@dataclass(frozen=True, slots=True)
class Tagger:
    """Without a `key` it marks nothing. `header` is the name of the field, empty for none."""

    key: TagKey | None = None
    header: str = ""
    in_envelope: bool = False

    @property
    def strips(self) -> frozenset[str]:
        """Lower-case names of fields that must not come in: else old tags, and tags of others, would pass for ours."""
        return frozenset({self.header.lower()} if self.header else ())

    def field(self, transaction_id: str, now: float) -> bytes:
        """The line for the header, or nothing."""
        if self.key is None or not self.header:
            return b""
        return f"{self.header}: {tag_of(transaction_id, now, self.key)}\r\n".encode("ascii")

    def mail(self, argument: str, transaction_id: str, now: float) -> str:
        """The argument of MAIL, word for word but for the tag of the sender."""
        if self.key is None or not self.in_envelope:
            return argument
        sender = parse_mail(argument).address
        marked = tagged(sender, tag_of(transaction_id, now, self.key))
        # A sender in an odd spelling is left alone: what we cannot put back exactly, we do not touch.
        written = f"<{sender}>"
        return argument.replace(written, f"<{marked}>", 1) if written in argument else argument


def tag_keys(config: Config) -> Sequence[TagKey]:
    """Newest first: those that are configured, or our own, made at the first start. Raises `ConfigError`."""
    tags = config.feedback.tags
    if tags.keys:
        return [TagKey.of(configured_key(f"feedback.tags.keys[{at}]", one)) for at, one in enumerate(tags.keys)]
    own = tags.own_key(config.state.directory)
    return [TagKey.of(own_key(own, "restore it, or remove it: reports about mail that left before will not count"))]


def known_tag_keys(config: Config) -> Sequence[TagKey]:
    """As `tag_keys`, but no key is made: there may be none yet. Raises `ConfigError`."""
    tags = config.feedback.tags
    return tag_keys(config) if tags.keys or tags.own_key(config.state.directory).exists() else []


def build_tagger(config: Config) -> Tagger:
    """Raises `ConfigError`."""
    tags = config.feedback.tags
    if not (tags.in_header or tags.in_envelope):
        return Tagger()
    return Tagger(tag_keys(config)[0], tags.header if tags.in_header else "", tags.in_envelope)
