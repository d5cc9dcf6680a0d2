"""What a configuration changes, and what of it strangers may see."""

import pytest

from detector.cli.doctor_settings import changed, examine_settings, harmless, told
from detector.cli.finding import Level
from detector.config import parse

MANY = """
observe = false
relay.listen = ["192.0.2.1:25", "127.0.0.1:10025"]
relay.hostname = "hop.example.net"
judging.block_score = 11.5
judging.hold_score = 9.0
judging.silent_groups = ["text"]
records.url = "postgresql+psycopg://db.example.net/detector"
operators.admin = ["olga"]
[response.password]
provider = "command"
argv = ["/usr/local/sbin/set-password", "--token", "s3cret"]
[[response.hooks]]
name = "chat"
[response.hooks.action]
provider = "http"
url = "https://chat.example.net/hooks/T0/B0?key=s3cret"
secret = { file = "/etc/detector/chat.key" }
[[response.hooks]]
name = "other"
[response.hooks.action]
provider = "command"
argv = ["/bin/true"]
"""


def shown(text: str) -> dict[str, str]:
    return {one.place: told(one) for one in changed(parse(text))}


def test_nothing_is_changed_by_an_empty_file() -> None:
    assert not shown("")


def test_what_is_written_as_the_default_is_no_change() -> None:
    assert "judging.block_score" not in shown(MANY)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("observe", "false (default true)"),
        ("judging.hold_score", "9.0 (default 6.3)"),
        ("judging.silent_groups", "text (default none)"),
        ("relay.listen", "127.0.0.1:10025, 192.0.2.1:25 (default 127.0.0.1:10025)"),
        ("response.password.argv", "/usr/local/sbin/set-password and 2 more words"),
        ("response.hooks[0].action.url", "https://chat.example.net/..."),
        ("response.hooks[0].action.secret", "in /etc/detector/chat.key"),
        ("response.hooks[1].name", "other"),
        ("records.url", "postgresql+psycopg://db.example.net/..."),
    ],
)
def test_a_change_is_told_with_its_default_and_without_secrets(place: str, text: str) -> None:
    assert shown(MANY)[place] == text


def test_a_secret_in_the_environment_is_told_by_its_variable() -> None:
    assert shown('hold.keys = [{ environment = "HOLD_KEY" }]') == {"hold.keys": "in the variable HOLD_KEY"}


def test_no_secret_is_in_the_part() -> None:
    assert "s3cret" not in str(examine_settings(parse(MANY)))


def test_strangers_see_numbers_switches_and_our_own_words() -> None:
    seen = {one.place: harmless(one) for one in changed(parse(MANY))}
    assert seen["observe"] == "false (default true)"
    assert seen["response.password.provider"] == "command"
    assert seen["judging.silent_groups"] == "text (default none)"
    assert seen["relay.hostname"] == seen["records.url"] == seen["response.hooks[0].name"] == "set"
    assert seen["response.password.argv"] == "3 set"
    assert seen["operators.admin"] == "1 set"
    assert seen["response.hooks[0].action.secret"] == "in a file"
    assert harmless(changed(parse('hold.keys = [{ environment = "HOLD_KEY" }]'))[0]) == "1 set"


def test_what_keeps_it_from_acting_is_a_hint() -> None:
    assert [one.about for one in examine_settings(parse("")).findings] == ["observe"]


@pytest.mark.parametrize(
    ("url", "problems"),
    [
        ("postgresql+psycopg://db.example.net/detector", ["records.url"]),
        ("postgresql+psycopg://db.example.net/detector?sslmode=require", ["records.url"]),
        ("postgresql+psycopg://db.example.net/detector?sslmode=verify-full&sslrootcert=/etc/ca.pem", []),
        ("postgresql+psycopg://127.0.0.1/detector", []),
        ("postgresql+psycopg:///detector?host=/run/postgresql", []),
        ("sqlite:////var/lib/detector/records.sqlite", []),
    ],
)
def test_a_database_elsewhere_whose_certificate_nobody_looks_at_is_a_problem(url: str, problems: list[str]) -> None:
    findings = examine_settings(parse(f'records.url = "{url}"')).findings
    assert [one.about for one in findings if one.level is Level.PROBLEM] == problems
