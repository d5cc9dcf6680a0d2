"""Every command of the pages is run, each in a house of its own in which something has happened; the few that are not,
stand here with the reason."""

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from detector.cli.ends import LATER
from detector.cli.main import app
from detector.cli.office import clock
from detector.feedback.maildir import Spool
from detector.records.held_entries import HeldState
from tests.support import packages
from tests.support.ports import PATIENCE
from tests.support.seeded_house import ANN, CODE, HELD, SeededHouse, seeded_house
from tests.test_documentation import BLOCK, PAGES, ROOT, complaint, named, shown, text_of
from tests.unit.replay.postfix_log import Log

OURS = re.compile(r"(?:.*\| ?)?(?:\w+=\S+ )?(?:sudo -u \w+ )?(?:sudo )?(?:\.venv/bin/)?detector ([a-z].*)")
ENDS = {"|", "<", ">", "&&"}
NOT_RUN = {
    ("serve",): "runs until it is told to stop; tests/e2e runs it",
    ("demo",): "takes a minute; tests/e2e/test_demo.py runs it",
    ("train", "content"): "needs the corpora and minutes; tests/unit/cli/test_train.py runs it with little ones",
    ("train", "ledger"): "the same",
}
MAY_SAY_NO = {("check",), ("doctor",)}
"""They end with 1 where something is wrong, and in this house no server runs."""

BOUNCE = """From: MAILER-DAEMON@mx.example
Subject: failure notice

<bob@example.net>:
Remote host said: 550 5.1.1 User unknown
"""
PLACES = {
    "/etc/detector/detector.toml": "detector.toml",
    "/tmp/new.toml": "detector.toml",
    "/var/log/mail.log*": "mail.log",
    "/var/log/mail.log": "mail.log",
    "/var/log/detector.log": "mail.log",
    "/root/": "",
    "/var/backups/detector/": "",
    "/var/backups/": "",
    "~postmaster/Maildir": "Maildir",
    "~ann/Maildir/.Sent": "Maildir",
    "/etc/postfix-out": "postfix-out",
    "bounce.eml": "bounce.eml",
    "abuse.mbox": "abuse.mbox",
    "report.html": "report.html",
    "report.json": "report.json",
}
"""Files that the pages name, and what stands for them in the house."""

SERVER_DOES = {("accounts", "forget"), ("accounts", "correct")}
"""A part is done by the server, and none runs here."""

Before = Callable[[SeededHouse], None]


def run(house: SeededHouse, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=typed, env={"DETECTOR_CONFIG": str(house.path), "COLUMNS": "120"})


def first(*words: str) -> Before:
    """Another command goes before."""

    def before(house: SeededHouse) -> None:
        result = run(house, *words)
        assert result.exit_code == 0, result.output

    return before


def in_doubt(house: SeededHouse) -> None:
    """The held message was being sent when the program died."""
    first("held", "release", HELD)(house)
    with house.records() as records:
        assert records.claim_held(HELD, (), 1.0)
        assert records.doubt_held("spool-1", 2.0) == [HELD]


def backed_up(house: SeededHouse) -> None:
    first("records", "backup", str(house.directory / "records-2027-01-31.sqlite"))(house)
    shutil.copy(house.directory / "records-2027-01-31.sqlite", house.directory / "records-before-upgrade.sqlite")


def begun(house: SeededHouse) -> None:
    """A server has made its directories."""
    Spool(house.config.reports_directory).make()


BEFORE: dict[tuple[str, ...], Before] = {
    ("accounts", "correct", ANN, "--withdraw-strike"): first("incidents", "confirm", "3f2a", "--note", "malware"),
    ("feedback", "--apply"): begun,
    ("accounts", "release"): first("incidents", "confirm", "3f2a", "--note", "malware"),
    ("held", "release", "3f2a", "--again"): in_doubt,
    ("records", "restore"): backed_up,
    ("response", "unfreeze"): first("response", "freeze", "--for", "1", "--reason", "x"),
}
INCIDENT: dict[tuple[str, ...], str] = {("incidents", "approve"): "91bb"}
"""The pages call every incident 3f2a; the one that waits for a person has another number here."""


# -- which commands there are --


