"""What `detector doctor` knows, part by part: facts with their units, and what is wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from detector.cli.finding import Finding, Level
from detector.cli.words import DAY, counted, moment, span

Fact = str | int | float | bool

BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the page. The name of a fact ends with its unit: `_bytes`, `_seconds`, `_days`, `_at` (Unix time)."""

    name: str
    facts: Mapping[str, Fact]
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All of one moment (Unix seconds). It is well when nothing in it is a problem."""

    at: float
    well: bool
    parts: Sequence[Part]


def report(at: float, parts: Sequence[Part]) -> Report:
    """Put the parts together."""
    return Report(at, not any(one.level is Level.PROBLEM for part in parts for one in part.findings), parts)


def in_words(name: str, fact: Fact) -> tuple[str, str]:
    """A fact as people read it: its name without the unit, and the value with it.

    >>> in_words("free_bytes", 5 * 2**30), in_words("uptime_seconds", 400_000.0), in_words("ready", True)
    (('free', '5.0 GiB'), ('uptime', '4 days'), ('ready', 'yes'))
    """
    name, _, unit = name.rpartition("_") if name.endswith(("_bytes", "_seconds", "_days", "_at")) else (name, "", "")
    words = name if "." in name else name.replace("_", " ")  # of a file or a setting
    if isinstance(fact, bool):
        return words, "yes" if fact else "no"
    if unit and isinstance(fact, int | float):
        return words, _measured(float(fact), unit)
    return words, str(fact)


def _measured(value: float, unit: str) -> str:
    if unit == "at":
        return f"{moment(value)} UTC"
    if unit == "bytes":
        return _octets(value)
    return span(value) if unit == "seconds" else counted(int(value), "day")


def _octets(value: float) -> str:
    for unit in BYTES[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {BYTES[-1]}"


def days_since(then: float, now: float) -> int:
    """Whole days."""
    return int((now - then) / DAY)
