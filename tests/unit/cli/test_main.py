"""The command line as a whole: help that teaches and costs little."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from detector.cli.main import app
from detector.config.reload import SECTIONS
from detector.content.kernel import COMPILED
from tests.support.ports import PATIENCE

COMMANDS = (
    [],
    ["serve"],
    ["check"],
    ["doctor"],
    ["demo"],
    ["replay"],
    ["calibrate"],
    ["accounts"],
    *[["accounts", name] for name in ("list", "show", "exempt", "unexempt", "cohort", "release")],
    ["incidents"],
    *[["incidents", name] for name in ("list", "show", "confirm", "dismiss")],
    ["train"],
    ["train", "content"],
    ["audit"],
    *[["audit", name] for name in ("list", "verify")],
)
HEAVY = ("dbos", "aiosmtpd", "sqlalchemy", "rich.table", "httpx", "alembic")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_command_has_a_help_that_fits_a_terminal(words: list[str]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5
    assert max(map(len, result.output.splitlines())) <= 100
    if len(words) == 2:
        assert "Example" in result.output
        assert "--json" in result.output


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from detector.cli.main import app\n"
        "try: app(['accounts', '--help'])\n"
        f"except SystemExit: print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_operators_commands_load_no_relay() -> None:
    code = (
        "import sys, detector.cli.account_pages, detector.cli.dossier, detector.cli.incident_pages\n"
        "print([name for name in ('dbos', 'aiosmtpd', 'httpx', 'detector.app') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_told_and_whether_it_is_compiled() -> None:
    told = CliRunner().invoke(app, ["--version"]).output
    assert told.startswith("detector 0.")
    assert told.endswith("(compiled)\n" if COMPILED else "(not compiled)\n")


def test_serve_says_what_a_reload_does_not_take_over() -> None:
    told = " ".join(CliRunner().invoke(app, ["serve", "--help"]).output.split())
    _, _, restarts = told.partition("These take a restart: ")
    assert set(re.findall(r"[\w.]+", restarts.partition(". ")[0])) >= {"relay.listen", *SECTIONS}


def test_serve_says_what_is_wrong_with_its_configuration() -> None:
    result = CliRunner().invoke(app, ["serve", "/nowhere/detector.toml"])
    assert result.exit_code == 2
    assert "/nowhere/detector.toml: cannot be read" in result.stderr