def own_words(line: str) -> tuple[str, ...] | None:
    """What stands behind the name of our program, also at the end of a pipe; None for other lines."""
    match = OURS.fullmatch(line)
    if match is None:
        return None
    words = shlex.split(re.sub(r"\$\([^)]*\)", "x", match[1]), comments=True)
    end = next((place for place, word in enumerate(words) if word in ENDS), len(words))
    return tuple(words[:end])


def every_command() -> dict[tuple[str, ...], str]:
    """Words, and the page that has them first.

    A sentence may name a command without what it needs, or with words such as FILE: that is not run.
    """
    found = {words: page for page in PAGES for line in shown(page) if (words := own_words(line))}
    longer = {words[:length] for words in found for length in range(1, len(words))}
    for page in PAGES:
        for line in named(page):
            words = own_words(line)
            if words and words not in longer and not any(word.isupper() or word.endswith("...") for word in words):
                found.setdefault(words, page)
    return {words: page for words, page in found.items() if not complaint(words)}


COMMANDS = every_command()


def why_not(words: Sequence[str]) -> str:
    return next((why for begin, why in NOT_RUN.items() if tuple(words[: len(begin)]) == begin), "")


# -- the house in which they are run --


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> SeededHouse:
    house = seeded_house(tmp_path_factory.mktemp("seeded") / "house")
    (house.directory / "bounce.eml").write_text(BOUNCE, "utf-8")
    (house.directory / "abuse.mbox").write_text(f"From MAILER-DAEMON Sat Nov 21 10:00:00 2026\n{BOUNCE}\n", "utf-8")
    (house.directory / "postfix-out").mkdir()
    (house.directory / "postfix-out" / "main.cf").write_text("compatibility_level = 3.6\n", "utf-8")
    (house.directory / "postfix-out" / "master.cf").write_text("smtp inet n - n - - smtpd\n", "utf-8")
    maildir = house.directory / "Maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    (maildir / "cur" / "1.a.host:2,S").write_text(
        f"From: {ANN}\nTo: bob@example.net\nDate: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <1@x>\n\nhello\n",
        "utf-8",
    )
    log = Log()
    for number in range(40):
        at = 1_795_000_000.0 + number * 86_400.0
        log.submit(at, f"4QID{number:03}", ANN)
        log.deliver(at + 1.0, f"4QID{number:03}", "bob@example.net")
        log.remove(at + 2.0, f"4QID{number:03}")
    (house.directory / "mail.log").write_bytes(b"".join(log.lines))
    return house


@pytest.fixture
def house(template: SeededHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SeededHouse:
    monkeypatch.setenv("PANEL_KEY", "a key for the panel")
    monkeypatch.chdir(tmp_path)  # what a command writes beside it is gone with the test
    return template.copy(tmp_path / "house")


def here(house: SeededHouse, word: str) -> str:
    """The word as it must be said in this house."""
    for place, name in PLACES.items():
        if word == place or (place.endswith("/") and word.startswith(place)):
            return str(house.directory / (name + word.removeprefix(place)))
    if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", word):
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(clock() + 86_400.0))
    if re.fullmatch(r"\d+:[0-9a-f]+\.\.\.", word):
        with house.records() as records:
            return str(records.audit_head())
    return word


def as_cases(*, piped: bool) -> list[Any]:
    wanted = {words: page for words, page in COMMANDS.items() if not why_not(words) and ("-" in words) is piped}
    return [pytest.param(words, id=f"{page}: {' '.join(words)}") for words, page in wanted.items()]


@pytest.mark.parametrize("words", as_cases(piped=False))
def test_each_command_of_the_pages_does_what_it_is_for(words: tuple[str, ...], house: SeededHouse) -> None:
    for begin, before in BEFORE.items():
        if words[: len(begin)] == begin:
            before(house)
    said = [here(house, word) for word in words]
    said = [INCIDENT.get(words[:2], word) if word == "3f2a" else word for word in said]
    if words[:2] == ("password", "issue"):
        said.append("--json")  # without a terminal it must be said that a password may be printed
    if words[:2] == ("setup", "postfix"):
        packages.need("postfix")
    result = run(house, *said, typed=CODE if "self-release" in words else "y\n")
    allowed = {0, 1} if words[:1] in MAY_SAY_NO else {0, LATER} if words[:2] in SERVER_DOES else {0}
    assert result.exit_code in allowed, result.output
    assert result.stdout.strip()


