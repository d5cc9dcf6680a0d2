"""`detector check` as an operator types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector.cli.main import app
from tests.support.ports import HOST, free_port
from tests.support.smtp_sink import SmtpSink


def write(directory: Path, next_hop: int, more: str = "") -> Path:
    path = directory / "detector.toml"
    path.write_text(
        f"""
        relay = {{listen = ["{HOST}:{free_port()}"]}}
        policy_service = {{listen = ["{HOST}:{free_port()}"]}}
        metrics = {{listen = "{HOST}:{free_port()}"}}
        next_hop = {{servers = ["{HOST}:{next_hop}"]}}
        state = {{directory = "{directory / "state"}"}}
        {more}
        """,
        "utf-8",
    )
    return path


def test_a_configuration_that_works_has_no_problem_and_exit_status_0(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        result = CliRunner().invoke(app, ["check", str(write(tmp_path, sink.port))])
    assert result.exit_code == 0, result.output
    assert "0 problems" in result.output
    assert "can be listened on" in result.output
    assert not (tmp_path / "state").exists()


def test_a_problem_ends_with_exit_status_1_and_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--json", "--config", str(write(tmp_path, free_port()))])
    assert result.exit_code == 1
    problems = [finding for finding in json.loads(result.output) if finding["level"] == "problem"]
    assert len(problems) == 1
    assert problems[0]["about"].startswith(f"next_hop {HOST}:")
    assert "is the server up" in problems[0]["text"]


def test_one_line_for_each_thing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(write(tmp_path, free_port()))])
    lines = result.output.split("\n\n")[0].splitlines()
    assert all(line.startswith(("ok ", "hint ", "problem ")) for line in lines)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("observe = true", "everything passes"),
        ('identity = [{source = "envelope-sender"}]', "no source is trusted"),
        ('operators = {viewer = ["@no-such-group"]}', "@no-such-group is no group of this host"),
    ],
)
def test_what_keeps_it_from_acting_is_a_hint(tmp_path: Path, more: str, told: str) -> None:
    result = CliRunner().invoke(app, ["check", str(write(tmp_path, free_port(), more))])
    assert told in result.output
