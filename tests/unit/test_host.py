"""What the process asks of its host."""

import os
import stat
from pathlib import Path

import pytest

from detector import config
from detector.host import held_by_a_server, hold_alone, make_directories, recipient_key


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
