"""Commands in any order, and a next hop that answers as it likes, against a model of RFC 5321: section 4.1.4 and 3.3.

The model knows what was greeted, which transaction is open, and who was accepted. A 250 is only ever the next hop's.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.fuzz.session import Sessions

POSITIVE = b"250 2.0.0 The next hop's own words\r\n"
ANSWERS = st.sampled_from([POSITIVE, POSITIVE, b"451 4.3.0 later\r\n", b"550 5.7.1 no\r\n"])
BODIES = st.sampled_from(
    [b"", b"Subject: x\r\n\r\nhello\r\n", b"..\r\n", b"\r\n\r\n", b"MAIL FROM:<eve@example.org>\r\n"]
)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    place = Sessions(tmp_path_factory.mktemp("spool"), "relay.limits.errors_per_session = 1000")
    yield place
    place.close()


class OneSession(RuleBasedStateMachine):
    """Each rule is a command; what it must be answered follows from what was said before."""

    sessions: Sessions

    def __init__(self) -> None:
        super().__init__()
        self.talk = self.sessions.run(self.sessions.begin())
        self.greeted = self.mail = False
        self.refused = b""
        self.accepted: list[bytes] = []
        self.taken = 0
        self.answers: set[bytes] = set()

    def say(self, command: bytes, **answers: bytes) -> str:
        self.talk.pool.answers.clear()
        self.talk.pool.answers.update({verb.encode(): reply for verb, reply in answers.items()})
        return self.sessions.run(self.talk.say(command + b"\r\n"))

    def forget_transaction(self) -> None:
        self.mail, self.accepted = False, []

    @rule(verb=st.sampled_from([b"EHLO", b"helo", b"Ehlo"]))
    def greet(self, verb: bytes) -> None:
        assert self.say(verb + b" pc.example").startswith("250")
        self.greeted = True
        self.forget_transaction()

    @rule(answer=ANSWERS, sender=st.sampled_from([b"<ann@example.org>", b"<>"]))
    def mail_from(self, answer: bytes, sender: bytes) -> None:
        heard = self.say(b"MAIL FROM:" + sender, MAIL=answer)
        if not self.greeted or self.mail:
            assert heard.startswith("503 5.5.1")
        else:
            assert heard.encode() == answer
            self.mail = answer is POSITIVE

    @rule(answer=ANSWERS, number=st.integers(0, 9))
    def rcpt_to(self, answer: bytes, number: int) -> None:
        recipient = b"<r%d@example.net>" % number
        heard = self.say(b"RCPT TO:" + recipient, RCPT=answer)
        if not self.mail:
            assert heard.startswith("503 5.5.1")
        else:
            assert heard.encode() == answer
            self.accepted += [recipient] if answer is POSITIVE else []

    @rule(body=BODIES, data=st.sampled_from([b"354 go on\r\n", b"354 go on\r\n", b"451 4.3.0 later\r\n"]), last=ANSWERS)
    def message(self, body: bytes, data: bytes, last: bytes) -> None:
        heard = self.say(b"DATA", DATA=data, **{".": last})
        if not self.accepted:
            assert heard[:4] in {"503 ", "554 ", "450 "}
            return
        assert heard.startswith("354 ")
        heard = self.say(body + b".", DATA=data, **{".": last})
        assert heard.encode() == (last if data.startswith(b"354") else data)
        self.taken += data.startswith(b"354")
        self.forget_transaction()

    @precondition(lambda self: self.accepted)
    @rule(body=st.sampled_from([b"a\nb\r\n", b"a\rb\r\n", b"a\n.\r\n"]))
    def broken_message(self, body: bytes) -> None:
        assert self.say(b"DATA").startswith("354 ")
        assert self.say(body + b".").startswith("550 5.5.2")
        self.forget_transaction()

    @rule()
    def reset(self) -> None:
        assert self.say(b"RSET") == "250 2.0.0 Ok\r\n"
        self.forget_transaction()

    @rule(attributes=st.sampled_from([b"IDENT=4abc", b"ADDR=198.51.100.7 PORT=40123", b"nonsense"]))
    def xforward(self, attributes: bytes) -> None:
        heard = self.say(b"XFORWARD " + attributes)
        assert heard[:3] == ("503" if self.mail else "501" if attributes == b"nonsense" else "250")

    @rule(login=st.sampled_from([b"ann@example.org", b"[UNAVAILABLE]"]))
    def xclient(self, login: bytes) -> None:
        heard = self.say(b"XCLIENT LOGIN=" + login)
        assert heard[:3] == ("503" if self.mail else "220")
        self.greeted = self.greeted and self.mail

    @rule(
        command=st.sampled_from(
            [b"NOOP", b"VRFY ann", b"HELP", b"AUTH PLAIN x", b"STARTTLS", b"FOO", b"", b"EHLO", b"DATA now"]
        )
    )
    def what_changes_nothing(self, command: bytes) -> None:
        expected = {b"NOOP": "250", b"VRFY ann": "252", b"HELP": "214", b"AUTH PLAIN x": "502", b"STARTTLS": "454"}
        heard = self.say(command)
        assert heard[:3] == expected.get(command, heard[:3])
        assert heard[:1] == "5" or command in expected

    @invariant()
    def no_message_is_with_the_next_hop_that_the_client_did_not_send(self) -> None:
        assert len(self.talk.pool.messages) == self.taken
        assert not self.sessions.faults
        assert b"eve" not in b"".join(
            line for line in bytes(self.talk.pool.heard).split(b"\r\n") if line.startswith(b"RCPT")
        )

    def teardown(self) -> None:
        self.sessions.run(self.talk.end())


def test_a_session_in_any_order_follows_the_model_and_never_says_250_for_the_next_hop(sessions: Sessions) -> None:
    machine = type("OneSession", (OneSession,), {"sessions": sessions})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert not sessions.faults
