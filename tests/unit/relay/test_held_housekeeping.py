from collections.abc import Iterator
from pathlib import Path

import pytest

from detector import config
from detector.metrics import Metrics
from detector.records.held_entries import HeldMessage, HeldState
from tests.support.held_house import HeldWorld, a_held_message, make_world

DAY = 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[HeldWorld]:
    made = make_world(tmp_path, config.parse(""), Metrics("test"), lambda: 0.0)
    yield made
    made.records.close()


def put(world: HeldWorld, message: HeldMessage, recorded: bool = True) -> None:
    writer = world.files.create(message.message_id)
    writer.write(b"text")
    writer.commit()
    if recorded:
        world.records.put_held(message)


def names(world: HeldWorld) -> list[str]:
    return sorted(path.name for path in world.files.directory.iterdir())


def test_at_start_what_a_crash_left_is_put_in_order(world: HeldWorld) -> None:
    put(world, a_held_message("whole"))
    put(world, a_held_message("unrecorded"), recorded=False)
    put(world, a_held_message("sending", state=HeldState.SENDING))
    (world.files.directory / "unfinished.new").write_bytes(b"x")
    world.records.put_held(a_held_message("lost"))
    world.housekeeping.begin(50.0)
    assert names(world) == ["sending.held", "unrecorded.aside", "whole.held"]
    assert {one.message_id: one.state for one in world.all()} == {
        "whole": HeldState.HELD,
        "sending": HeldState.IN_DOUBT,
        "lost": HeldState.HELD,
    }
    assert world.value("detector_held_damaged") == 1
    assert world.value("detector_held_results_total", result="in_doubt") == 1


def test_what_other_processes_are_holding_at_this_moment_is_left_to_them(world: HeldWorld) -> None:
    """Workers that have outlived their first process: a file comes before its row."""
    put(world, a_held_message("unrecorded"), recorded=False)
    (world.files.directory / "unfinished.new").write_bytes(b"x")
    world.housekeeping.begin(50.0, alone=False)
    assert names(world) == ["unfinished.new", "unrecorded.held"]
    world.housekeeping.begin(60.0)
    assert names(world) == ["unrecorded.aside"]


def test_files_that_other_hosts_recorded_in_the_same_database_are_not_missing_here(world: HeldWorld) -> None:
    world.records.put_held(a_held_message("there", spool="elsewhere"))
    world.housekeeping.begin(50.0)
    assert world.value("detector_held_damaged") == 0


def test_an_erasure_that_a_crash_cut_short_is_made_up_for(world: HeldWorld) -> None:
    world.records.put_held(a_held_message("gone", state=HeldState.RELEASED))
    world.housekeeping.begin(50.0)
    assert world.value("detector_held_damaged") == 0
    assert world.one().erased


def tidy(world: HeldWorld, now: float) -> None:
    """As in the second of two rounds by the same clock."""
    world.housekeeping.tidy(now)
    world.housekeeping.tidy(now)


def test_a_clock_that_is_ahead_at_the_start_and_put_right_within_the_hour_throws_nothing_away(world: HeldWorld) -> None:
    put(world, a_held_message("waits", held_at=0.0))
    put(world, a_held_message("discarded", state=HeldState.DISCARDED, changed_at=0.0))
    put(world, a_held_message("aside"), recorded=False)
    world.housekeeping.begin(3650 * DAY)
    for now in (3650 * DAY, 1 * DAY, 2 * DAY):
        world.housekeeping.tidy(now)
        world.housekeeping.erase()
    assert names(world) == ["aside.aside", "discarded.held", "waits.held"]
    assert sorted(world.states()) == [HeldState.DISCARDED, HeldState.HELD]


def test_nor_does_one_that_leaps_again_and_again(world: HeldWorld) -> None:
    put(world, a_held_message("waits", held_at=0.0))
    world.housekeeping.begin(1 * DAY)
    for now in (1 * DAY, 3650 * DAY, 7300 * DAY, 9000 * DAY, 1 * DAY, 3650 * DAY, 1 * DAY, 2 * DAY):
        world.housekeeping.tidy(now)
    assert names(world) == ["waits.held"]
    assert world.states() == [HeldState.HELD]


def test_discarded_mail_keeps_its_file_for_a_week_and_its_row_for_a_month(world: HeldWorld) -> None:
    put(world, a_held_message("t1", state=HeldState.DISCARDED, changed_at=0.0))
    tidy(world, 7 * DAY)
    assert names(world) == ["t1.held"]
    tidy(world, 7 * DAY + 1)
    assert names(world) == []
    assert world.one().erased
    tidy(world, 30 * DAY + 1)
    assert world.all() == []


def test_before_undecided_mail_goes_it_is_counted_as_expiring(world: HeldWorld) -> None:
    put(world, a_held_message("t1", held_at=0.0))
    tidy(world, 27 * DAY)
    assert world.value("detector_held_expiring") == 0
    tidy(world, 27 * DAY + 1)
    assert world.value("detector_held_expiring") == 1
    assert world.states() == [HeldState.HELD]
    tidy(world, 30 * DAY + 1)
    assert world.states() == [HeldState.DISCARDED]
    assert world.value("detector_held_expiring") == 0
    assert world.value("detector_held_results_total", result="expired") == 1
