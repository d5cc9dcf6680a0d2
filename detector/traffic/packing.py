"""A profile as bytes and back: MessagePack arrays, so that fields added later at the end may be missing."""

import msgspec
from msgspec.structs import replace

from detector.traffic.profile import Profile

MOST_BYTES = 4096

_decoder = msgspec.msgpack.Decoder(Profile)


def pack(profile: Profile) -> bytes:
    """At most `MOST_BYTES`, whatever the account did.

    Few accounts fill every field; in one that does, those recipients are forgotten that were not needed for longest.
    """
    packed = msgspec.msgpack.encode(profile)
    excess = len(packed) - MOST_BYTES
    if excess <= 0:
        return packed
    return msgspec.msgpack.encode(replace(profile, known=profile.known.shorter(excess)))


def unpack(packed: bytes) -> Profile:
    """The profile that was packed. Raises `ValueError` for anything else."""
    try:
        return _decoder.decode(packed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        msg = f"not a packed profile: {error}"
        raise ValueError(msg) from error
