"""Postfix's own queue and programs: the mail of one account is put on hold, released and deleted, and no other."""

import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import ConfigError
from detector.config.queues import PostfixQueue as Settings
from detector.ports import Refused, Temporary
from detector.response.postfix_queue import PostfixQueue
from tests.support.dovecot import Dovecot
from tests.support.packages import need
from tests.support.ports import PATIENCE, wait_for
from tests.support.postfix import TRIED_ONCE, Postfix, submission

pytestmark = pytest.mark.e2e

ANN, BOB = "ann@example.org", "bob@example.org"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
# Nobody listens there, and what was tried once is not tried again while a test looks at it.
WAITS_FOR_EVER = {
    "relayhost": "[127.0.0.1]:1",
    "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
    **TRIED_ONCE,
}


@pytest.fixture(scope="module", params=["yes", "no"], ids=["long", "short"])
def server(request: pytest.FixtureRequest) -> Iterator[Postfix]:
    need("postfix")
    with Postfix("queue", {**WAITS_FOR_EVER, "enable_long_queue_ids": request.param}) as postfix:
        yield postfix


@pytest.fixture
def postfix(server: Postfix) -> Iterator[Postfix]:
    yield server
    wait_for(lambda: emptied(server), "the queue is empty", every=0.1)


def emptied(postfix: Postfix) -> bool:
    """One attempt, and one look, can miss what Postfix just moves from one directory to another."""
    postsuper(postfix, "-d", "ALL")
    return not postfix.queue() and not postfix.queue()


def settings(postfix: Postfix, **instead: tuple[str, ...]) -> Settings:
    programs = {name: (name, "-c", str(postfix.directory / "etc")) for name in ("postqueue", "postcat", "postsuper")}
    return Settings.model_validate({"provider": "postfix", **programs, **instead})


def queue(postfix: Postfix, notes: Path, **instead: tuple[str, ...]) -> PostfixQueue:
    return PostfixQueue(settings(postfix, **instead), notes)


def postsuper(postfix: Postfix, option: str, queue_id: str) -> None:
    subprocess.run(
        ["postsuper", "-c", postfix.directory / "etc", option, queue_id],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )


def send(postfix: Postfix, login: str, count: int = 1, subject: str = "hello") -> list[str]:
    """The queue IDs of what a login has sent, when all of it waits for another attempt.

    They are those of the replies: a listing can miss what Postfix just moves, and would give it to the next sender.
    """
    sent = []
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=PATIENCE) as client:
        if login:
            client.ehlo()
            client.docmd(f"XCLIENT LOGIN={login}")
        client.ehlo(f"{ANN}.example")
        for number in range(count):
            client.mail(ANN)
            client.rcpt(f"r{number}@elsewhere.example")
            _, reply = client.data(f"Subject: {subject}\r\n\r\nhello\r\n")
            sent.append(reply.decode().partition("queued as ")[2])
    wait_for(lambda: set(sent) <= set(ids(postfix, "deferred")), f"{count} messages wait", every=0.1)
    return sorted(sent)


def ids(postfix: Postfix, name: str = "") -> list[str]:
    """In a set first: what is just moved from one directory to another is listed twice."""
    return sorted({entry["queue_id"] for entry in postfix.queue() if name in ("", entry["queue_name"])})


def test_only_the_mail_of_one_login_is_put_on_hold(postfix: Postfix, tmp_path: Path) -> None:
    mine = send(postfix, ANN, 3) + send(postfix, "Ann@Example.ORG")
    others = send(postfix, BOB, 2, "named_attribute: sasl_username=ann@example.org") + send(postfix, "")
    for _ in range(2):
        assert queue(postfix, tmp_path).hold(ANN, "r") == "on hold in Postfix's queue: 4"
        assert ids(postfix, "hold") == sorted(mine)
    assert not set(others) & set(ids(postfix, "hold"))


def test_what_was_put_on_hold_is_released_and_what_others_held_is_not(postfix: Postfix, tmp_path: Path) -> None:
    by_others = send(postfix, ANN)
    postsuper(postfix, "-h", by_others[0])
    mine = send(postfix, ANN, 2)
    assert queue(postfix, tmp_path).hold(ANN, "r") == "on hold in Postfix's queue: 2"
    assert queue(postfix, tmp_path).release(BOB, "r") == "released in Postfix's queue: 0"
    assert queue(postfix, tmp_path).release(ANN, "r") == "released in Postfix's queue: 2"
    assert ids(postfix, "hold") == by_others
    wait_for(lambda: ids(postfix) == sorted([*by_others, *mine]), "a look misses nothing that Postfix moves meanwhile")
    assert queue(postfix, tmp_path).release(ANN, "r") == "released in Postfix's queue: 0"
    assert list(tmp_path.iterdir()) == []


def test_what_was_put_on_hold_is_deleted_and_nothing_else(postfix: Postfix, tmp_path: Path) -> None:
    by_others = send(postfix, ANN)
    postsuper(postfix, "-h", by_others[0])
    mine = send(postfix, ANN, 3)
    others = send(postfix, BOB)
    queue(postfix, tmp_path).hold(ANN, "r")
    postsuper(postfix, "-H", mine[0])  # an operator lets one go
    assert queue(postfix, tmp_path).discard(ANN, "r") == "deleted from Postfix's queue: 2"
    left = sorted([*by_others, mine[0], *others])
    wait_for(lambda: ids(postfix) == left, "a look misses nothing that Postfix moves meanwhile")


