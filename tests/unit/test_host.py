"""What the process asks of its host."""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from detector import config
from detector.host import Ground, held_by_a_server, hold_alone, make_directories, recipient_key


def test_directories_are_for_us_alone(tmp_path: Path) -> None:
    settings = config.parse(f'state.directory = "{tmp_path}/state"')
    make_directories(settings)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (settings.state.directory, settings.spool_directory)}
    assert modes == {0o700}


def test_a_directory_that_cannot_be_made_is_the_operators_turn(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(config.ConfigError, match="cannot be made"):
        make_directories(config.parse(f'state.directory = "{tmp_path}/file/state"'))


def test_the_key_of_all_hashes_is_made_once_and_is_secret(tmp_path: Path) -> None:
    path = tmp_path / "recipient.key"
    key = recipient_key(path)
    assert (len(key), recipient_key(path), stat.S_IMODE(path.stat().st_mode)) == (32, key, 0o600)


def test_a_state_directory_has_one_holder(tmp_path: Path) -> None:
    lock = hold_alone(tmp_path)
    with pytest.raises(config.ConfigError, match="another running detector"):
        hold_alone(tmp_path)
    os.close(lock)
    os.close(hold_alone(tmp_path))


def test_a_key_that_was_cut_off_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "recipient.key").write_bytes(b"")
    with pytest.raises(config.ConfigError, match="0 octets, not 32"):
        recipient_key(tmp_path / "recipient.key")


def test_whether_a_server_has_the_directory_can_be_seen_from_outside(tmp_path: Path) -> None:
    assert not held_by_a_server(tmp_path)
    lock = hold_alone(tmp_path)
    assert held_by_a_server(tmp_path)
    os.close(lock)
    assert not held_by_a_server(tmp_path)
    os.close(hold_alone(tmp_path))  # who has looked keeps nothing


def run_as_root_with(directory: Path) -> tuple[list[int], int, bool]:
    """What becomes of a process of root: user and group ids, the limit of core files, what `become_owner` says."""
    words = (
        "import os, resource, sys; from pathlib import Path; from detector.host import become_owner, leave_no_core;"
        "leave_no_core(); root = become_owner(Path(sys.argv[1]));"
        "print(*os.getresuid(), *os.getresgid(), resource.getrlimit(resource.RLIMIT_CORE)[1], root)"
    )
    told = subprocess.run([sys.executable, "-c", words, directory], capture_output=True, text=True, check=True).stdout
    *numbers, core, root = told.split()
    return [int(number) for number in numbers[:6]], int(core), root == "True"


def anybody_may_read(path: str) -> bool:
    return all(above.stat().st_mode & 0o005 == 0o005 for above in Path(path).parents)


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can become somebody else")
@pytest.mark.parametrize("number", [pwd.getpwnam("nobody").pw_uid, 54_321], ids=["nobody", "a user without a name"])
def test_root_goes_on_as_the_owner_of_the_directory_and_writes_no_core(tmp_path: Path, number: int) -> None:
    directory = tmp_path / "state"
    directory.mkdir()
    os.chown(directory, number, number)
    if anybody_may_read(os.__file__):
        assert run_as_root_with(directory) == ([number] * 6, 0, False)
    else:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            run_as_root_with(directory)
        assert f"belongs to user {number}, who may not read" in refused.value.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can stay root")
def test_where_the_directory_is_roots_it_stays_root_and_knows_it(tmp_path: Path) -> None:
    assert run_as_root_with(tmp_path) == ([0] * 6, 0, True)
    assert run_as_root_with(tmp_path / "missing") == ([0] * 6, 0, True)


def test_a_directory_that_is_not_the_same_any_more_is_noticed_until_it_is_back(tmp_path: Path) -> None:
    directory, moved = tmp_path / "state", tmp_path / "moved"
    directory.mkdir()
    ground = Ground(directory)
    (directory / "file").touch()
    ground.check()
    directory.rename(moved)
    for _ in range(2):
        with pytest.raises(OSError, match=r"state was removed or replaced .* restart the detector"):
            ground.check()
        directory.mkdir(exist_ok=True)
    directory.rmdir()
    moved.rename(directory)
    ground.check()


def test_of_what_was_not_there_nothing_is_asked(tmp_path: Path) -> None:
    ground = Ground(tmp_path / "later")
    ground.check()
    (tmp_path / "later").mkdir()
    ground.check()
