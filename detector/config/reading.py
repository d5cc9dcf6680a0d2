"""From the text of the file to a `Config`, or to the complete list of complaints."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from detector.config.complaints import complaints
from detector.config.errors import ConfigError, Place, written
from detector.config.model import Config


def load(path: Path) -> Config:
    """Read the configuration file. Raises `ConfigError`."""
    return parse(read_text(path), str(path))


def read_text(path: Path) -> str:
    """What `parse` reads. Raises `ConfigError`.

    An empty file is refused, though nothing must stand in it: it is what a full disk, or an editor that writes this
    very moment, makes of a longer one, and a reload would observe only and send all mail to the default next hop.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}"
        raise ConfigError(msg) from error
    if not text.strip():
        msg = f"{path}: is empty; write at least `next_hop.servers`"
        raise ConfigError(msg)
    return text


def parse(text: str, source: str = "configuration") -> Config:
    """Read a configuration. Raises `ConfigError` with one line for every mistake, each with its place."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{source}: not TOML: {error}"
        raise ConfigError(msg) from error
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = [f"{source}: {text} - at `{written(place)}`" for place, text in _all_complaints(values, error.errors())]
        raise ConfigError("\n".join(lines)) from error


def _all_complaints(values: dict[str, Any], problems: list[ErrorDetails]) -> list[tuple[Place, str]]:
    """The complaints about single values, then the contradictions that pydantic does not look for beside those.

    What is wrong is taken out and the rest is read again; a contradiction about something taken out waits until that
    is mended.
    """
    told: list[tuple[Place, str]] = []
    taken: list[Place] = []
    while problems:
        found = [
            (tuple(_as_written(values, key) for key in keys), text, problem["type"])
            for problem in problems
            for keys, text in complaints(problem)
        ]
        told += [(keys[0], text) for keys, text, _ in found if not any(_related(k, t) for k in keys for t in taken)]
        removed = [(kind, place) for keys, _, kind in found for place in _take_out(values, keys, kind)]
        # A key that nobody knows changes nothing by its absence.
        taken += [place for kind, place in removed if kind != "extra_forbidden"]
        problems = _problems(values) if removed else []
    return told


def _as_written(values: dict[str, Any], place: Place) -> Place:
    """Without the number of an element where one table stands in place of a list of tables."""
    written_so: Place = ()
    for part in place:
        if not (isinstance(part, int) and isinstance(_at(values, written_so), dict)):
            written_so = (*written_so, part)
    return written_so


def _related(one: Place, other: Place) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _problems(values: dict[str, Any]) -> list[ErrorDetails]:
    try:
        Config.model_validate(values)
    except ValidationError as error:
        return error.errors()
    return []


def _take_out(values: dict[str, Any], keys: tuple[Place, ...], kind: str) -> list[Place]:
    removed = []
    for key in keys:
        place = key[:-1] if kind == "missing" else key
        # Without one of its elements a list would count differently, and later places would be wrong.
        while place and isinstance(place[-1], int):
            place = place[:-1]
        holder = _at(values, place[:-1])
        if place and isinstance(holder, dict) and place[-1] in holder:
            del holder[place[-1]]
            removed.append(place)
    return removed


def _at(values: Any, place: Place) -> object:
    """What stands at the place, or None."""
    for part in place:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values
