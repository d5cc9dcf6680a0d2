"""Where operators work: nobody is anonymous, and nothing is made that the server should make."""

from pathlib import Path

import pytest

from detector.cli.office import login, name_of, opened
from detector.config import ConfigError


def test_behind_sudo_the_person_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "olga")
    assert login() == "olga"
    monkeypatch.delenv("SUDO_USER")
    assert login()


def test_the_program_itself_is_nobody_who_decides() -> None:
    with pytest.raises(ConfigError, match="--actor NAME"):
        name_of("", "detector")
    assert name_of("olga", "detector") == "olga (by detector)"


def test_records_are_not_begun_by_an_operator(tmp_path: Path) -> None:
    config = tmp_path / "detector.toml"
    config.write_text(f'[state]\ndirectory = "{tmp_path}"\n', "utf-8")
    with pytest.raises(ConfigError, match="there are no records at"), opened(config, "olga"):
        pass
    assert not (tmp_path / "records.sqlite").exists()
