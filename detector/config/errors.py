"""What can be wrong with a configuration, in words for the operator."""

from collections.abc import Iterable
from dataclasses import dataclass

Place = tuple[str | int, ...]


class ConfigError(Exception):
    """The operator must act; the text says on what, and where. One line for each mistake."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Values that are right alone and wrong together. `keys` are relative to the section; the first is shown."""

    text: str
    keys: tuple[Place, ...]


class Contradictions(ValueError):
    """All contradictions that one section found in itself; pydantic carries it to the reader."""

    def __init__(self, found: Iterable[Contradiction]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(contradiction.text for contradiction in self.found))


def written(place: Place) -> str:
    """The place as an operator reads it.

    >>> written(("identity", 0, "name"))
    '$.identity[0].name'
    """
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
