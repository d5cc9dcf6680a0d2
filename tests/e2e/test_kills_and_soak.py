"""The benches of kills and of the soak, for a few seconds: the books of mail must agree in the end.

`python -m tests.bench.kills` and `python -m tests.bench.soak` do the same for two hundred moments, and for hours.
"""

import pytest

from tests.bench.kills import FIRST, WORKER, kills, kills_alone, table
from tests.bench.soak import Minute, Size, soak

pytestmark = [pytest.mark.e2e, pytest.mark.debian("redis-server"), pytest.mark.timeout(900)]

MOMENTS = 10
SECONDS = 12.0
MORE_MB = 60.0
"""Megabytes that a process may take more at the end of so few seconds: caches fill at first."""
MORE_FILES = 60
"""As many connections may come and go at a time."""


def test_ten_deaths_of_workers_and_first_processes_cost_no_mail_and_lift_no_block() -> None:
    report = kills(MOMENTS, seed=5, rate=40.0)
    assert report.wrong == []
    assert len(report.books.digests) >= MOMENTS
    assert report.in_force == report.moments >= MOMENTS
    assert {WORKER, FIRST} <= set(report.deaths)
    assert " 0, altered 0" in table([report])


def test_a_process_that_does_everything_alone_dies_and_costs_no_mail_and_lifts_no_block() -> None:
    report = kills_alone(2, seed=5, rate=40.0)
    assert report.wrong == []
    assert report.in_force == report.moments == 2


def test_what_breaks_all_the_time_costs_no_mail_no_task_and_no_descriptors() -> None:
    minutes: list[Minute] = []
    report = soak(Size(SECONDS, SECONDS / 4), seed=3, told=minutes.append)
    assert report.wrong == []
    assert report.faults.total() > 0
    first, last = minutes[0], minutes[-1]
    assert all(last.resident_mb[name] < size + MORE_MB for name, size in first.resident_mb.items())
    assert all(last.files[name] < files + MORE_FILES for name, files in first.files.items())
