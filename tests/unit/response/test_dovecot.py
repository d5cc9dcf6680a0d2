import sys
from pathlib import Path

import pytest

from detector.config import ConfigError, DovecotSessions
from detector.ports import Refused, Temporary
from detector.response.dovecot import Dovecot


def doveadm(tmp_path: Path, code: str) -> Dovecot:
    """A doveadm that writes its arguments to a file, then does as told: `code` sees them as `arguments`."""
    script = tmp_path / "doveadm.py"
    script.write_text(
        "import sys\narguments = sys.argv[1:]\n"
        f"open({str(tmp_path / 'calls')!r}, 'a').write(' '.join(arguments) + '\\n')\n" + code
    )
    return Dovecot(DovecotSessions(provider="dovecot", doveadm=(sys.executable, str(script)), timeout=30.0))


def test_the_cache_is_flushed_before_sessions_are_ended(tmp_path: Path) -> None:
    assert doveadm(tmp_path, "").end_sessions("ann", "r") == "cached logins flushed, sessions ended"
    assert (tmp_path / "calls").read_text() == "auth cache flush ann\nkick ann\n"


def test_nobody_to_kick_is_done(tmp_path: Path) -> None:
    quiet = doveadm(tmp_path, "sys.exit(68 if arguments[0] == 'kick' else 0)")
    assert quiet.end_sessions("ann", "r") == "cached logins flushed, no session was open"


def test_a_cache_that_cannot_be_reached_ends_with_0_and_is_not_done(tmp_path: Path) -> None:
    away = doveadm(tmp_path, "print('Error: auth-master: connect failed', file=sys.stderr)")
    with pytest.raises(Temporary, match="auth cache flush ended with status 0: Error: auth-master"):
        away.end_sessions("ann", "r")
    assert (tmp_path / "calls").read_text() == "auth cache flush ann\n"


@pytest.mark.parametrize(("status", "error"), [(75, Temporary), (1, Temporary), (64, Refused), (77, Refused)])
def test_a_status_says_whose_turn_it_is(tmp_path: Path, status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"ended with status {status}: no$"):
        doveadm(tmp_path, f"print('no', file=sys.stderr); sys.exit({status})").end_sessions("ann", "r")


@pytest.mark.parametrize("account", ["12345", "10a", "dead", "1.2.3.4@example.org", "2020.bea", "ann/7"])
def test_an_account_that_looks_a_little_like_a_network_is_an_account(tmp_path: Path, account: str) -> None:
    doveadm(tmp_path, "").end_sessions(account, "r")
    assert (tmp_path / "calls").read_text().endswith(f"kick {account}\n")


@pytest.mark.parametrize(
    "account",
    [
        "-A",
        "*",
        "ann*",
        "?nn",
        "192.0.2.7",
        "0.0.0.0/0",
        "127.1",
        "0x7f000001",
        "2001:db8::1",
        "::/0",
        "::ffff:192.0.2.7",
        "12345/1",
        "127.1 x",
    ],
)
def test_an_account_that_would_be_a_pattern_or_a_network_is_refused(tmp_path: Path, account: str) -> None:
    with pytest.raises(Refused, match="option, a pattern or a network"):
        doveadm(tmp_path, "").end_sessions(account, "r")
    assert not (tmp_path / "calls").exists()


def test_a_doveadm_that_is_not_there_is_told_by_check() -> None:
    missing = Dovecot(DovecotSessions(provider="dovecot", doveadm=("/no/such/doveadm",)))
    with pytest.raises(Temporary, match="did not end"):
        missing.end_sessions("ann", "r")
    with pytest.raises(ConfigError, match="did not end"):
        missing.check()


def test_check_asks_who_is_there(tmp_path: Path) -> None:
    assert doveadm(tmp_path, "").check().endswith(": Dovecot answers")
    assert (tmp_path / "calls").read_text() == "who\n"
