"""The command as it is typed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli.main import app

pytestmark = pytest.mark.debian("postfix")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\nrelayhost = [smtp.example.net]:587\n", "utf-8")
    (tmp_path / "master.cf").write_text("587 inet n - y - - smtpd\n    -o smtpd_sasl_auth_enable=yes\n", "utf-8")
    return tmp_path


def test_it_prints_and_changes_nothing(directory: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.iterdir()}
    done = CliRunner().invoke(app, ["setup", "postfix", "--directory", str(directory)])
    assert done.exit_code == 0
    assert "Recommended: relayhost, because" in done.output
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.iterdir()} == before


def test_it_takes_the_addresses_of_the_configuration(directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "detector.toml"
    file.write_text('relay.listen = ["127.0.0.1:2500"]\n', "utf-8")
    words = ["setup", "postfix", "--way", "relayhost", "--directory", str(directory), "--config", str(file)]
    assert "relayhost = [127.0.0.1]:2500" in CliRunner().invoke(app, words).output


def test_a_configuration_that_is_named_and_not_there_is_an_error(directory: Path, tmp_path: Path) -> None:
    words = ["setup", "postfix", "--directory", str(directory), "--config", str(tmp_path / "none.toml")]
    assert CliRunner().invoke(app, words).exit_code == 2
