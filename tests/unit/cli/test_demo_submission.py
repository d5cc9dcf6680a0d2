"""The demo's submission server: says who it is, keeps what was deferred, and tries again."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from detector.cli.demo_submission import TRY_AGAIN_AFTER, Fate, Submission
from detector.cli.demo_world import Letter
from tests.support.ports import HOST, free_port
from tests.support.smtp_sink import SmtpSink

ANN = "ann@hafen.example"


class PolicyServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    answer = b"action=DUNNO\n\n"

    def __init__(self) -> None:
        super().__init__((HOST, 0), PolicyHandler)
        self.requests: list[bytes] = []


class PolicyHandler(socketserver.StreamRequestHandler):
    server: PolicyServer

    def handle(self) -> None:
        lines = b""
        while not lines.endswith(b"\n\n"):
            lines += self.rfile.readline()
        self.server.requests.append(lines)
        self.wfile.write(self.server.answer)


@pytest.fixture
def policy() -> Iterator[PolicyServer]:
    with PolicyServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Hand:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def letter(*recipients: str) -> Letter:
    return Letter(ANN, "198.51.100.17", recipients, "Hello", "A line.\n")


def test_the_login_is_told_before_the_mail_comes(policy: PolicyServer) -> None:
    with SmtpSink() as sink:
        submission = Submission(sink.port, policy.server_address[1], Hand())
        submission.submit(letter("kim@a.example"))
        (message,) = sink.messages
    (request,) = policy.requests
    queue_id = submission.messages(ANN)[0].queue_id
    assert f"sasl_username={ANN}\n".encode() in request
    assert f"queue_id={queue_id}\n".encode() in request
    assert message.xforward["IDENT"] == queue_id
    assert message.xforward["ADDR"] == "198.51.100.17"
    assert submission.fates(ANN) == {Fate.PASSED: 1}


def test_each_recipient_meets_its_fate_and_the_deferred_are_tried_again(policy: PolicyServer) -> None:
    clock = Hand()
    with SmtpSink() as sink:
        sink.answer("RCPT", "nobody", "550 5.1.1 No such mailbox")
        sink.answer("RCPT", "later", "450 4.7.1 Later", times=1)
        submission = Submission(sink.port, policy.server_address[1], clock)
        submission.submit(letter("kim@a.example", "nobody@a.example", "later@a.example"))
        assert submission.fates(ANN) == {Fate.PASSED: 1, Fate.REFUSED: 1, Fate.PACED: 1}
        assert submission.try_again() == 0
        clock.now = TRY_AGAIN_AFTER
        assert submission.try_again() == 1
        assert submission.fates(ANN) == {Fate.PASSED: 2, Fate.REFUSED: 1}
        assert [message.addresses for message in sink.messages] == [("kim@a.example",), ("later@a.example",)]
    (message,) = submission.messages(ANN)
    assert message.was_paced == {"later@a.example"}
    assert message.passed_at == {"kim@a.example": 0.0, "later@a.example": TRY_AGAIN_AFTER}
    assert len(policy.requests) == 1


@pytest.mark.parametrize("verb", ["MAIL", "END"])
def test_a_blocked_account_is_stopped(policy: PolicyServer, verb: str) -> None:
    with SmtpSink() as sink:
        sink.answer(verb, "", "450 4.7.1 Suspended")
        submission = Submission(sink.port, policy.server_address[1], Hand())
        submission.submit(letter("kim@a.example"))
    assert submission.fates(ANN) == {Fate.STOPPED: 1}


def test_what_the_relay_keeps_is_held_and_not_handed_over_again(policy: PolicyServer) -> None:
    clock = Hand()
    with SmtpSink() as sink:
        sink.answer("END", "", "250 2.0.0 Ok: queued as 3f2a9c01d4e5f607")
        submission = Submission(sink.port, policy.server_address[1], clock)
        submission.submit(letter("kim@a.example"))
        clock.now = TRY_AGAIN_AFTER
        assert submission.try_again() == 0
    assert submission.fates(ANN) == {Fate.HELD: 1}


def test_a_hand_over_that_breaks_is_noted_and_tried_again(policy: PolicyServer) -> None:
    clock = Hand()
    submission = Submission(free_port(), policy.server_address[1], clock)
    submission.submit(letter("kim@a.example"))
    assert len(submission.troubles) == 1
    assert submission.fates(ANN) == {Fate.WAITING: 1}
    clock.now = TRY_AGAIN_AFTER
    assert submission.try_again() == 1


def test_a_policy_service_that_says_something_else_is_trouble(policy: PolicyServer) -> None:
    policy.answer = b"action=REJECT\n\n"
    with SmtpSink() as sink:
        submission = Submission(sink.port, policy.server_address[1], Hand())
        submission.submit(letter("kim@a.example"))
        assert not sink.messages
    assert "REJECT" in submission.troubles[0]
