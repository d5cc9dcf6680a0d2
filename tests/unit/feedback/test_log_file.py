"""A log is followed through rotation of both kinds and through the end of our process: no line is lost."""

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.feedback.log_file import FileSource, LogFile
from detector.ports import Temporary


class House:
    """A log, who writes it, and who follows it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = ""
        self.found: list[str] = []
        self.problems: list[str] = []
        self.log: LogFile | None = None

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("a") as file:
            file.write("\n".join(lines) + end)

    def start(self) -> None:
        self.log = LogFile(self.path, self.position)

    def die(self) -> None:
        """And start again from what was kept."""
        self.stop()
        self.start()

    def stop(self) -> None:
        if self.log is not None:
            self.log.close()

    def read(self, looks: int = 20) -> list[str]:
        """All that is found in so many looks."""
        before = len(self.found)
        for _ in range(looks):
            assert self.log is not None
            batch = self.log.read()
            self.found += [line.decode() for line in batch.lines]
            self.position = batch.position or self.position
            self.problems += batch.problems
        return self.found[before:]

    def older(self, ending: str = ".1") -> Path:
        return self.path.with_name(self.path.name + ending)

    def rename(self) -> None:
        if self.older().exists():
            self.older().rename(self.older(".2"))
        self.path.rename(self.older())

    def copy_and_truncate(self) -> None:
        shutil.copyfile(self.path, self.older())
        os.truncate(self.path, 0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "mail.log")
    house.write("of long ago")
    house.start()
    house.read()
    yield house
    house.stop()


def test_a_log_is_followed_from_where_it_ends(house: House) -> None:
    assert house.found == []
    house.write("a", "b")
    assert house.read() == ["a", "b"]
    assert house.problems == []


def test_a_log_that_is_not_there_yet_is_read_whole(tmp_path: Path) -> None:
    house = House(tmp_path / "mail.log")
    house.start()
    assert house.read() == []
    house.write("a")
    assert house.read() == ["a"]
    house.stop()


def test_a_process_goes_on_where_another_ended(house: House) -> None:
    house.write("a")
    house.read()
    house.stop()
    house.write("b")
    house.start()
    assert house.read() == ["b"]


def test_the_position_of_a_log_is_known_before_its_first_line(house: House) -> None:
    house.stop()
    house.write("a")
    house.start()
    assert house.read() == ["a"]


def test_half_a_line_waits_for_its_other_half(house: House) -> None:
    house.write("a", "b1", end="")
    assert house.read() == ["a"]
    house.die()
    assert house.read() == []
    house.write("b2")
    assert house.read() == ["b1b2"]


# -- renamed --


def test_a_renamed_log_is_read_to_its_end_and_then_the_new_one(house: House) -> None:
    house.write("a", "b")
    house.rename()
    house.write("c")
    assert house.read() == ["a", "b", "c"]


def test_who_still_writes_to_the_renamed_log_is_heard(house: House) -> None:
    with house.path.open("a") as slow_writer:
        house.rename()
        house.path.touch()
        assert house.read() == []
        slow_writer.write("late\n")
    house.write("new")
    assert house.read() == ["late", "new"]


def test_the_last_line_of_a_renamed_log_needs_no_end(house: House) -> None:
    house.write("a", "b", end="")
    house.rename()
    house.write("c")
    assert house.read() == ["a", "b", "c"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_log_renamed_while_nobody_looked(house: House, times: int) -> None:
    house.write("a")
    house.read()
    house.stop()
    expected = []
    for number in range(times):
        house.write(f"before {number}")
        os.utime(house.path, (number + 1, number + 1))
        house.rename()
        expected.append(f"before {number}")
    house.write("after")
    house.start()
    assert house.read(40) == [*expected, "after"]
    assert house.problems == []


def test_a_log_renamed_twice_between_two_looks(house: House) -> None:
    for number in range(2):
        house.write(f"before {number}")
        os.utime(house.path, (number + 1, number + 1))
        house.rename()
    house.write("after")
    assert house.read(40) == ["before 0", "before 1", "after"]


def test_a_process_that_ends_amid_rotation_goes_on_with_the_old_log(house: House) -> None:
    house.write("a")
    house.rename()
    house.write("b")
    assert house.read(1) == ["a"]
    for _ in range(5):
        house.die()
        house.read(2)
    house.read()
    assert house.found == ["a", "b"]


def test_a_log_that_went_away_while_nobody_looked_leaves_a_gap(house: House) -> None:
    house.write("a")
    house.read()
    house.stop()
    house.rename()
    house.older(".1.gz").write_bytes(gzip.compress(house.older().read_bytes()))
    house.older().unlink()
    house.write("b")
    house.start()
    assert house.read() == ["b"]
    assert house.problems == ["gap"]


def test_logs_of_others_in_the_directory_are_left_alone(house: House) -> None:
    house.stop()
    for name in ("mail.log.err", "mail.log2.x", "other.1", "mail.log.1.gz", "mail.log-keep"):
        house.path.with_name(name).write_bytes(b"of another log\n")
    house.write("a")
    os.utime(house.path, (1, 1))
    house.rename()
    house.write("b")
    house.start()
    assert house.read(40) == ["a", "b"]


# -- copied and truncated --


def test_what_was_not_read_before_truncation_is_read_in_the_copy(house: House) -> None:
    house.write("a")
    assert house.read() == ["a"]
    house.write("b")
    house.copy_and_truncate()
    house.write("c")
    assert house.read(40) == ["b", "c"]
    assert house.problems == []


def test_truncation_is_seen_though_the_log_grew_beyond_what_was_read(house: House) -> None:
    house.write("a")
    house.read()
    house.copy_and_truncate()
    house.write("b" * 100, "c" * 100)
    assert house.read(40) == ["b" * 100, "c" * 100]


def test_truncation_while_nobody_looked(house: House) -> None:
    house.write("a")
    house.read()
    house.stop()
    house.write("b")
    house.copy_and_truncate()
    house.write("c" * 100)
    house.start()
    assert house.read(40) == ["b", "c" * 100]


def test_truncation_without_a_copy_leaves_a_gap(house: House) -> None:
    house.write("a")
    house.read()
    os.truncate(house.path, 0)
    house.write("b")
    assert house.read() == ["b"]
    assert house.problems == ["gap"]


def open_files(directory: Path) -> list[str]:
    """Those of this process that are in it, or were; other tests may have left threads that open and close theirs."""
    found = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    return [path for path in found if path.startswith(f"{directory}/")]


def test_an_open_file_is_closed_when_it_is_done_with(house: House) -> None:
    before = open_files(house.path.parent)
    assert before
    for number in range(10):
        house.write(f"a{number}")
        house.rename()
        house.older(".2").unlink(missing_ok=True)
        house.write(f"b{number}")
        house.read()
    assert len(open_files(house.path.parent)) == len(before)
    assert house.found == [f"{letter}{number}" for number in range(10) for letter in "ab"]


# -- as a source --


async def test_a_source_first_tells_its_position_and_then_its_lines(house: House) -> None:
    source = FileSource(house.path, "")
    first = await source.read()
    assert (first.lines, first.position) == ([], house.position)
    house.write("a")
    assert (await source.read()).lines == [b"a"]
    await source.close()


async def test_a_log_that_may_not_be_read_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    source = FileSource(tmp_path / "loop", "")
    for _ in range(2):
        with pytest.raises(Temporary, match="loop"):
            await source.read()
    await source.close()