def test_an_id_that_now_is_somebody_elses_message_is_left_alone(postfix: Postfix, tmp_path: Path) -> None:
    mine, others = send(postfix, ANN), send(postfix, BOB)
    held = queue(postfix, tmp_path)
    held.hold(ANN, "r")
    note = next(tmp_path.iterdir())
    note.write_text(note.read_text().replace(mine[0], others[0]))
    postsuper(postfix, "-h", others[0])
    assert held.discard(ANN, "r") == "deleted from Postfix's queue: 0"
    assert ids(postfix, "hold") == sorted([*mine, *others])


def test_an_empty_queue_is_no_failure(postfix: Postfix, tmp_path: Path) -> None:
    held = queue(postfix, tmp_path)
    assert held.hold(ANN, "r") == "on hold in Postfix's queue: 0"
    assert held.release(ANN, "r") == "released in Postfix's queue: 0"
    assert held.discard(ANN, "r") == "deleted from Postfix's queue: 0"
    assert held.check() == "Postfix's queue: 0 messages, all of its programs may be used"


def test_what_failed_half_way_is_known_to_be_ours(postfix: Postfix, tmp_path: Path) -> None:
    mine = send(postfix, ANN, 2)
    with pytest.raises(Temporary, match="postsuper -h ended with status 1"):
        queue(postfix, tmp_path, postsuper=("false",)).hold(ANN, "r")
    postsuper(postfix, "-h", mine[0])  # as if the crash had come in the middle of it
    assert queue(postfix, tmp_path).hold(ANN, "r") == "on hold in Postfix's queue: 2"
    assert queue(postfix, tmp_path).release(ANN, "r") == "released in Postfix's queue: 2"


def test_five_hundred_messages_are_told_apart(postfix: Postfix, tmp_path: Path) -> None:
    mine, others = send(postfix, ANN, 300), send(postfix, BOB, 200)
    assert queue(postfix, tmp_path).hold(ANN, "r") == "on hold in Postfix's queue: 300"
    wait_for(lambda: ids(postfix, "hold") == mine, "a listing misses nothing that Postfix moves meanwhile")
    assert queue(postfix, tmp_path).discard(ANN, "r") == "deleted from Postfix's queue: 300"
    wait_for(lambda: ids(postfix) == others, "nothing of the other account is touched")


def test_a_check_changes_nothing(postfix: Postfix, tmp_path: Path) -> None:
    sent = send(postfix, ANN, 2)
    postsuper(postfix, "-h", sent[0])
    assert queue(postfix, tmp_path).check().startswith("Postfix's queue: 2 messages")
    assert (ids(postfix, "hold"), ids(postfix, "deferred")) == (sent[:1], sent[1:])


def test_a_user_without_the_right_is_told_so(postfix: Postfix, tmp_path: Path) -> None:
    send(postfix, ANN)
    allowed = settings(postfix)
    held = queue(postfix, tmp_path, postsuper=(*NOBODY, *allowed.postsuper))
    with pytest.raises(Refused, match="reserved for the superuser; does the user"):
        held.hold(ANN, "r")
    with pytest.raises(ConfigError, match="reserved for the superuser"):
        held.check()


def test_reading_needs_no_more_than_the_user_postfix(postfix: Postfix, tmp_path: Path) -> None:
    send(postfix, ANN)
    as_postfix = ("setpriv", "--reuid=postfix", "--regid=postfix", "--clear-groups", *settings(postfix).postcat)
    assert queue(postfix, tmp_path, postcat=as_postfix).hold(ANN, "r") == "on hold in Postfix's queue: 1"


def test_the_submission_server_in_front_knows_the_login(dovecot: Dovecot, tmp_path: Path) -> None:
    """As a provider has it: the customer logs in, and what the hop does not take waits in the queue."""
    login = "queued@example.org"
    dovecot.add_users({login: "secret"})
    with submission(dovecot.auth_socket, hop=1, policy_port=1, more=TRIED_ONCE) as postfix:
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=PATIENCE) as client:
            client.login(login, "secret")
            client.sendmail(BOB, ["r@elsewhere.example"], "Subject: hello\r\n\r\nhello\r\n")
        wait_for(lambda: bool(ids(postfix, "deferred")), "the message waits", every=0.1)
        assert queue(postfix, tmp_path).hold(BOB, "r") == "on hold in Postfix's queue: 0"
        assert queue(postfix, tmp_path).hold(login, "r") == "on hold in Postfix's queue: 1"
        assert queue(postfix, tmp_path).discard(login, "r") == "deleted from Postfix's queue: 1"
        assert postfix.queue() == []


def test_what_came_by_a_session_that_was_still_open_is_deleted_too(postfix: Postfix, tmp_path: Path) -> None:
    send(postfix, ANN, 2)
    queue(postfix, tmp_path).hold(ANN, "r")
    send(postfix, ANN, 3)
    others = send(postfix, BOB)
    assert queue(postfix, tmp_path).discard(ANN, "r") == "deleted from Postfix's queue: 5"
    assert ids(postfix) == others
