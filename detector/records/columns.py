"""Kinds of columns that the records have beside those of the database."""

import json
import re
from typing import Any

import msgspec
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

AWKWARD = re.compile("[\\\\\x00\ud800-\udfff]")
ESCAPED = re.compile(r"\\u([0-9a-f]{4})")


def escape(text: str) -> str:
    r"""A text that every database can hold: a login may carry octets that are not UTF-8, as surrogate escapes.

    >>> escape("EXAMPLE\\ann")
    'EXAMPLE\\u005cann'
    """
    return AWKWARD.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """What `escape` was given."""
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


class Word(TypeDecorator[str]):
    """Any Python text, read back equal."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's own
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else unescape(value)


class Json(TypeDecorator[Any]):
    """A value of our own types as JSON text, read back equal, infinities included."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        # json, not msgspec.json: it writes infinities and surrogate escapes (as \udc80) and reads them back.
        return json.dumps(msgspec.to_builtins(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return msgspec.convert(json.loads(value), self.kind)
