import email
import email.policy
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from detector.config import ClientTls, ConfigError, HostPort, NextHop, NoticeSettings
from detector.incident.notice import Notice
from detector.ports import Contact, Refused, Temporary
from detector.response.smtp_notifier import SmtpNotifier
from tests.support.ports import free_port
from tests.support.response import NOW
from tests.support.smtp_sink import CLOSE, SmtpSink, SunkMessage

NOTICE = Notice(
    "i-1", "ann@example.org", "Ihr Konto kann keine E-Mail senden: Grüße", "Grüße\n.\nvon uns\n" + "x" * 1200
)
CONTACT = Contact("ann@example.org", "ann@private.example", "Änn")


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def notifier(*ports: int, tls: ClientTls | None = None) -> SmtpNotifier:
    servers = tuple(HostPort(host="127.0.0.1", port=port) for port in ports)
    next_hop = NextHop(servers=servers, tls=tls or ClientTls(), connect_time=5.0, reply_time=5.0)
    settings = NoticeSettings(sender="abuse@example.org", sender_name="Abuse desk")
    return SmtpNotifier(settings, next_hop, "relay.example.org", lambda: NOW)


def sent(sink: SmtpSink) -> tuple[SunkMessage, EmailMessage]:
    message = sink.wait_for_messages(1)[0]
    return message, email.message_from_bytes(message.content, policy=email.policy.default)


def test_the_notice_is_the_mail_of_a_role(sink: SmtpSink) -> None:
    assert notifier(sink.port).send(NOTICE, CONTACT, "i-1.notify_customer") == "handed to the next hop"
    sunk, message = sent(sink)
    assert sunk.sender.address == ""
    assert sunk.addresses == ("ann@private.example",)
    assert message["From"] == "Abuse desk <abuse@example.org>"
    assert message["To"] == "Änn <ann@private.example>"
    assert message["Subject"] == NOTICE.subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert message["Message-ID"] == "<i-1.notice@relay.example.org>"
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == NOTICE.body + "\n"


def test_every_octet_can_travel_on_any_path(sink: SmtpSink) -> None:
    notifier(sink.port).send(NOTICE, CONTACT, "r")
    sunk, _ = sent(sink)
    assert sunk.content.isascii()
    assert max(map(len, sunk.content.split(b"\r\n"))) <= 78


def test_a_notice_that_is_sent_again_is_recognised(sink: SmtpSink) -> None:
    for _ in range(2):
        notifier(sink.port).send(NOTICE, CONTACT, "r")
    first, second = (email.message_from_bytes(m.content)["Message-ID"] for m in sink.wait_for_messages(2))
    assert first == second


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_a_negative_reply_says_whose_turn_it_is(sink: SmtpSink, verb: str) -> None:
    sink.answer(verb, "", "451 4.3.0 Later", 1)
    with pytest.raises(Temporary, match=r"answered 451 4\.3\.0 Later"):
        notifier(sink.port).send(NOTICE, CONTACT, "r")
    sink.obey_again()
    sink.answer(verb, "", "550 5.7.1 Never")
    with pytest.raises(Refused, match=r"answered 550 5\.7\.1 Never"):
        notifier(sink.port).send(NOTICE, CONTACT, "r")
    assert sink.messages == []


def test_a_lost_connection_may_come_back(sink: SmtpSink) -> None:
    sink.answer("DATA", "", CLOSE)
    with pytest.raises(Temporary):
        notifier(sink.port).send(NOTICE, CONTACT, "r")


def test_the_second_server_is_asked_when_the_first_is_gone(sink: SmtpSink) -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        dead = gone.getsockname()[1]
        notifier(dead, sink.port).send(NOTICE, CONTACT, "r")
        with pytest.raises(Temporary, match="refused"):
            notifier(dead).send(NOTICE, CONTACT, "r")
        with pytest.raises(ConfigError, match="no notice can be sent"):
            notifier(dead).check()
    assert len(sink.messages) == 1


@pytest.mark.parametrize("mode", ["require", "verify"])
def test_encryption_that_is_required_is_not_done_without(sink: SmtpSink, mode: str) -> None:
    with pytest.raises(Temporary, match="STARTTLS"):
        notifier(sink.port, tls=ClientTls.model_validate({"mode": mode})).send(NOTICE, CONTACT, "r")
    assert sink.messages == []


class Inbox:
    """What an aiosmtpd server was sent, and whether it came encrypted."""

    def __init__(self) -> None:
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 Ok"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture
def encrypted(certificate: tuple[Path, Path]) -> Iterator[tuple[int, Inbox]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, tls_context=context)
    controller.start()
    yield port, inbox
    controller.stop()


@pytest.mark.parametrize("mode", ["off", "may", "require", "verify"])
def test_the_notice_is_encrypted_as_configured(
    encrypted: tuple[int, Inbox], certificate: tuple[Path, Path], mode: str
) -> None:
    port, inbox = encrypted
    tls = ClientTls.model_validate({"mode": mode, "ca_file": certificate[0] if mode == "verify" else None})
    notifier(port, tls=tls).send(NOTICE, CONTACT, "r")
    assert inbox.encrypted == [mode != "off"]


def test_a_certificate_of_a_stranger_is_refused_where_it_matters(encrypted: tuple[int, Inbox]) -> None:
    port, inbox = encrypted
    with pytest.raises(Temporary, match="certificate verify failed"):
        notifier(port, tls=ClientTls(mode="verify")).send(NOTICE, CONTACT, "r")
    assert inbox.encrypted == []


class Rude(Inbox):
    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        del server, session, envelope
        return "451 4.3.0 Not now"


def test_a_strange_answer_to_the_farewell_does_not_send_the_notice_twice() -> None:
    inbox, port = Rude(), free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        assert notifier(port).send(NOTICE, CONTACT, "r") == "handed to the next hop"
    finally:
        controller.stop()
    assert len(inbox.encrypted) == 1


def test_a_name_cannot_write_headers(sink: SmtpSink) -> None:
    with pytest.raises(Refused, match="no lawful header"):
        notifier(sink.port).send(replace(NOTICE, subject="a\nBcc: x@example.net"), CONTACT, "r")
    assert sink.messages == []


def test_an_international_address_needs_a_next_hop_that_can(sink: SmtpSink) -> None:
    notifier(sink.port).send(NOTICE, replace(CONTACT, address="änn@private.example"), "r")
    assert sink.wait_for_messages(1)[0].addresses == ("änn@private.example",)
    with SmtpSink(extensions=("8BITMIME",)) as plain, pytest.raises(Refused, match="cannot carry"):
        notifier(plain.port).send(NOTICE, replace(CONTACT, address="änn@private.example"), "r")


def test_check_sends_nothing(sink: SmtpSink, tmp_path: Path) -> None:
    assert notifier(sink.port).check() == "notices from abuse@example.org: the next hop answers"
    assert sink.messages == []
