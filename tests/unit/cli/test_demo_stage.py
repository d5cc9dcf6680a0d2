"""The demo's stage has all that its configuration names, and says why a detector does not start."""

from pathlib import Path

import pytest

from detector.cli.demo_stage import Stage, StageError
from detector.cli.demo_world import CUSTOMERS, VICTIM
from detector.config import load
from detector.response.directory import read_contacts


def test_the_configuration_is_right_and_its_files_are_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 2525)
    config = load(stage.config)
    assert not config.observe
    assert config.state.directory == stage.state
    assert stage.password_entry(VICTIM.account).startswith("{BLF-CRYPT}$2y$")
    contacts, problems = read_contacts(tmp_path / "customers.csv")
    assert (len(contacts), problems) == (len(CUSTOMERS), [])
    with pytest.raises(KeyError):
        stage.password_entry("nobody@hafen.example")


def test_a_detector_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 2525)
    stage.config.write_text("mode = 'sideways'\n")
    with pytest.raises(StageError, match=r"(?s)did not start.*sideways"), stage:
        pass


def test_events_are_read_once_and_only_when_they_are_complete(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 2525)
    stage.log.write_text('not json\n{"event": "started"}\n{"event": "ver')
    assert list(stage.new_events()) == [{"event": "started"}]
    with stage.log.open("a") as file:
        file.write('dict"}\n')
    assert list(stage.new_events()) == [{"event": "verdict"}]
    assert list(stage.new_events()) == []
