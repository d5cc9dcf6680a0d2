"""A profile as bytes and back: MessagePack arrays, so that fields added later at the end may be missing."""

import msgspec

from detector.traffic.profile import Profile

MOST_BYTES = 4096

_decoder = msgspec.msgpack.Decoder(Profile)


def pack(profile: Profile) -> bytes:
    """At most `MOST_BYTES`, whatever the account did."""
    return msgspec.msgpack.encode(profile)


def unpack(packed: bytes) -> Profile:
    """The profile that was packed. Raises `ValueError` for anything else."""
    try:
        return _decoder.decode(packed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        msg = f"not a packed profile: {error}"
        raise ValueError(msg) from error
