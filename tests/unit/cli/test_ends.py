"""Operators' mistakes end in words and a status, never in a traceback."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from detector.cli.ends import Commands, Impossible
from detector.cli.main import app
from detector.cli.page import Page
from detector.config import ConfigError
from detector.models import ModelError
from detector.ports import Refused, Temporary


@pytest.mark.parametrize(
    ("error", "status"),
    [(Impossible, 1), (Refused, 1), (ConfigError, 2), (ModelError, 2), (Temporary, 75)],
)
def test_each_kind_of_error_has_its_status_and_all_its_lines(error: type[Exception], status: int) -> None:
    commands = typer.Typer(cls=Commands)

    @commands.command()
    def fail() -> None:
        raise error("first\nsecond")

    @commands.callback()
    def root() -> None: ...

    result = CliRunner().invoke(commands, ["fail"])
    assert result.exit_code == status
    assert result.stderr == "detector: first\ndetector: second\n"


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    commands = typer.Typer(cls=Commands, pretty_exceptions_enable=False)

    @commands.command()
    def fail() -> None:
        raise ZeroDivisionError

    @commands.callback()
    def root() -> None: ...

    assert isinstance(CliRunner().invoke(commands, ["fail"]).exception, ZeroDivisionError)


def test_what_a_terminal_cannot_show_is_written_as_its_code() -> None:
    commands = typer.Typer(cls=Commands)

    @commands.command()
    def say() -> None:
        Page().line("Böb")

    @commands.callback()
    def root() -> None: ...

    result = CliRunner(charset="ascii").invoke(commands, ["say"])
    assert (result.exit_code, result.stdout) == (0, "B\\xf6b\n")


def test_every_mistake_of_a_configuration_is_told(tmp_path: Path) -> None:
    config = tmp_path / "detector.toml"
    config.write_text('mode = "sideways"\nobserv = true\n', "utf-8")
    result = CliRunner().invoke(app, ["incidents", "list", "-c", str(config)])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert "did you mean `observe`?" in result.stderr


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["incidents", "list", "-c", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_who_may_not_open_the_files_hears_as_whom_to_do_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    config = tmp_path / "detector.toml"
    config.write_text(f'state.directory = "{tmp_path}"', "utf-8")
    monkeypatch.setattr(Path, "exists", forbidden)
    result = CliRunner().invoke(app, ["incidents", "list", "-c", str(config)])
    assert result.exit_code == 77
    assert f"{tmp_path}/records.sqlite: this user has no right to it (Permission denied)" in result.stderr
    assert "`sudo -u USER detector incidents list`" in result.stderr
