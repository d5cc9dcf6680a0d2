"""Writes cards and numbers as TOML: the same values give the same octets, and floats read back as the same floats."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def packed(content: Struct | Mapping[str, object]) -> bytes:
    """TOML 1.0, tables in the order of the fields. Raises `TypeError` at what no model file holds, such as `None`.

    >>> packed({"name": "ledger", "sha256": {"prior.toml": "c2bc"}}).decode().splitlines()
    ['name = "ledger"', '', '[sha256]', '"prior.toml" = "c2bc"']
    """
    plain = msgspec.to_builtins(content, builtin_types=(date,), str_keys=True)
    return "".join(f"{line}\n" for line in _lines(plain, "")).lstrip("\n").encode()


def _lines(table: Mapping[str, object], name: str) -> Iterator[str]:
    """The table's own values first, because in TOML a value belongs to the header above it."""
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = f"{name}.{_key(key)}" if name else _key(key)
            if not value or not all(isinstance(one, Mapping) for one in value.values()):
                yield from ("", f"[{inner}]")
            yield from _lines(value, inner)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: object) -> str:
    match value:
        case str():
            return _string(value)
        case date():
            return value.isoformat()
        case float():
            return repr(value)  # the shortest digits that read back as this float
        case int() if not isinstance(value, bool):
            return str(value)
        case list() | tuple():
            return _array(value)
    msg = f"model files hold no {type(value).__name__}"
    raise TypeError(msg)


def _array(values: Sequence[object]) -> str:
    if any(isinstance(one, str) for one in values):  # texts are long: one a line
        return "[\n" + "".join(f"  {_value(one)},\n" for one in values) + "]"
    return f"[{', '.join(map(_value, values))}]"


def _string(text: str) -> str:
    # JSON's escapes are TOML's too; TOML wants DEL escaped as well.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
