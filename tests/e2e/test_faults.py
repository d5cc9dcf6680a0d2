"""Parts of the way die while mail flows: nothing is lost, nothing comes twice, and a block stays a block."""

import smtplib
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from detector.state.profiles import read_profile
from tests.support.detector_process import DetectorProcess
from tests.support.hijack import MESSAGES, NORA, THIEF, blast, escaped, full_response
from tests.support.mail_path import Customer, MailPath, Peers, letter, mail_path
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
BEN = Customer("ben@example.net", network_address="127.0.0.2")
NEIGHBOURS = [Customer(f"neighbour-{number}@example.net") for number in range(40)]
LETTERS_EACH = 10
# Postfix says so itself when the connection broke between the final dot and the reply (RFC 1047).
UNCERTAIN = "message may be sent more than once"


def test_kill_9_in_the_middle_of_mail_flow_loses_nothing_and_forgets_no_block(peers: Peers) -> None:
    with mail_path(peers, settings=full_response(peers.dovecot, peers.directory)) as path:
        path.add(NORA, *NEIGHBOURS)
        blast(path)
        wait_for(lambda: bool(path.detector.events("incident_opened")), "the thief is recognised")
        wait_for(lambda: _logins_on_disk(path) >= MESSAGES, "all logins are on disk")
        path.detector.kill()
        path.outbound.wait_until_queue_empty()  # what the hop has let through has arrived
        path.detector.start()
        reached = len(escaped(path))
        with ThreadPoolExecutor(4) as pool:
            done = [pool.submit(_write_letters, path, neighbour) for neighbour in NEIGHBOURS]
            for share in (0.2, 0.5):
                path.sink.wait_for_messages(int(share * len(NEIGHBOURS) * LETTERS_EACH), to="friend-")
                path.detector.kill()
                path.detector.start()
            for future in done:
                future.result(PATIENCE)
        friends = {recipient for neighbour in NEIGHBOURS for recipient in _friends(neighbour)}
        wait_for(lambda: _reached(path) == friends, "the neighbours' mail has arrived")
        wait_for(lambda: not _waiting(path, but_not=NORA), "and none of it is tried again")
        path.outbound.wait_until_queue_empty()
        assert len(escaped(path)) == reached
        assert path.detector.metrics()["detector_blocked_accounts"] == 1
        log = path.submission.log().splitlines()
        uncertain = sum(UNCERTAIN in line and "to=<friend-" in line for line in log)
    arrived = Counter(address for message in path.sink.messages_to("friend-") for address in message.addresses)
    assert set(arrived) == friends
    assert arrived.total() - len(arrived) <= uncertain


def test_after_kill_9_nobody_waits_for_mail_that_it_has_cut_off(tmp_path: Path) -> None:
    """Else an account with so many first-time recipients on their way could write to nobody new for an hour."""
    settings = {"identity": [{"source": "envelope-sender"}], "judging": {"window_start": 10}}
    with SmtpSink() as sink, DetectorProcess(tmp_path, sink.port, settings) as detector:
        with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
            assert _admitted(client, NORA.login) == 10
            with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as later:
                _admitted(later, BEN.login)
                profiles = detector.state / "profiles.sqlite"
                wait_for(lambda: read_profile(profiles, BEN.login) is not None, "both are on disk")
                detector.kill()
                later.close()
            client.close()
        detector.start()
        with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
            assert _admitted(client, NORA.login) == 10


def test_a_login_that_postfix_has_told_is_known_after_kill_9(peers: Peers) -> None:
    """Else the mail of a blocked account, still in Postfix's queue, would pass as mail of nobody in particular."""
    with mail_path(peers, settings=full_response(peers.dovecot, peers.directory)) as path:
        path.add(NORA)
        blast(path)
        wait_for(lambda: bool(path.detector.events("incident_opened")), "the thief is recognised")
        path.detector.kill()
        path.outbound.wait_until_queue_empty()  # what the hop has let through has arrived
        reached = len(escaped(path))
        path.detector.start()
        path.submission.flush()
        wait_for(lambda: _asked_for(path) >= MESSAGES, "everything in the queue has been tried")
        path.outbound.wait_until_queue_empty()
        assert len(escaped(path)) == reached


def test_records_that_cannot_be_written_do_not_stop_the_mail(peers: Peers) -> None:
    with mail_path(peers, settings=full_response(peers.dovecot, peers.directory)) as path:
        path.add(NORA, BEN)
        with _locked(path.detector.state / "records.sqlite"):
            blast(path)
            wait_for(lambda: bool(path.detector.events("incident_opened")), "the thief is recognised")
            wait_for(lambda: _asked_for(path) >= MESSAGES, "everything in the queue has been tried")
            path.outbound.wait_until_queue_empty()  # what the hop has let through has arrived
            reached = len(escaped(path))
            for number in range(3):
                path.send(BEN, [f"friend-{number}@example.org"], letter(BEN.login, f"hello {number}"))
            path.sink.wait_for_messages(3, to="friend-")
            wait_for(lambda: degraded(path), "it is shown")
        wait_for(lambda: not path.dovecot.authenticates(THIEF.login, THIEF.password), "made up for afterwards")
        wait_for(lambda: not degraded(path), "it is over")
        assert len(escaped(path)) == reached


def degraded(path: MailPath) -> bool:
    return path.detector.metrics().get('detector_state_degraded{store="records"}', 0) == 1


def _write_letters(path: MailPath, customer: Customer) -> None:
    with path.log_in(customer) as client:
        for recipient in _friends(customer):
            client.sendmail(customer.login, [recipient], letter(customer.login, f"to {recipient}"))


def _friends(customer: Customer) -> list[str]:
    return [f"friend-{number}-of-{customer.login.partition('@')[0]}@example.org" for number in range(LETTERS_EACH)]


def _logins_on_disk(path: MailPath) -> int:
    with closing(sqlite3.connect(f"file:{path.detector.state}/joins.sqlite?mode=ro", uri=True)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM rows")
    return int(count)


def _asked_for(path: MailPath) -> float:
    """How many transactions the detector has seen begin since it was started."""
    metrics = path.detector.metrics()
    return sum(value for name, value in metrics.items() if name.startswith("detector_identities_total"))


def _reached(path: MailPath) -> set[str]:
    return {address for message in path.sink.messages_to("friend-") for address in message.addresses}


def _waiting(path: MailPath, but_not: Customer) -> list[str]:
    return [entry["queue_id"] for entry in path.submission.queue() if entry["sender"] != but_not.login]


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Nobody else can write to the database; even for root, whom no file mode keeps out."""
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.rollback()


def _admitted(client: smtplib.SMTP, sender: str) -> int:
    """How many of twelve strangers, in a transaction that stays open."""
    client.ehlo("pc.example")
    client.mail(sender)
    return sum(client.rcpt(f"stranger-{number}@example.org")[0] == 250 for number in range(12))
