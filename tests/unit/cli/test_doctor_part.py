"""Facts with units, and whether all is well."""

import pytest

from detector.cli.doctor_part import Fact, Part, days_since, in_words, report
from detector.cli.finding import hint, ok, problem
from detector.cli.words import DAY


@pytest.mark.parametrize(
    ("name", "fact", "words", "value"),
    [
        ("memory_bytes", 900, "memory", "900 B"),
        ("memory_bytes", 1536, "memory", "1.5 KiB"),
        ("total_bytes", 7 * 1024**4, "total", "7.0 TiB"),
        ("total_bytes", 5000 * 1024**4, "total", "5000.0 TiB"),
        ("age_days", 1, "age", "1 day"),
        ("handed_over.sqlite_bytes", 10, "handed_over.sqlite", "10 B"),
        ("frozen until_at", 0.0, "frozen until", "1970-01-01 00:00:00 UTC"),
        ("running", False, "running", "no"),
        ("version", "0.1.0", "version", "0.1.0"),
        ("closed incidents", 3, "closed incidents", "3"),
    ],
)
def test_a_fact_is_read_with_its_unit(name: str, fact: Fact, words: str, value: str) -> None:
    assert in_words(name, fact) == (words, value)


def test_only_a_problem_makes_it_unwell() -> None:
    fine = Part("a", {}, [ok("x", "fine"), hint("y", "might be better")])
    assert report(1.0, [fine]).well
    assert not report(1.0, [fine, Part("b", {}, [problem("z", "mend it")])]).well


def test_days_are_whole_days() -> None:
    assert days_since(0.0, 1.9 * DAY) == 1
