"""The keys of held mail: the newest encrypts, each of them reads."""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from detector.config import Config, ConfigError, SecretSource
from detector.host import KEY_BYTES, own_key

_HEXADECIMAL = re.compile(rb"\s*([0-9A-Fa-f]{64})\s*")


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
        return HoldKeys([_configured(place, source) for place, source in enumerate(config.hold.keys)])
    return HoldKeys([HoldKey.of(own_key(config.hold_key, "what is held can be read by it only: restore it"))])


def _configured(place: int, source: SecretSource) -> HoldKey:
    where = f"hold.keys[{place}]"
    if source.file is not None:
        try:
            written = source.file.read_bytes()
        except OSError as error:
            msg = f"{where}: {source.file} cannot be read: {error.strerror}"
            raise ConfigError(msg) from error
    else:
        written = os.environ.get(source.environment or "", "").encode("utf-8", "surrogateescape")
    if len(written) == KEY_BYTES:
        return HoldKey.of(written)
    match = _HEXADECIMAL.fullmatch(written)
    if match is None:
        what = source.file or f"the variable {source.environment}"
        msg = f"{where}: {what} is no key of 64 hexadecimal digits; make one with `openssl rand -hex 32`"
        raise ConfigError(msg)
    return HoldKey.of(bytes.fromhex(match[1].decode("ascii")))
