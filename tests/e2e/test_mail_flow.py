"""Mail of customers passes two real Postfix servers with the hop between them, and nothing happens to it."""

import smtplib
from collections.abc import Iterator

import pytest

from tests.support import postfix
from tests.support.dovecot import Dovecot
from tests.support.mail_path import Customer, MailPath, Peers, Way, letter, log_in, mail_path
from tests.support.ports import free_port, wait_for
from tests.support.smtp_sink import SmtpSink, SunkMessage

pytestmark = pytest.mark.e2e
ANN = Customer("ann@example.net")
BEN = Customer("ben@example.net", network_address="127.0.0.2")
WAYS: tuple[Way, ...] = ("after-queue", "before-queue", "before-queue speed_adjust")
# What tempts a relay: dots at line starts, mbox's From, octets that are no UTF-8, controls, blanks, a long line.
BODY = b"".join(
    (
        b".\r\n", b"..\r\n", b".hidden\r\n", b"From here on\r\n", b"caf\xe9 \xc3\xa9\r\n", b"\x01\x7f\r\n",
        b"trailing \t \r\n", b"\r\n", b"\r\n", b"x" * 990 + b"\r\n", b"and a blank line at the end\r\n\r\n",
    )
)  # fmt: skip


@pytest.fixture(scope="module", params=WAYS)
def path(
    request: pytest.FixtureRequest, dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailPath]:
    """The servers in each of the three ways, shared by tests that look only at mail to recipients of their own."""
    with SmtpSink() as sink:
        peers = Peers(dovecot, sink, tmp_path_factory.mktemp("detector"))
        with mail_path(peers, request.param) as running:
            running.add(ANN, BEN)
            yield running


def test_the_two_servers_alone_deliver_and_bounce(peers: Peers) -> None:
    """The peers themselves are sound: without the hop between them."""
    with (
        postfix.outbound(peers.sink.port, ["^nobody-"]) as outbound,
        postfix.submission(peers.dovecot.auth_socket, outbound.port, free_port()) as submission,
    ):
        peers.dovecot.add_users({ANN.login: ANN.password})
        with log_in(submission, ANN) as client:
            client.sendmail(ANN.login, ["kim@example.org", "nobody-1@example.org"], letter(ANN.login, "alone"))
        [message] = peers.sink.wait_for_messages(1, to="kim@")
        [bounce] = peers.sink.wait_for_messages(1, to=ANN.login)
    assert message.body == b"See you on Friday.\r\n"
    assert bounce.sender.address == ""
    assert b"Final-Recipient: rfc822; nobody-1@example.org" in bounce.content


def test_every_octet_of_a_message_arrives(path: MailPath) -> None:
    header = letter(ANN.login, "octets").partition(b"\r\n\r\n")[0]
    path.send(ANN, ["octets@example.org"], header + b"\r\n\r\n" + BODY, mail_options=["BODY=8BITMIME"])
    [message] = path.sink.wait_for_messages(1, to="octets@")
    assert message.body == BODY
    assert "BODY=8BITMIME" in message.sender.parameters
    assert _without_trace(message) == header


def test_the_hop_adds_one_received_line(path: MailPath) -> None:
    path.send(ANN, ["trace@example.org"], letter(ANN.login, "trace"))
    [message] = path.sink.wait_for_messages(1, to="trace@")
    trace = message.header[: message.header.index(b"From: ")]
    assert [trace.count(b"by " + host) for host in (b"submission.", b"hop.", b"outbound.")] == [1, 1, 1]
    assert trace.count(b"Received: ") == 3


def test_parameters_of_mail_and_rcpt_are_kept(path: MailPath) -> None:
    path.send(
        ANN, ["parameters@example.org"], letter(ANN.login, "parameters"),
        mail_options=["RET=HDRS", "ENVID=QQ314159"],
        rcpt_options=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Kim+2Btag@example.org"],
    )  # fmt: skip
    [message] = path.sink.wait_for_messages(1, to="parameters@")
    [recipient] = message.recipients
    assert {"RET=HDRS", "ENVID=QQ314159"} <= set(message.sender.parameters)
    assert any(parameter.startswith("SIZE=") for parameter in message.sender.parameters)
    assert set(recipient.parameters) == {"NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Kim+2Btag@example.org"}


