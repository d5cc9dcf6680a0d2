"""The response against a real Dovecot: changed passwords count, cached logins are forgotten, sessions end."""

import imaplib
import subprocess

import pytest

from detector.config import DovecotSessions, PasswdFileProvider
from detector.ports import Secret, Temporary
from detector.response.dovecot import Dovecot as SessionEnder
from detector.response.hashes import hash_password
from detector.response.passwd_file import PasswdFile
from detector.response.secret import new_password
from tests.support.dovecot import Dovecot
from tests.support.ports import PATIENCE

pytestmark = pytest.mark.e2e

ANN, BOB = "ann@response.example", "bob@response.example"


@pytest.fixture(autouse=True)
def logins(dovecot: Dovecot) -> None:
    settings = PasswdFileProvider(provider="passwd-file", path=dovecot.passwd_file)
    for login in (ANN, BOB):
        dovecot.add_user(login, "another")
        PasswdFile(settings).change_password(login, Secret("old"), "before")
        ender(dovecot).end_sessions(login, "before")


def ender(dovecot: Dovecot) -> SessionEnder:
    return SessionEnder(DovecotSessions(provider="dovecot", doveadm=dovecot.doveadm))


def accepted(dovecot: Dovecot, login: str, password: str) -> bool:
    """By `doveadm auth test`, which does not go through the cache of IMAP logins."""
    done = subprocess.run(
        [*dovecot.doveadm, "auth", "test", login, password], capture_output=True, check=False, timeout=PATIENCE
    )
    return done.returncode == 0


@pytest.mark.parametrize("scheme", ["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "ARGON2ID"])
def test_dovecot_knows_our_hashes(dovecot: Dovecot, scheme: str) -> None:
    password = new_password()
    for word, status in ((password.text, 0), ("old", 1)):
        done = subprocess.run(
            [*dovecot.doveadm, "pw", "-t", hash_password(password, scheme), "-p", word],
            capture_output=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert bool(done.returncode) == bool(status), done.stderr


@pytest.mark.parametrize("scheme", ["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT"])
def test_a_changed_password_counts_at_once(dovecot: Dovecot, scheme: str) -> None:
    before = dovecot.passwd_file.stat()
    settings = {"provider": "passwd-file", "path": dovecot.passwd_file, "scheme": scheme}
    password = new_password()
    PasswdFile(PasswdFileProvider.model_validate(settings)).change_password(ANN, password, "r")
    ender(dovecot).end_sessions(ANN, "r")
    assert accepted(dovecot, ANN, password.text)
    assert not accepted(dovecot, ANN, "old")
    assert accepted(dovecot, BOB, "old")
    after = dovecot.passwd_file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_the_thief_is_thrown_out_and_stays_out(dovecot: Dovecot) -> None:
    with dovecot.imap_session(BOB, "old") as other, dovecot.imap_session(ANN, "old") as session:
        settings = {"provider": "passwd-file", "path": dovecot.passwd_file}
        PasswdFile(PasswdFileProvider.model_validate(settings)).change_password(ANN, new_password(), "r")
        assert session.noop()[0] == "OK"  # a changed password alone throws nobody out
        assert ender(dovecot).end_sessions(ANN, "r") == "cached logins flushed, sessions ended"
        assert not dovecot.authenticates(ANN, "old")
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            session.noop()
        assert other.noop()[0] == "OK"


@pytest.mark.parametrize("attempt", range(3))
def test_the_old_password_is_refused_at_once_whenever_dovecot_last_looked(dovecot: Dovecot, attempt: int) -> None:
    login = f"new{attempt}@response.example"
    dovecot.authenticates(login, "nothing")  # makes Dovecot look at the file in this second, and not again in it
    settings = PasswdFileProvider(provider="passwd-file", path=dovecot.passwd_file)
    PasswdFile(settings).change_password(ANN, new_password(), "r")
    ender(dovecot).end_sessions(ANN, "r")
    assert not dovecot.authenticates(ANN, "old")


def test_an_account_without_sessions_is_done(dovecot: Dovecot) -> None:
    assert ender(dovecot).end_sessions(BOB, "r") == "cached logins flushed, no session was open"
    assert ender(dovecot).check().endswith(": Dovecot answers")


def test_a_dovecot_that_is_down_may_come_back() -> None:
    with Dovecot() as down:
        down.stop()
        with pytest.raises(Temporary):
            ender(down).end_sessions(ANN, "r")
