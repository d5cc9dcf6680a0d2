"""Log files on disk."""

import gzip
import os
import re
from pathlib import Path

import pytest

from detector.replay.log_files import LINE_BYTES, NoLog, in_order, read_lines

WRITTEN = 1_772_712_000.0  # 2026-03-05


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    os.utime(path, (WRITTEN, WRITTEN))
    return str(path)


def lines_of(*names: str) -> list[bytes]:
    return [line for line, _ in read_lines(in_order(names), lambda _: None)]


def test_rotated_files_are_read_in_the_order_of_their_first_time_stamps(tmp_path: Path) -> None:
    newest = write(tmp_path / "mail.log", b"Mar  3 00:00:00 mx a\n")
    middle = write(tmp_path / "mail.log.1", b"no stamp\nFeb 24 00:00:00 mx b\n")
    oldest = write(tmp_path / "mail.log.2.gz", gzip.compress(b"Dec 30 00:00:00 mx c\nJan  2 00:00:00 mx d\n"))
    empty = write(tmp_path / "mail.log.3", b"")
    assert [line[-2:-1] for line in lines_of(newest, empty, oldest, middle)] == [b"c", b"d", b"p", b"b", b"a"]


def test_gzip_is_known_whatever_the_file_is_called(tmp_path: Path) -> None:
    assert lines_of(write(tmp_path / "mail.log", gzip.compress(b"Mar  3 00:00:00 mx a\n"))) == [
        b"Mar  3 00:00:00 mx a\n"
    ]


def test_a_line_without_end_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    name = write(tmp_path / "mail.log", b"Mar  3 00:00:00 mx " + b"x" * 3 * LINE_BYTES)
    assert max(map(len, lines_of(name))) == LINE_BYTES


def test_progress_ends_at_the_size_of_the_files(tmp_path: Path) -> None:
    content = b"".join(b"Mar  3 00:00:00 mx %d\n" % number for number in range(20_000))
    logs = in_order([write(tmp_path / "a", content), write(tmp_path / "b", gzip.compress(content))])
    steps: list[int] = []
    for _ in read_lines(logs, steps.append):
        pass
    assert len(steps) > 4
    assert sum(steps) == sum(log.size_bytes for log in logs)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoLog, match=re.escape(f"{tmp_path}/none: cannot be read: No such file")):
        in_order([str(tmp_path / "none")])
    with pytest.raises(NoLog, match="is this a log"):
        in_order([write(tmp_path / "picture", b"\x89PNG\n\x1a\n")])
    with pytest.raises(NoLog, match="damaged: cannot be read"):
        lines_of(write(tmp_path / "damaged", gzip.compress(b"Mar  3 00:00:00 mx a\n" * 5000)[:-9]))
    with pytest.raises(NoLog, match="damaged: cannot be read"):
        lines_of(write(tmp_path / "damaged", gzip.compress(b"Mar  3 00:00:00 mx a\n")[:10] + b"\xff" * 40))