def test_an_internationalised_address_passes(path: MailPath) -> None:
    content = letter(ANN.login, "Grüße")
    path.send(ANN, ["jürgen@example.org"], content, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    [message] = path.sink.wait_for_messages(1, to="jürgen@")
    assert "SMTPUTF8" in message.sender.parameters
    assert "Subject: Grüße".encode() in message.header


def test_the_account_is_the_login_whatever_the_envelope_says(path: MailPath) -> None:
    with path.log_in(BEN) as client:
        client.sendmail("victim@example.com", ["forged@example.org"], letter("victim@example.com", "forged"))
    path.sink.wait_for_messages(1, to="forged@")
    wait_for(lambda: bool(_verdicts(path, BEN)), "a verdict on the login")
    [event] = _verdicts(path, BEN)
    assert event["identity_source"] == "policy-service"
    assert event["client"] == BEN.network_address
    assert _verdicts(path, Customer("victim@example.com")) == []


@pytest.mark.parametrize("path", ["after-queue"], indirect=True)
def test_after_the_queue_the_refused_recipient_is_bounced_and_the_others_get_the_mail(path: MailPath) -> None:
    path.send(BEN, ["kim@example.org", "nobody-2@example.org", "lou@example.org"], letter(BEN.login, "partly"))
    [bounce] = path.sink.wait_for_messages(1, to=BEN.login)
    path.submission.wait_until_queue_empty()
    path.outbound.wait_until_queue_empty()
    assert len(path.sink.messages_to("kim@")) == len(path.sink.messages_to("lou@")) == 1
    assert path.sink.messages_to("nobody-2@") == []
    assert b"Final-Recipient: rfc822; nobody-2@example.org" in bounce.content
    assert bounce.content.count(b"Final-Recipient") == 1
    assert b"550 5.1.1" in bounce.content


@pytest.mark.parametrize("path", ["before-queue"], indirect=True)
def test_before_the_queue_the_customer_hears_who_is_refused(path: MailPath) -> None:
    with path.log_in(BEN) as client:
        refused = client.sendmail(BEN.login, ["kim@example.org", "nobody-2@example.org"], letter(BEN.login, "partly"))
    path.sink.wait_for_messages(1, to="kim@")
    assert {address: reply[0] for address, reply in refused.items()} == {"nobody-2@example.org": 550}


@pytest.mark.parametrize("path", ["before-queue speed_adjust"], indirect=True)
def test_with_speed_adjust_postfix_makes_one_refused_recipient_the_refusal_of_the_message(path: MailPath) -> None:
    """A limit of Postfix, not of the hop: it has accepted all recipients before it asks."""
    with path.log_in(BEN) as client, pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail(BEN.login, ["kim@example.org", "nobody-2@example.org"], letter(BEN.login, "partly"))
    assert refusal.value.smtp_code == 550
    path.outbound.wait_until_queue_empty()
    assert path.sink.messages_to("kim@") == []


def test_a_dead_next_hop_delays_mail_and_loses_none(peers: Peers) -> None:
    with mail_path(peers) as path:
        path.add(ANN)
        path.outbound.stop()
        recipients = [f"kim-{number}@example.org" for number in range(5)]
        for recipient in recipients:
            path.send(ANN, [recipient], letter(ANN.login, f"dead {recipient[:5]}"))
        wait_for(lambda: path.submission.log().count("status=deferred") >= 5, "Postfix has deferred the mail")
        assert "451 4.4.1" in path.submission.log()
        path.outbound.start()
        path.submission.wait_until_queue_empty()
        path.outbound.wait_until_queue_empty()
    assert sorted(address for message in path.sink.messages for address in message.addresses) == recipients


def _verdicts(path: MailPath, customer: Customer) -> list[dict[str, object]]:
    return [event for event in path.detector.events("verdict") if event["account"] == customer.login]


def _without_trace(message: SunkMessage) -> bytes:
    """The header without the Received fields that every server on the way puts above it."""
    return message.header[message.header.index(b"From: ") :]
