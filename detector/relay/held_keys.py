"""The keys of held mail: the newest encrypts, each of them reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from detector.config import Config
from detector.host import configured_key, own_key


@dataclass(frozen=True, slots=True)
class HoldKey:
    """`key_id` is made of the secret, so that nobody can give two keys one name."""

    key_id: str
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "HoldKey":
        return cls(hashlib.sha256(b"held mail, name of a key\0" + secret).hexdigest()[:8], secret)


@dataclass(frozen=True, slots=True)
class HoldKeys:
    """Newest first; there is at least one."""

    keys: Sequence[HoldKey]

    @property
    def newest(self) -> HoldKey:
        return self.keys[0]

    def get(self, key_id: str) -> HoldKey | None:
        return next((key for key in self.keys if key.key_id == key_id), None)


def load_keys(config: Config) -> HoldKeys:
    """Those that are configured, or our own, which is made at the first start. Raises `ConfigError`."""
    if config.hold.keys:
        sources = enumerate(config.hold.keys)
        return HoldKeys([HoldKey.of(configured_key(f"hold.keys[{place}]", source)) for place, source in sources])
    return HoldKeys([HoldKey.of(own_key(config.hold_key, "what is held can be read by it only: restore it"))])
