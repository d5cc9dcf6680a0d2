"""Where lines of a log come from."""

from typing import NamedTuple, Protocol


class Batch(NamedTuple):
    """Lines without their ends, and from where to go on once they count; empty for a source that cannot go back.

    `problems` are labels of the metric `feedback_log_problems`, one for each line or place.
    """

    lines: list[bytes]
    position: str = ""
    problems: tuple[str, ...] = ()


class Source(Protocol):
    """One log. Made with the position up to which its lines count, as an earlier process has kept it."""

    async def read(self) -> Batch:
        """Wait until there is something. Raises `Temporary`."""
        ...

    async def close(self) -> None: ...
