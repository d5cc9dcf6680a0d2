"""What timelines tell of mailings and of programs."""

import gzip
from pathlib import Path
from statistics import fmean, pstdev

import pytest

from detector.traffic.clock import DAY
from detector.training.assumptions import LETTER, STREAM
from detector.training.prior import LEAST_DAYS, Life, life_of
from detector.training.senders import INDEX, MANY, as_often, as_uneven, programs

FIRST = 14_000


def life(*counts: int) -> Life:
    """A message to so many people at noon of each day."""
    return life_of(
        ((FIRST + day) * DAY + DAY / 2, [f"friend{number}" for number in range(count)])
        for day, count in enumerate(counts)
    )


def test_the_share_of_days_is_that_of_those_who_ever_write_to_many() -> None:
    many = int(MANY) + 10
    people, club = life(*[2] * 30), life(*[1, 1, 1, 1, 1, 1, 1, 1, 1, many, 1, 1, 1, 1, 1, 1, 1, 1, 1, many])
    assert as_often(LETTER, [people, club]).often == pytest.approx(0.1)
    assert as_often(LETTER, [people]) == LETTER


def test_programs_are_read_as_if_each_message_went_to_another_customer(tmp_path: Path) -> None:
    path = tmp_path / "robots_automated.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        file.write("timestamp_utc_seconds,sender,message_id_or_empty,recipients\n")
        file.writelines(f"{(FIRST + n // 4) * DAY + n % 4 * 60:.0f},robot,,list\n" for n in range(4 * LEAST_DAYS))
        file.write(f"{(FIRST + LEAST_DAYS) * DAY:.0f},newcomer,,list\n")
    (robot,) = programs(path)
    assert [today.messages for today in robot.days] == [4] * LEAST_DAYS
    assert robot.days[0].peaks[INDEX["recipients_24h"]] == pytest.approx(4.0, rel=0.01)


def test_the_spread_is_that_of_the_median_program() -> None:
    even, uneven, wild = life(*[5] * 20), life(*[2, 40] * 10), life(*[1] * 19, 500)
    daily = [today.peaks[INDEX["recipients_24h"]] for today in uneven.days]
    found = as_uneven(STREAM, [even, uneven, wild])
    assert found.spread == pytest.approx(pstdev(daily) / fmean(daily), rel=0.01)
    assert found.parts["recipients_24h"] == STREAM.parts["recipients_24h"]
    assert found.parts["recipients_10m"] <= found.parts["recipients_2h"] <= 1.0
    assert as_uneven(STREAM, []) == STREAM
