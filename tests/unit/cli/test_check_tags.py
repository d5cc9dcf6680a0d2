"""`detector check` says whether reports can be tied to mail."""

from pathlib import Path

from detector import config
from detector.cli.check_tags import check_tags
from detector.cli.finding import Level
from detector.relay.tagging import tag_keys


def settings(folder: Path, more: str = "") -> config.Config:
    return config.parse(f'state.directory = "{folder}"\n{more}')


def test_a_key_that_is_not_there_yet_is_no_problem_and_is_not_made(tmp_path: Path) -> None:
    (found,) = check_tags(settings(tmp_path))
    assert (found.level, "first start" in found.text) == (Level.OK, True)
    assert not (tmp_path / "tag.key").exists()


def test_the_key_in_use_is_named(tmp_path: Path) -> None:
    (key,) = tag_keys(settings(tmp_path))
    (found,) = check_tags(settings(tmp_path))
    assert f"key {key.key_id}, 1 key in all" in found.text


def test_a_key_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (found,) = check_tags(settings(tmp_path, f'feedback.tags.keys = [{{ file = "{tmp_path}/none" }}]'))
    assert (found.level, f"{tmp_path}/none cannot be read" in found.text) == (Level.PROBLEM, True)


def test_a_tagged_sender_must_be_undone_elsewhere(tmp_path: Path) -> None:
    found = list(check_tags(settings(tmp_path, "feedback.tags.in_envelope = true")))
    assert [one.level for one in found] == [Level.OK, Level.HINT]


def test_without_tags_that_is_said(tmp_path: Path) -> None:
    (found,) = check_tags(settings(tmp_path, "feedback.tags.in_header = false"))
    assert found.level is Level.HINT
