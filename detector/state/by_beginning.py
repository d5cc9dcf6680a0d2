"""Rows that are found by how their values begin: there is no index for it, so all of them are looked through."""

from collections.abc import Collection
from itertools import groupby
from pathlib import Path

from detector.state.table import reading

BEGINNINGS = 1_000
"""Asked for in one statement; SQLite takes 32,766 values in one."""


def keys_of_values(path: Path, beginnings: Collection[bytes]) -> list[str]:
    """The keys of all values with one of these beginnings: open, read, close. Raises `Temporary`.

    All rows are looked through, once for each thousand beginnings.
    """
    ordered, found = sorted(beginnings, key=len), list[str]()
    with reading(path) as connection:
        if connection is None:
            return []
        for start in range(0, len(ordered), BEGINNINGS):
            some = ordered[start : start + BEGINNINGS]
            by_length = groupby(some, key=len)
            alike = [f"substr(value, 1, {length}) IN ({', '.join('?' for _ in group)})" for length, group in by_length]
            query = f"SELECT key FROM rows WHERE {' OR '.join(alike)}"  # noqa: S608 - lengths and question marks
            keys = connection.execute(query, some).fetchall()
            found += [bytes(key).decode("utf-8", "surrogateescape") for (key,) in keys]
    return found
