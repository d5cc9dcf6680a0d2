"""What `detector check` finds: one line for each thing that the configuration names."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a thing is."""

    OK = "ok"
    HINT = "hint"  # it works; an operator may want it otherwise
    PROBLEM = "problem"  # it does not work; the text says what to do


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is the place in the configuration."""

    level: Level
    about: str
    text: str


def ok(about: str, text: str) -> Finding:
    return Finding(Level.OK, about, text)


def hint(about: str, text: str) -> Finding:
    return Finding(Level.HINT, about, text)


def problem(about: str, text: str) -> Finding:
    return Finding(Level.PROBLEM, about, text)
