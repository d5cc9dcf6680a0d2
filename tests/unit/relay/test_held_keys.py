from pathlib import Path

import pytest

from detector import config
from detector.relay.held_keys import HoldKey, load_keys

OLD, NEW = "0a" * 32, "0b" * 32


def settings(directory: Path, keys: str = "[]") -> config.Config:
    return config.parse(f'state.directory = "{directory}"\nhold.keys = {keys}')


def test_without_a_key_of_the_operator_we_make_one_for_ourselves_once(tmp_path: Path) -> None:
    first = load_keys(settings(tmp_path))
    assert load_keys(settings(tmp_path)).newest == first.newest
    assert (tmp_path / "hold.key").stat().st_mode & 0o777 == 0o600


def test_keys_stand_in_files_and_in_the_environment_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").write_text(f"{NEW}\n")
    (tmp_path / "new").chmod(0o600)
    monkeypatch.setenv("OLD_KEY", OLD)
    keys = load_keys(settings(tmp_path, f'[{{ file = "{tmp_path}/new" }}, {{ environment = "OLD_KEY" }}]'))
    assert keys.newest == HoldKey.of(bytes.fromhex(NEW))
    assert keys.get(HoldKey.of(bytes.fromhex(OLD)).key_id) == HoldKey.of(bytes.fromhex(OLD))
    assert keys.get("unknown") is None


def test_the_octets_of_a_key_that_we_made_can_be_configured_too(tmp_path: Path) -> None:
    made = load_keys(settings(tmp_path)).newest
    assert load_keys(settings(tmp_path, f'[{{ file = "{tmp_path}/hold.key" }}]')).newest == made


@pytest.mark.parametrize("written", ["", "0a0a", "zz" * 32])
def test_what_is_no_key_is_a_mistake_of_the_configuration(tmp_path: Path, written: str) -> None:
    (tmp_path / "key").write_text(written)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(config.ConfigError, match=r"hold\.keys\[0\]: .*key is no key .*openssl rand -hex 32"):
        load_keys(settings(tmp_path, f'[{{ file = "{tmp_path}/key" }}]'))


def test_a_key_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(NEW)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(config.ConfigError, match=r"hold\.keys\[0\]: everybody may read .*chmod o-rwx"):
        load_keys(settings(tmp_path, f'[{{ file = "{tmp_path}/key" }}]'))


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"hold\.keys\[0\]: .*absent cannot be read"):
        load_keys(settings(tmp_path, f'[{{ file = "{tmp_path}/absent" }}]'))


def test_a_key_does_not_show_itself() -> None:
    assert "secret" not in repr(HoldKey.of(b"s" * 32))
