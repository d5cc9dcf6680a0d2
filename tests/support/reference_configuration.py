"""The page deploy/reference/configuration.md: meaning from deploy/detector.toml, type and default from the models."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import EnumType
from inspect import get_annotations
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from detector.config import Bytes, Config, Count, HostPort, Network, Seconds, SecretSource, Section
from detector.config.actions import Argv
from detector.config.database import DatabaseUrl
from detector.config.values import AbsolutePath, Flag, Nats

EXAMPLE = Path(__file__).parents[2] / "deploy" / "detector.toml"
HEADING = """\
# Configuration

Every setting, with its type, unit, default and meaning. Made by `make pages` from [detector.toml](../detector.toml),
which is a configuration that works and says the same in its comments, and from `detector/config/`.

A key that is not here does not exist. Paths are absolute. A *secret* is never written into the file: `{ file =
"/etc/detector/x.key" }` or `{ environment = "X_KEY" }` say where it stands. *needed* stands where there is no default.
`detector check` names every mistake at once; `detector doctor` tells what your file changes.
"""
NAMED = (
    (Seconds, "seconds"),
    (Nats, "nats"),
    (Bytes, "bytes"),
    (Count, "number, from 1"),
    (Flag, "true or false"),
    (AbsolutePath, "path"),
    (Network, "network"),
    (Argv, "list of words"),
    (DatabaseUrl, "URL of a database"),
    (HostPort, "host:port"),
    (SecretSource, "secret"),
    (IPv4Network, "network"),
    (IPv6Network, "network"),
    (bool, "true or false"),
    (int, "number"),
    (float, "number"),
    (str, "text"),
    (Path, "path"),
)
"""The first that it is: kinds that pydantic has merged into one are still different names in the class."""

TABLE = re.compile(r"#?\[+([\w.]+)\]+(?: # (.*))?")
KEY = re.compile(r"#?([a-z_]+) = (.*)")
KINDS = ("provider", "source")
"""The key that says which of several ways a table is."""


@dataclass(slots=True)
class Table:
    """A table of the example file: the comment above it, and its keys with their value and meaning."""

    name: str
    several: bool
    text: str
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    kind: str = ""


def tables() -> Iterator[Table | str]:
    """Those of the example file in their order; between them the headings of its chapters as text."""
    above: list[str] = []
    table = Table("", False, "")
    for line in EXAMPLE.read_text("utf-8").splitlines():
        chapter = re.fullmatch(r"# == (.*) ==", line)
        if chapter or not line or line.startswith("# "):
            if chapter and table.keys:
                yield table
                table = Table("", False, "")
            if chapter:
                yield chapter[1]
            above = [] if chapter or not line else [*above, line[2:]]
        elif found := TABLE.fullmatch(line):
            if table.keys:
                yield table
            table, above = Table(found[1], "[[" in line, " ".join(filter(None, (*above, found[2] or "")))), []
        elif found := KEY.fullmatch(line):
            value, meaning = _parted(found[2])
            table.keys.setdefault(found[1], (value, ". ".join(filter(None, (meaning, " ".join(above))))))
            table.kind = value.strip('"') if found[1] in KINDS else table.kind
            above = []
    yield table


def _parted(text: str) -> tuple[str, str]:
    """A value, and the comment behind it."""
    quoted = False
    for place, character in enumerate(text):
        quoted ^= character == '"'
        if not quoted and text.startswith(" # ", place):
            return text[:place], text[place + 3 :]
    return text, ""


def section_of(table: Table) -> type[Section]:
    """The class behind a table. Raises `LookupError` for one that no model has."""
    found: list[type[Section]] = [Config]
    for name in filter(None, table.name.split(".")):
        found = [one for section in found if name in section.model_fields for one in _sections(_hint(section, name))]
    if table.kind:
        kinds = [one for one in found if table.kind in _choices(one)]
        found = kinds or found
    if not found:
        raise LookupError(table.name)
    return next((one for one in found if set(table.keys) <= set(one.model_fields)), found[0])


def _hint(section: type[Section], name: str) -> Any:
    """The annotation as it stands in the class, or in the class above that has it."""
    return next(hints[name] for one in section.__mro__ if name in (hints := get_annotations(one)))


def _sections(hint: Any) -> list[type[Section]]:
    if isinstance(hint, type) and issubclass(hint, Section):
        return [hint]
    return [one for argument in get_args(hint) for one in _sections(argument)]


def _choices(section: type[Section]) -> set[str]:
    return {word for key in KINDS if key in section.model_fields for word in get_args(_hint(section, key))}


def type_in_words(hint: Any) -> str:
    """As an operator must write it."""
    for known, words in NAMED:
        if hint is known:
            return words
    origin, arguments = get_origin(hint), get_args(hint)
    choices = arguments if origin is Literal else tuple(hint.__members__.values()) if isinstance(hint, EnumType) else ()
    if choices:
        return " or ".join(f'`"{one}"`' for one in choices)
    if origin in {tuple, frozenset}:
        return f"list of {type_in_words(arguments[0])}"
    if origin in {Union, UnionType}:
        kinds = dict.fromkeys(type_in_words(one) for one in arguments if one is not type(None))
        return " or ".join(kinds)
    if origin is Annotated:
        return _bounded(type_in_words(arguments[0]), arguments[1:])
    inside = _sections(hint)
    return f"table of {', '.join(f'`{name}`' for name in inside[0].model_fields)}" if inside else "text"


def _bounded(words: str, metadata: tuple[Any, ...]) -> str:
    bounds = [one for item in metadata if isinstance(item, FieldInfo) for one in item.metadata]
    signs = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    told = [f"{sign} {getattr(one, name)}" for one in bounds for name, sign in signs.items() if hasattr(one, name)]
    return ", ".join([words, *told]) if words == "number" else words


def default_in_words(section: type[Section], name: str) -> str:
    """As TOML has it."""
    info = section.model_fields[name]
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    if value is None or (type(value) is not HostPort and isinstance(value, Section)):
        return ""
    return f"`{in_toml(value)}`"


def in_toml(value: object) -> str:
    """A value as it is written."""
    if isinstance(value, tuple | frozenset):
        return f"[{', '.join(sorted(map(in_toml, value)) if isinstance(value, frozenset) else map(in_toml, value))}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, IPv4Network | IPv6Network) and value.num_addresses == 1:
        return f'"{value.network_address}"'
    return f'"{value}"'


def page() -> str:
    """The whole page."""
    parts, told, named = [HEADING], set[tuple[str, type[Section], str]](), set[str]()
    for table in tables():
        if isinstance(table, str):
            parts.append(f"\n## {table}\n")
            continue
        section = section_of(table)
        fresh = [key for key in table.keys if (table.name, section, key) not in told]
        if table.name and table.name not in named:
            parts.append(f"\n### {'[[' if table.several else '['}{table.name}{']]' if table.several else ']'}\n")
            named.add(table.name)
        parts += [f"\n{table.text}\n"] if table.text else []
        if not fresh:
            continue
        parts.append("\n| key | type | default | meaning |\n|---|---|---|---|\n")
        parts += [_row(section, key, table) for key in fresh]
        told |= {(table.name, section, key) for key in fresh}
    return "".join(parts)


def _row(section: type[Section], key: str, table: Table) -> str:
    example, meaning = table.keys[key]
    words, default = type_in_words(_hint(section, key)), default_in_words(section, key)
    if key in KINDS and table.kind:
        words, default, meaning = f'`"{table.kind}"`', "needed", "this way of several"
    elif default == "needed":
        default = f"needed, like `{example}`"
    if key.endswith("bytes"):
        words = words.replace("number", "bytes")
    cells = (f"`{key}`", words, default, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
