"""`detector feedback` as an operator types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector import config
from detector.cli.main import app
from detector.cli.office import clock
from detector.mail.tag import tag_of
from detector.relay.tagging import tag_keys

BOUNCE = """From: MAILER-DAEMON@mx.example
Subject: failure notice

<bob@example.net>:
Remote host said: 550 5.1.1 User unknown

--- Below this line is a copy of the message.

Received: by hop.example id 4XyZ1234
{tag}Message-ID: <1@customer.example>

hello
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    file = tmp_path / "detector.toml"
    file.write_text(f'state.directory = "{tmp_path}"\n')
    return file


def tag(settings_file: Path) -> str:
    key = tag_keys(config.load(settings_file))[0]
    return f"X-Transaction-Tag: {tag_of('0123456789abcdef', clock(), key)}\n"


def test_a_bounce_is_told_with_its_transaction(settings_file: Path, tmp_path: Path) -> None:
    bounce = tmp_path / "bounce.eml"
    bounce.write_text(BOUNCE.format(tag=tag(settings_file)))
    result = CliRunner().invoke(app, ["feedback", "--config", str(settings_file), str(bounce)])
    assert result.exit_code == 0
    assert "bob@example.net: no such user" in result.output
    assert "transaction 0123456789abcdef" in result.output


def test_a_program_gets_everything_as_json(settings_file: Path, tmp_path: Path) -> None:
    bounce = tmp_path / "bounce.eml"
    bounce.write_text(BOUNCE.format(tag=tag(settings_file)))
    result = CliRunner().invoke(app, ["feedback", "--json", "--config", str(settings_file), str(bounce)])
    told = json.loads(result.output)
    (report,) = told["reports"]
    assert (report["kind"], report["tie"], report["transaction"]) == ("bounce", "tied", "0123456789abcdef")
    assert report["recipients"][0]["cause"] == "no such user"
    assert report["queue_ids"] == ["4XyZ1234"]
    assert told["counts"] == {"bounce": 1, "tied": 1}


def test_a_forged_report_is_called_forged(settings_file: Path, tmp_path: Path) -> None:
    bounce = tmp_path / "bounce.eml"
    bounce.write_text(BOUNCE.format(tag=tag(settings_file).replace("0123456789abcdef", "f" * 16)))
    result = CliRunner().invoke(app, ["feedback", "--json", "--config", str(settings_file), str(bounce)])
    assert json.loads(result.output)["counts"] == {"bounce": 1, "forged": 1}


def test_looking_makes_no_key(settings_file: Path, tmp_path: Path) -> None:
    bounce = tmp_path / "bounce.eml"
    bounce.write_text(BOUNCE.format(tag=""))
    result = CliRunner().invoke(app, ["feedback", "--config", str(settings_file), str(bounce)])
    assert "There is no key yet" in result.output
    assert not (tmp_path / "tag.key").exists()


def test_a_file_that_is_not_there_is_named(settings_file: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["feedback", "--config", str(settings_file), f"{tmp_path}/none"])
    assert result.exit_code == 1
    assert f"{tmp_path}/none: cannot be read" in result.output


def test_standard_input_may_be_a_mailbox(settings_file: Path) -> None:
    box = "".join(f"From MAILER-DAEMON Mon Jan  1 00:00:00 2024\n{BOUNCE.format(tag='')}\n" for _ in range(3))
    command = [sys.executable, "-m", "detector", "feedback", "--json", "--config", str(settings_file), "-"]
    result = subprocess.run(command, input=box, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["counts"] == {"bounce": 3, "untagged": 3}


def test_a_file_of_a_maildir_that_cannot_be_read_is_named_in_one_line(settings_file: Path, tmp_path: Path) -> None:
    for part in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / part).mkdir(parents=True)
    loop = tmp_path / "Maildir" / "new" / "löop"
    loop.symlink_to(loop)
    words = ["feedback", "--config", str(settings_file), str(tmp_path / "Maildir")]
    result = CliRunner(charset="ascii").invoke(app, words)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.endswith("/Maildir/new/l\\xf6op: cannot be read: Too many levels of symbolic links")
