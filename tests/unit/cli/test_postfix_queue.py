"""The commands that empty a queue, as a shell runs them on a real one."""

import os
import smtplib
import subprocess
from collections.abc import Iterator

import pytest

from detector.cli.postfix_queue import commands
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.postfix import TRIED_ONCE, Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.debian("postfix")]
THIEF = "o'neil@example.org"


@pytest.fixture
def submission() -> Iterator[Postfix]:
    """Whoever says so has logged in; nothing can be delivered."""
    settings = {
        "relayhost": f"[{HOST}]:{free_port()}",
        "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
        "smtpd_sasl_auth_enable": "yes",
        **TRIED_ONCE,
    }
    with Postfix("submission", settings) as running:
        yield running


def leave_mail(submission: Postfix, login: str, sender: str) -> None:
    with smtplib.SMTP(HOST, submission.port, timeout=PATIENCE) as client:
        client.ehlo()
        client.docmd(f"XCLIENT LOGIN={login}")
        client.ehlo()
        client.sendmail(sender, ["kim@example.net"], b"Subject: x\r\n\r\ny\r\n")


def test_the_mail_of_one_login_is_listed_and_deleted_and_no_other(submission: Postfix) -> None:
    leave_mail(submission, "O'Neil@Example.org", "bank@example.com")
    leave_mail(submission, THIEF, THIEF)
    leave_mail(submission, "bob@example.org", THIEF)
    leave_mail(submission, f"x{THIEF}", "carol@example.org")
    wait_for(lambda: [one["queue_name"] for one in submission.queue()] == ["deferred"] * 4, "all mail was tried")
    mine = {one["queue_id"] for one in submission.queue() if one["sender"] in ("bank@example.com", THIEF)}

    listing, deletion = commands(THIEF)
    done = subprocess.run(
        ["/bin/sh", "-c", f"{listing}\n{deletion}"],
        env={**os.environ, "MAIL_CONFIG": str(submission.directory / "etc")},
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert len(done.stdout.split()) == 2
    assert set(done.stdout.split()) < mine
    assert sorted(one["sender"] for one in submission.queue()) == ["carol@example.org", THIEF]
