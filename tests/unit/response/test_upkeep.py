"""The hourly round: what was kept long enough goes, and nobody need look after it."""

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector import log
from detector.config import Config, State
from detector.config import Records as ConfiguredRecords
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.records.accountable import CALIBRATED
from detector.records.records import Exemption, Records
from detector.records.retention import Retention
from detector.response.upkeep import AGAIN, EVERY, Upkeep
from tests.support.relay_house import DictProfiles
from tests.support.response import NOW

DAY = 86_400.0
YEAR = 365 * DAY


class _Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class _Unreliable(Records):
    out_of_reach = False
    rounds = 0

    def enforce_retention(self, kept: Retention, now: float) -> dict[str, int]:
        self.rounds += 1
        if self.out_of_reach:
            raise Temporary("the server is gone")
        return super().enforce_retention(kept, now)


class _Profiles(DictProfiles):
    idle_before = 0.0

    async def forget_idle(self, before: float) -> None:
        self.idle_before = before


@pytest.fixture
def records(tmp_path: Path) -> Iterator[_Unreliable]:
    opened = _Unreliable(f"sqlite:///{tmp_path}/records.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def upkeep(records: _Unreliable) -> Upkeep:
    kept = ConfiguredRecords(keep_verdicts=DAY, keep_incidents=DAY)
    config = Config(records=kept, state=State(keep_profiles=10 * DAY))
    return Upkeep(records, _Profiles(), config, _Clock(), Metrics("test"))


def wait(upkeep: Upkeep, seconds: float) -> None:
    upkeep.clock.now += seconds  # type: ignore[attr-defined]


def removed(upkeep: Upkeep, kind: str) -> float | None:
    return upkeep.metrics.registry.get_sample_value("detector_records_removed_total", {"kind": kind})


async def test_what_was_kept_long_enough_goes_and_is_told(
    upkeep: Upkeep, records: _Unreliable, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "info")
    told_others: list[float] = []
    upkeep.others = [told_others.append]
    records.exempt(Exemption("ann", NOW - 2 * DAY, "olga", ""), NOW)
    records.exempt(Exemption("bob", NOW, "olga", ""), NOW)
    await upkeep.tidy()
    assert upkeep.profiles.idle_before == -math.inf  # type: ignore[attr-defined]
    assert told_others == [-math.inf]
    wait(upkeep, EVERY)
    await upkeep.tidy()
    assert list(records.standing().exemptions) == ["bob"]
    assert removed(upkeep, "exemptions") == 1
    await asyncio.sleep(0)  # what a turn of the event loop tells is written at its end
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["exemptions"]) == ("records_removed", 1)
    assert upkeep.profiles.idle_before == NOW - 10 * DAY  # type: ignore[attr-defined]
    assert told_others[1:] == [NOW]


async def test_a_clock_that_is_ahead_at_the_start_and_put_right_within_the_hour_erases_nothing(
    upkeep: Upkeep, records: _Unreliable
) -> None:
    records.exempt(Exemption("bob", NOW, "olga", ""), NOW)
    wait(upkeep, 10 * YEAR)
    await upkeep.tidy()
    wait(upkeep, AGAIN - 10 * YEAR)
    await upkeep.tidy()
    wait(upkeep, EVERY)
    await upkeep.tidy()
    assert list(records.standing().exemptions) == ["bob"]
    assert records.rounds == 3
    assert upkeep.profiles.idle_before == NOW + AGAIN - 10 * DAY  # type: ignore[attr-defined]


@pytest.mark.parametrize("leaps", [(10 * YEAR, YEAR, YEAR), (10 * YEAR, -5 * YEAR, 2 * DAY, YEAR), (2 * DAY,) * 5])
async def test_nor_does_one_that_leaps_again_and_again(
    upkeep: Upkeep, records: _Unreliable, leaps: tuple[float, ...]
) -> None:
    records.exempt(Exemption("bob", NOW + DAY, "olga", ""), NOW)
    await upkeep.tidy()
    for leap in leaps:
        wait(upkeep, leap)
        await upkeep.tidy()
    assert list(records.standing().exemptions) == ["bob"]


async def test_the_round_is_made_once_an_hour(upkeep: Upkeep, records: _Unreliable) -> None:
    await upkeep.tidy()
    wait(upkeep, EVERY - 1.0)
    await upkeep.tidy()
    assert records.rounds == 1
    wait(upkeep, 1.0)
    await upkeep.tidy()
    assert records.rounds == 2


async def test_a_round_that_fails_is_told_and_made_again_in_a_minute(
    upkeep: Upkeep, records: _Unreliable, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("json", "info")
    records.out_of_reach = True
    await upkeep.tidy()
    told = json.loads(capsys.readouterr().err)
    assert (told["event"], told["operation"], told["problem"]) == ("records_failed", "upkeep", "the server is gone")
    records.out_of_reach = False
    await upkeep.tidy()
    assert records.rounds == 1
    wait(upkeep, AGAIN)
    await upkeep.tidy()
    assert records.rounds == 2


async def test_the_last_calibration_is_told_and_never_is_zero(upkeep: Upkeep, records: _Unreliable) -> None:
    value = upkeep.metrics.registry.get_sample_value
    await upkeep.tidy()
    assert value("detector_calibrated_timestamp_seconds") == 0
    records.audit("eve", *CALIBRATED, NOW + 1.0)
    upkeep.clock = lambda: NOW + EVERY + 1.0
    await upkeep.tidy()
    assert value("detector_calibrated_timestamp_seconds") == NOW + 1.0
