"""Dovecot's doveadm HTTP API, spoken to by us: cached logins are forgotten, then sessions end."""

import imaplib

import pytest

from detector.config import ConfigError, SecretSource
from detector.config.panels import DovecotHttpSessions
from detector.ports import Refused, Secret, Temporary
from detector.response.dovecot_http import DovecotHttp
from tests.support.dovecot import Dovecot

pytestmark = pytest.mark.e2e

ANN, BOB = "ann@http.example", "bob@http.example"


def ender(dovecot: Dovecot, key: str = "") -> DovecotHttp:
    url, source = f"http://127.0.0.1:{dovecot.doveadm_port}", SecretSource(environment="UNUSED")
    settings = DovecotHttpSessions(provider="dovecot-http", url=url, secret=source)
    return DovecotHttp(settings, Secret(key or dovecot.api_key))


def test_the_thief_is_thrown_out_and_stays_out(dovecot: Dovecot) -> None:
    dovecot.add_cached_users({ANN: "old", BOB: "old"})
    with dovecot.imap_session(BOB, "old") as other, dovecot.imap_session(ANN, "old") as session:
        dovecot.add_cached_users({ANN: "new", BOB: "old"})
        assert dovecot.authenticates(ANN, "old")  # from the cache
        assert session.noop()[0] == "OK"
        assert ender(dovecot).end_sessions(ANN, "r") == "cached logins flushed, sessions ended"
        assert not dovecot.authenticates(ANN, "old")
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            session.noop()
        assert dovecot.authenticates(ANN, "new")
        assert other.noop()[0] == "OK"


def test_an_account_without_sessions_is_done(dovecot: Dovecot) -> None:
    assert ender(dovecot).end_sessions("nobody@http.example", "r") == "cached logins flushed, no session was open"


def test_a_check_finds_the_commands_that_are_needed(dovecot: Dovecot) -> None:
    assert ender(dovecot).check() == f"doveadm HTTP API http://127.0.0.1:{dovecot.doveadm_port}: Dovecot answers"


def test_another_key_is_not_accepted(dovecot: Dovecot) -> None:
    with pytest.raises(Refused, match="the doveadm_api_key is not accepted"):
        ender(dovecot, "another").end_sessions(ANN, "r")
    with pytest.raises(ConfigError, match="the doveadm_api_key is not accepted"):
        ender(dovecot, "another").check()


def test_a_dovecot_that_is_down_may_come_back() -> None:
    with Dovecot() as down:
        down.stop()
        with pytest.raises(Temporary):
            ender(down).end_sessions(ANN, "r")