@pytest.mark.parametrize("words", as_cases(piped=True))
def test_each_command_at_the_end_of_a_pipe_reads_it(words: tuple[str, ...], house: SeededHouse) -> None:
    piped = "mail.log" if words[0] == "replay" else "abuse.mbox"
    with (house.directory / piped).open("rb") as file:
        said = [here(house, word) for word in words]
        done = subprocess.run(
            [sys.executable, "-m", "detector", *said], stdin=file, capture_output=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_house_is_such_that_commands_act(house: SeededHouse) -> None:
    assert run(house, "incidents", "dismiss", "3f2a", "--note", "newsletter").exit_code == 0
    with house.records() as records:
        message = records.held(HELD)
        assert message is not None
        assert message.state is HeldState.RELEASING


def test_what_is_not_run_is_still_told_of() -> None:
    assert len(COMMANDS) > 80
    assert not [begin for begin in NOT_RUN if not any(words[: len(begin)] == begin for words in COMMANDS)]


# -- other programs --

OTHERS = {
    "make": "",
    "openssl": "",
    "curl": "",
    "sudo": "on the operator's host",
    "systemctl": "on the operator's host; a container of the tests has no systemd that runs",
    "journalctl": "the same",
    "postfix": "Debian's package postfix; tests/e2e runs it",
    "postconf": "the same",
    "postmap": "the same",
    "mail": "a mail program of the operator's choice",
    "pg_dump": "Debian's package postgresql-client; tests/unit/records/test_backup.py asks for the line",
    "psql": "the same",
    "visudo": "Debian's package sudo",
    "formail": "Debian's package procmail; one way among several to split a file",
    "zcat": "",
    "jq": "Debian's package jq, to read JSON",
}
"""Programs of others that the pages call: needed on the machine where tests run, or why not."""


def lines_of_others() -> Iterator[tuple[str, str]]:
    """Page and line: what in a block begins with the name of a program that this machine has, or that stands here."""
    for page in PAGES:
        for language, block in BLOCK.findall(text_of(page)):
            for line in block.splitlines() if not language else ():
                words = [word for word in re.split(r"\s+", line.strip()) if not re.fullmatch(r"\w+=\S+", word)]
                if not line.endswith("{") and not own_words(line.strip()) and _is_program(words):
                    yield page, line.strip()
        yield from ((page, code) for code in named(page) if code.split(" ")[0] in OTHERS and " " in code)


def _is_program(words: Sequence[str]) -> bool:
    """Not a setting, whose second word is `=`."""
    name = words[0] if words else ""
    found = re.fullmatch(r"[a-z][\w.-]*", name) is not None and shutil.which(name) is not None
    return name in OTHERS or (found and len(words) > 1 and words[1] != "=")


@pytest.mark.parametrize("page", PAGES)
def test_each_program_that_a_page_calls_is_known(page: str) -> None:
    called = {line.split()[0] for place, line in lines_of_others() if place == page}
    assert not called - OTHERS.keys()
    assert not [name for name in called if not OTHERS[name] and shutil.which(name) is None]


def test_each_target_of_make_that_a_page_names_is_there() -> None:
    named_targets = {line.split()[1] for _, line in lines_of_others() if line.startswith("make ")}
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert named_targets
    assert not {name for name in named_targets if re.fullmatch(r"[a-z-]+", name)} - targets


def test_the_key_that_a_page_makes_is_one() -> None:
    made = {line for _, line in lines_of_others() if line.startswith("openssl rand")}
    assert made == {"openssl rand -hex 32"}
    answer = subprocess.run(shlex.split(made.pop()), capture_output=True, check=True, timeout=PATIENCE)
    assert re.fullmatch(rb"[0-9a-f]{64}\n", answer.stdout)


def test_a_command_at_the_end_of_a_pipe_is_found() -> None:
    assert own_words("zcat old.gz | detector replay --format postfix -") == ("replay", "--format", "postfix", "-")
    assert own_words("sudo detector held export --to X > y") == ("held", "export", "--to", "X")
    assert own_words("make run") is None


def test_why_a_command_is_not_run_is_found_by_its_first_words() -> None:
    reasons: list[Any] = [why_not(("demo", "--plain")), why_not(("held", "list"))]
    assert reasons == [NOT_RUN[("demo",)], ""]
