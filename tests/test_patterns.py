"""Regular expressions mean the same on each Python that we name.

Before 3.11.5 a repeated group that must not give back, `(?:...)*+`, went on from a wrong place when its last repetition
failed half-way (gh-100061, gh-106052), and Debian 12 has 3.11.2. The same in other words, `(?>(?:...)*)`, was always
right, and so was what repeats single characters: `[a-z]++`.
"""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

import detector

parser: Any = importlib.import_module("re._parser")
SINGLE = {"LITERAL", "NOT_LITERAL", "IN", "ANY"}


def patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for module in pkgutil.walk_packages(detector.__path__, "detector."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{module.name}.{name}", value


def is_risky(steps: Iterable[Any]) -> bool:
    """Whether a group is repeated possessively, at any depth of a parsed pattern."""
    for step in steps:
        name, detail = (str(step[0]), step[1]) if isinstance(step, tuple) and step else ("", step)
        if name == "POSSESSIVE_REPEAT" and [str(one[0]) for one in detail[2]] not in [[single] for single in SINGLE]:
            return True
        if isinstance(detail, list | tuple | parser.SubPattern) and is_risky(detail):
            return True
    return False


def test_no_group_is_repeated_in_the_way_that_old_pythons_get_wrong() -> None:
    found = list(patterns())
    assert len(found) > 50
    assert not [name for name, pattern in found if is_risky(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))]


@pytest.mark.parametrize(("pattern", "risky"), [
    ("(?:ab?c)*+", True),
    ("x(?:y|(z(?:a+b){0,3}+))", True),
    ("(?=(?:a b)?+)", True),
    ("(?>(?:ab?c)*)[a-z]++\\s*+.?+a{2,3}+", False),
])  # fmt: skip
def test_such_a_group_is_found_at_any_depth(pattern: str, risky: bool) -> None:
    assert is_risky(parser.parse(pattern)) is risky
