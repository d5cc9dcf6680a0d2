"""A stolen password is used for a blast through real servers; the thief is stopped and nobody else notices."""

import imaplib
import json
import smtplib
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import set_password
from tests.support.detector_process import merged
from tests.support.hijack import CONTACT, NORA, THIEF, blast, escaped, full_response
from tests.support.mail_path import Customer, MailPath, Peers, letter, mail_path
from tests.support.ports import wait_for

pytestmark = pytest.mark.e2e
BEN = Customer("ben@example.net", network_address="127.0.0.2")
NORA_IN_SQL = Customer("nora.in.sql@example.net", network_address="127.0.66.7")
BEN_IN_SQL = Customer("ben.in.sql@example.net")
WINDOW = 20  # judging.window_start: the most that a login without a history can do before it is stopped


def test_a_hijacked_login_is_contained_and_the_neighbour_notices_nothing(
    peers: Peers, record_property: Callable[[str, object], None]
) -> None:
    peers.dovecot.add_users({NORA.login: NORA.password, BEN.login: BEN.password})
    settings = full_response(peers.dovecot, peers.directory)
    with (
        peers.dovecot.imap_session(NORA.login, NORA.password) as session,
        mail_path(peers, settings=settings) as path,
    ):
        ordinary_mail(path, 0)
        asked = blast(path)
        ordinary_mail(path, 1)
        [incident] = _wait_for_event(path, "incident_opened")
        assert (incident["account"], incident["trusted"]) == (NORA.login, True)

        wait_for(lambda: not path.dovecot.authenticates(NORA.login, NORA.password), "the old password is dead")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            path.log_in(THIEF)
        _wait_for_end(session)
        [notice] = path.sink.wait_for_messages(1, to=CONTACT)
        assert notice.sender.address == ""
        assert b"Auto-Submitted: auto-generated" in notice.header
        wait_for(lambda: "incident.contained" in operators(path), "the operators know that it is contained")

        path.outbound.wait_until_queue_empty()  # what the hop has let through has arrived
        reached = len(escaped(path))
        path.submission.flush()  # the thief's mail is still in the queue, and is tried again
        ordinary_mail(path, 2)
        assert len(escaped(path)) == reached <= WINDOW
        assert [m for m in path.sink.messages_to(NORA.login) if b"From: Abuse" in m.header] == []
        figures = path.detector.metrics()
    assert figures["detector_blocked_accounts"] == 1
    record_property("recipients asked for", asked)
    record_property("recipients escaped", reached)
    record_property("seconds to changed password", figures["detector_time_to_password_change_seconds_sum"])
    record_property("seconds to notice", figures["detector_time_to_notice_seconds_sum"])


def test_where_dovecot_caches_logins_the_old_password_dies_too(peers: Peers) -> None:
    """The password is set by a command, in a store whose logins Dovecot keeps in its cache for an hour."""
    dovecot = peers.dovecot
    dovecot.add_cached_users({NORA_IN_SQL.login: NORA_IN_SQL.password, BEN_IN_SQL.login: BEN_IN_SQL.password})
    command = [sys.executable, set_password.__file__, str(dovecot.dictionary)]
    settings = merged(
        full_response(dovecot, peers.directory),
        {"response": {"password": {"provider": "command", "argv": command}, "notice": None}},
    )
    with mail_path(peers, settings=settings) as path:
        assert dovecot.authenticates(BEN_IN_SQL.login, BEN_IN_SQL.password)
        blast(path, by=NORA_IN_SQL)
        wait_for(lambda: not dovecot.authenticates(NORA_IN_SQL.login, NORA_IN_SQL.password), "the old password is dead")
    # Without a flush it would have lived on: Ben's new password is in the same file.
    dovecot.add_cached_users({BEN_IN_SQL.login: "another one"})
    assert dovecot.authenticates(BEN_IN_SQL.login, BEN_IN_SQL.password)


def test_before_the_queue_the_thief_himself_hears_that_the_account_is_suspended(peers: Peers) -> None:
    settings = full_response(peers.dovecot, peers.directory)
    with mail_path(peers, "before-queue", settings) as path:
        path.add(NORA, BEN)
        with path.log_in(THIEF) as session:
            blast(path)
            _wait_for_event(path, "incident_opened")
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
                session.sendmail(THIEF.login, ["one.more@victims.example"], letter(THIEF.login, "offer again"))
        [(code, text)] = refusal.value.recipients.values()
        assert (code, text[:5]) == (550, b"5.7.1")
        ordinary_mail(path, 0)
        assert len(escaped(path)) <= WINDOW


def ordinary_mail(path: MailPath, number: int) -> None:
    """Ben writes, and his friend has it."""
    path.send(BEN, [f"friend-{number}@example.org"], letter(BEN.login, f"hello {number}"))
    path.sink.wait_for_messages(1, to=f"friend-{number}@")


def operators(path: MailPath) -> list[str]:
    """The kinds of event that the hook was told of."""
    file = path.detector.directory / "operators"
    text = file.read_text("utf-8") if file.exists() else ""
    decoder, kinds = json.JSONDecoder(), []
    while text.strip():
        event, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        kinds.append(event["event"])
    return kinds


def _wait_for_event(path: MailPath, name: str) -> list[dict[str, Any]]:
    wait_for(lambda: bool(path.detector.events(name)), f"the detector logs {name}")
    return path.detector.events(name)


def _wait_for_end(session: imaplib.IMAP4) -> None:
    """Until Dovecot has closed the connection."""
    with pytest.raises(imaplib.IMAP4.abort):
        wait_for(lambda: session.noop()[0] != "OK", "the open session is ended")
