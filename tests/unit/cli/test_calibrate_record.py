"""What is read from a record before it is calibrated with."""

import gzip
from pathlib import Path

import msgspec
import pytest

from detector.cli.calibrate_record import watch_record
from detector.cli.calibrate_result import Known
from detector.config import ConfigError, Judging
from tests.unit.replay.postfix_log import Log

DAY = 86_400.0
BEGIN = 1_760_000_000.0  # October 2025


def events(path: Path, days: int = 30, accounts: tuple[str, ...] = ("ann", "Bob")) -> list[str]:
    """A mail a day of each account, with its results; and lines that are none."""
    lines = [b"oops", b'{"type":"tick","time":1760000000.0}']
    for day in range(days):
        for account in accounts:
            told = {
                "type": "transaction",
                "id": f"{account}{day}",
                "time": BEGIN + day * DAY,
                "account": account,
                "rcpt_to": ["x@a.example"],
                "message": f"From: {account}@x.example\r\nSubject: hello\r\n\r\nSee you at {day}.\r\n",
            }
            result = {"type": "delivery", "id": f"{account}{day}", "rcpt": "x@a.example", "status": "2.0.0"}
            lines += [msgspec.json.encode(told), msgspec.json.encode(result | {"time": BEGIN + day * DAY + 20.0})]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return [str(path)]


def test_events_become_accounts_after_the_warm_up(tmp_path: Path) -> None:
    watch = watch_record("jsonl", events(tmp_path / "events"), 14.0, Known(), Judging())
    assert {one.account: (one.begins_at, one.ends_at) for one in watch.accounts} == dict.fromkeys(
        ("ann", "bob"), (BEGIN + 14 * DAY, BEGIN + 29 * DAY)
    )
    assert watch.notes == ["122 lines read, 1 broken.", "The first 14 of 29 days only teach what is usual."]
    assert all(one.blockable == 0.0 and one.highest < 4.0 for one in watch.accounts)


def test_who_was_taken_over_is_left_out_in_whatever_case(tmp_path: Path) -> None:
    watch = watch_record(
        "jsonl", events(tmp_path / "events"), 0.0, Known(taken_over=["bob", "eve"], innocent=["ann"]), Judging()
    )
    assert [one.account for one in watch.accounts] == ["ann"]
    assert dict(watch.left_out) == {"taken over, as you said": 1}
    assert watch.explained == {"ann": "innocent, as you said"}
    assert "No mail of eve is counted here." in watch.notes


def test_a_record_that_is_shorter_than_the_warm_up_says_so(tmp_path: Path) -> None:
    watch = watch_record("jsonl", events(tmp_path / "events", days=10), 14.0, Known(), Judging())
    assert watch.accounts == []
    assert "The record covers 9 days" in watch.notes[1]
    assert "--warm-up" in watch.notes[1]


def test_a_log_of_postfix_is_read_like_in_a_replay(tmp_path: Path) -> None:
    log = Log()
    for day in range(20):
        log.submit(BEGIN + day * DAY, f"4AB{day}")
        log.deliver(BEGIN + day * DAY, f"4AB{day}", "friend@a.example")
        log.remove(BEGIN + day * DAY, f"4AB{day}")
    (tmp_path / "mail.log").write_bytes(b"".join(log.lines))
    watch = watch_record("postfix", [str(tmp_path / "mail.log")], 0.0, Known(), Judging())
    assert [one.account for one in watch.accounts] == ["ann"]
    assert watch.accounts[0].months == pytest.approx(19 / 30, rel=0.01)
    assert "0 broken" in watch.notes[0]


def test_a_record_without_accounts_says_so(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(b"Oct  9 10:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]\n")
    watch = watch_record("postfix", [str(tmp_path / "mail.log")], 0.0, Known(), Judging())
    assert "No mail of a known account is in the record." in watch.notes


@pytest.mark.parametrize("form", ["jsonl", "postfix", "mbox", "maildir"])
def test_a_record_that_is_not_there_is_a_mistake(form: str) -> None:
    with pytest.raises(ConfigError, match="/nowhere/record"):
        watch_record(form, ["/nowhere/record"], 0.0, Known(), Judging())


def test_events_that_are_packed_are_read_and_damaged_ones_are_a_mistake(tmp_path: Path) -> None:
    (name,) = events(tmp_path / "events")
    packed = gzip.compress(Path(name).read_bytes())
    (tmp_path / "packed").write_bytes(packed)
    (tmp_path / "damaged").write_bytes(packed[:-20])
    assert (
        watch_record("jsonl", [str(tmp_path / "packed")], 0.0, Known(), Judging()).notes[0]
        == "122 lines read, 1 broken."
    )
    with pytest.raises(ConfigError, match="damaged: cannot be read"):
        watch_record("jsonl", [str(tmp_path / "damaged")], 0.0, Known(), Judging())
