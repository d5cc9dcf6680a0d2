"""Postfix delivers one message in parts and tries again: to the account it stays one message."""

import json

import pytest

from tests.support import postfix
from tests.support.detector_process import DetectorProcess
from tests.support.mail_path import Customer, Peers, letter, log_in

pytestmark = pytest.mark.e2e
ANN = Customer("ann@example.net")
# Postfix's default_destination_recipient_limit is 50, so this becomes 50 + 10.
FRIENDS = [f"friend-{number}@example.org" for number in range(60)]


def test_sixty_recipients_in_two_parts_and_a_retry_of_both_count_once(peers: Peers) -> None:
    settings = {"judging": {"window_start": 100}}
    detector = DetectorProcess(peers.directory, peers.sink.port, settings)
    submission = postfix.submission(peers.dovecot.auth_socket, detector.port, detector.policy_port)
    peers.dovecot.add_users({ANN.login: ANN.password})
    peers.sink.answer("END", ANN.login, "451 4.3.0 Try again", times=2)
    with detector, submission:
        with log_in(submission, ANN) as client:
            client.sendmail(ANN.login, FRIENDS, letter(ANN.login, "invitation"))
        messages = peers.sink.wait_for_messages(2)
        submission.wait_until_queue_empty()
        transactions = detector.metrics()
        detector.stop()
        dossier = json.loads(detector.command("accounts", "show", ANN.login, "--json", "--config", str(detector.path)))
    assert sorted(len(message.recipients) for message in messages) == [10, 50]
    assert sorted(address for message in messages for address in message.addresses) == sorted(FRIENDS)
    assert transactions['detector_transactions_total{outcome="deferred",verdict="accept"}'] == 2
    assert dossier["traffic"]["recipients_24h"] == pytest.approx(60, abs=1.5)  # two hashes may be equal
