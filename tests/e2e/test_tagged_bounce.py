"""A bounce of a real server leads back to the transaction: by the tag in the returned header, or that in the sender."""

import json
import re
import smtplib
from pathlib import Path
from typing import Any

import pytest

from detector.mail.address import Address
from detector.mail.tag import untagged
from tests.support import postfix
from tests.support.detector_process import DetectorProcess
from tests.support.mail_path import letter
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.smtp_sink import SmtpSink

pytestmark = [pytest.mark.e2e, pytest.mark.debian("postfix")]
ANN = "ann@example.net"
SETTINGS = {
    "identity": [{"source": "envelope-sender"}],
    "feedback": {"tags": {"in_envelope": True}},
}


def test_the_bounce_of_a_real_server_is_tied_to_its_transaction(sink: SmtpSink, tmp_path: Path) -> None:
    sink.answer("RCPT", "bob@", "550 5.1.1 No such user here")
    with postfix.outbound(sink.port) as outbound, DetectorProcess(tmp_path, outbound.port, SETTINGS) as detector:
        with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
            client.sendmail(ANN, ["bob@example.org"], letter(ANN, "hello"))
        (bounce,) = sink.wait_for_messages(1, to="ann@example.net")
        (accepted,) = detector.wait_for_events("verdict")
        sender, tag = untagged(Address.parse(bounce.addresses[0]))
        assert (str(sender), bool(tag)) == (ANN, True)

        whole, bare = tmp_path / "bounce.eml", tmp_path / "bare.eml"
        whole.write_bytes(bounce.content)
        bare.write_bytes(bounce.content.replace(b"X-Transaction-Tag", b"X-Taken-Away"))

        def reports() -> list[dict[str, Any]]:
            words = ("--json", "--config", str(detector.path), str(whole), str(bare))
            return list(json.loads(detector.command("feedback", *words))["reports"])

        wait_for(lambda: all(one["tie"] == "tied" for one in reports()), "it is on disk whose the message was")
        for report in reports():
            assert (report["kind"], report["tie"]) == ("bounce", "tied")
            assert report["transaction"] == accepted["transaction"]
            assert [(one["address"], one["cause"]) for one in report["recipients"]] == [
                ("bob@example.org", "no such user")
            ]


HANDBOOK = Path(__file__).parents[2] / "deploy" / "handbook.md"
NOT_EVEN_AN_ID = """From: MAILER-DAEMON@mx.example.org
To: undisclosed-recipients:;
Subject: failure notice

<bob@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)
"""


def untag() -> str:
    """The table that the handbook gives to operators."""
    found = re.search(r"^# /etc/postfix/untag:.*?^endif\n", HANDBOOK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def recipients() -> str:
    """Whom a server shall know, by the handbook: it would bounce to forged senders what the door refuses."""
    found = re.search(r"^ *relay_recipient_maps = (.*?) \.\.\.$", HANDBOOK.read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def test_a_bounce_that_returns_nothing_goes_to_the_customer_and_counts(sink: SmtpSink, tmp_path: Path) -> None:
    door = free_port()
    own = {"tags": {"in_envelope": True}, "listen": [f"{HOST}:{door}"], "addresses": ["bounces@hop.example.net"]}
    inbound = postfix.Postfix(
        "inbound",
        {
            "relay_domains": "hop.example.net example.net",
            "relay_recipient_maps": recipients() + " inline:{@example.net=ok}",
            "transport_maps": f"inline:{{hop.example.net=smtp:[{HOST}]:{door}}}",
            "virtual_alias_maps": "regexp:$config_directory/untag",
            "relayhost": f"[{HOST}]:{sink.port}",
        },
        {"untag": untag()},
    )
    with (
        inbound,
        postfix.outbound(sink.port) as outbound,
        DetectorProcess(tmp_path, outbound.port, SETTINGS | {"feedback": own}) as detector,
    ):
        with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
            client.sendmail(ANN, ["bob@example.org"], letter(ANN, "hello"))
        (mail,) = sink.wait_for_messages(1, to="bob@example.org")
        assert untagged(Address.parse(mail.sender.address))[1]
        with smtplib.SMTP(HOST, inbound.port, timeout=PATIENCE) as client:
            client.sendmail("", [mail.sender.address], NOT_EVEN_AN_ID)
            assert client.docmd("MAIL", "FROM:<>")[0] == 250
            assert client.docmd("RCPT", "TO:<bounces@hop.example.net>")[0] == 250
            assert client.docmd("RCPT", "TO:<joe@hop.example.net>")[0] == 550
        (bounce,) = sink.wait_for_messages(1, to=ANN)
        assert bounce.addresses == (ANN,)
        tied = 'detector_feedback_reports_total{kind="bounce",tie="tag"}'
        wait_for(lambda: detector.metrics().get(tied) == 1.0, "the bounce counts")
