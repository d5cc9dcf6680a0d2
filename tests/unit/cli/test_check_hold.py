from pathlib import Path

from detector import config
from detector.cli.check_hold import check_hold
from detector.cli.finding import Finding, Level
from detector.relay.held_files import HeldFiles
from detector.relay.held_keys import HoldKey, HoldKeys, load_keys


def settings(directory: Path, *lines: str) -> config.Config:
    return config.parse("\n".join((f'state.directory = "{directory}"', *lines)))


def find(directory: Path, *lines: str) -> list[Finding]:
    return list(check_hold(settings(directory, *lines)))


def put(files: HeldFiles) -> None:
    files.directory.mkdir(exist_ok=True)
    writer = files.create("t1")
    writer.write(b"text")
    writer.commit()


def test_before_the_first_start_nothing_is_made_and_nothing_is_wrong(tmp_path: Path) -> None:
    (finding,) = find(tmp_path)
    assert finding.level is Level.OK
    assert list(tmp_path.iterdir()) == []


def test_held_mail_that_can_be_read_is_in_order(tmp_path: Path) -> None:
    put(HeldFiles(tmp_path / "held", load_keys(settings(tmp_path))))
    assert {finding.level for finding in find(tmp_path, "hold.free_bytes = 0")} == {Level.OK}


def test_a_key_that_is_missing_is_a_problem_and_is_named(tmp_path: Path) -> None:
    load_keys(settings(tmp_path))
    lost = HoldKey.of(b"l" * 32)
    put(HeldFiles(tmp_path / "held", HoldKeys([lost])))
    problems = [one for one in find(tmp_path, "hold.free_bytes = 0") if one.level is Level.PROBLEM]
    assert [one.text for one in problems] == [
        f"1 held message needs key {lost.key_id}, which is not here: add the key of that time"
    ]


def test_a_key_that_is_none_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    (finding,) = find(tmp_path, f'hold.keys = [{{ file = "{tmp_path}/key" }}]')
    assert finding.level is Level.PROBLEM


def test_too_little_room_is_a_problem_and_no_hold_a_hint(tmp_path: Path) -> None:
    put(HeldFiles(tmp_path / "held", load_keys(settings(tmp_path))))
    levels = [one.level for one in find(tmp_path, f"hold.free_bytes = {2**62}", "hold.messages = 0")]
    assert levels == [Level.HINT, Level.OK, Level.PROBLEM]
