"""Mail that waits: where it lies, by which keys it is encrypted, how much of it, and for how long."""

from typing import Annotated

from pydantic import Field

from detector.config.values import AbsolutePath, Bytes, Count, Seconds, SecretSource, Section


class Hold(Section):
    """The spool of held mail. `messages = 0` holds nothing: doubtful mail is deferred (451) instead."""

    directory: AbsolutePath | None = None
    keys: tuple[SecretSource, ...] = ()
    messages: Annotated[int, Field(ge=0, strict=True)] = 100_000
    bytes: Bytes = 10_737_418_240
    messages_per_account: Count = 10_000
    bytes_per_account: Bytes = 1_073_741_824
    free_bytes: Annotated[int, Field(ge=0, strict=True)] = 268_435_456
    retry_time: Seconds = 432_000.0  # RFC 5321 section 4.5.4.1: at least 4-5 days
    keep: Seconds = 2_592_000.0
    keep_discarded: Seconds = 604_800.0
