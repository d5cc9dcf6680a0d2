"""`detector calibrate` as an operator types it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from detector.cli.main import app
from detector.config import parse
from detector.traffic.profile import Profile
from tests.unit.cli.conftest import ANN, Keyboard
from tests.unit.cli.test_calibrate_live import profile, store
from tests.unit.cli.test_calibrate_record import events
from tests.unit.cli.test_replay import theft


def honest(keyboard: Keyboard, accounts: int, days: float = 180.0) -> dict[str, Profile]:
    highest = np.random.default_rng(7).exponential(1.2, accounts).tolist()
    return {
        f"a{number}@example.org": profile(keyboard, days, highest=score, blockable=score / 2.0)
        for number, score in enumerate(highest)
    }


def test_a_log_becomes_thresholds_and_the_hijacked_account_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(b"".join(theft().lines))
    words = ["calibrate", "--format", "postfix", str(tmp_path / "mail.log"), "--warm-up", "7"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "1 account would have been blocked" in shown.stdout
    assert "\nann\n" in shown.stdout
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert [one["account"] for one in told["suspects"]] == ["ann"]
    assert told["judging"].keys() == {"block_score", "hold_score"}


def test_without_the_hijacked_account_nothing_is_left_of_that_log(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(b"".join(theft().lines))
    words = ["calibrate", "--format", "postfix", str(tmp_path / "mail.log"), "--taken-over", "ANN"]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("detector: there is no clean traffic to calibrate with.")


def test_a_record_is_judged_as_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(b"".join(theft().lines))
    silent = tmp_path / "silent.toml"
    silent.write_text('[judging]\nblock_score = 13.0\nsilent_groups = ["bulk", "feedback", "text", "campaign"]\n')
    words = ["calibrate", "--format", "postfix", str(tmp_path / "mail.log"), "--warm-up", "7", "--json"]
    told = json.loads(CliRunner().invoke(app, [*words, "--config", str(silent)]).stdout)
    assert told["suspects"] == []
    assert told["judging"]["block_score"] == 13.0


def test_events_are_calibrated_with_whatever_budget_is_asked_for(tmp_path: Path) -> None:
    words = ["calibrate", "--format", "jsonl", *events(tmp_path / "events"), "--json"]
    told = json.loads(CliRunner().invoke(app, [*words, "--budget", "0.2", "--hold-budget", "5"]).stdout)
    assert (told["blocks"]["budget"], told["holds"]["budget"]) == (0.2, 5.0)
    assert told["blocks"]["basis"] == "default"
    assert told["traffic"]["accounts"] == 2


def test_the_lines_that_are_printed_are_a_configuration(keyboard: Keyboard) -> None:
    store(keyboard, honest(keyboard, 1100))
    shown = keyboard.type("calibrate", "--live").output
    lines = "".join(line.strip() + "\n" for line in shown.partition("[judging]")[2].splitlines()[1:3])
    judging = parse(f"[judging]\n{lines}").judging
    assert (judging.block_score, judging.hold_score) == tuple(
        keyboard.read("calibrate", "--live")["calibration"]["judging"].values()
    )


def test_after_some_weeks_it_is_safe_to_enforce(keyboard: Keyboard) -> None:
    store(keyboard, honest(keyboard, 1100))
    answer = keyboard.type("calibrate", "--live")
    assert answer.status == 0
    assert "Safe to enforce: yes, because" in answer.output
    told = keyboard.read("calibrate", "--live")
    assert told["safe_to_enforce"]["safe"] is True
    assert told["calibration"]["traffic"]["accounts"] == 1100


def test_in_the_first_weeks_it_is_not_safe_to_enforce(keyboard: Keyboard) -> None:
    store(keyboard, honest(keyboard, 1100, days=6.0))
    assert " - 0 % of the accounts have been seen for 14 days" in keyboard.type("calibrate", "--live").output
    assert keyboard.read("calibrate", "--live")["safe_to_enforce"]["safe"] is False


def test_an_account_that_was_looked_at_is_no_reason_against_it_any_more(keyboard: Keyboard) -> None:
    store(keyboard, honest(keyboard, 1100) | {ANN: profile(keyboard, 180.0, highest=15.0, blockable=14.0)})
    assert "Safe to enforce: no, because" in keyboard.type("calibrate", "--live").output
    assert "Safe to enforce: yes" in keyboard.type("calibrate", "--live", "--innocent", "Ann@Example.org").output
    without = keyboard.read("calibrate", "--live", "--taken-over", ANN)["calibration"]
    assert without["blocks"]["rate"]["threshold"] < 14.0
    assert without["traffic"]["left_out"] == {"taken over, as you said": 1}


def test_looking_at_all_accounts_is_in_the_audit_log(keyboard: Keyboard) -> None:
    store(keyboard, honest(keyboard, 20))
    keyboard.type("calibrate", "--live")
    entries = [(entry["action"], entry["subject"]) for entry in keyboard.read("audit", "list")]
    assert ("look at accounts", "to calibrate") in entries


def test_a_server_that_has_seen_nothing_cannot_be_calibrated(keyboard: Keyboard) -> None:
    answer = keyboard.type("calibrate", "--live")
    assert (answer.status, answer.output) == (1, "")
    assert "no clean traffic" in answer.complaint


@pytest.mark.parametrize(
    "words", [[], ["--format", "postfix"], ["mail.log"], ["--live", "mail.log"], ["--live", "--format", "jsonl"]]
)
def test_it_takes_either_a_record_or_the_server(words: list[str]) -> None:
    result = CliRunner().invoke(app, ["calibrate", *words])
    assert result.exit_code == 2
    assert "give" in result.stderr


def test_a_record_that_is_not_there_is_a_mistake() -> None:
    result = CliRunner().invoke(app, ["calibrate", "--format", "postfix", "/nowhere/record"])
    assert result.exit_code == 2
    assert "/nowhere/record" in result.stderr
