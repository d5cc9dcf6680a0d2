"""The door takes reports for its own addresses, within bounds, and 250 means that they are on disk."""

import asyncio
import shutil
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from detector.config import HostPort
from detector.feedback import door as module
from detector.feedback.door import Door
from detector.feedback.maildir import Spool
from detector.metrics import Metrics
from tests.support.certificates import make_certificate
from tests.support.feedback import arf
from tests.support.ports import PATIENCE

BOUNCES, ABUSE = "bounces@hop.example.net", "abuse-reports@hop.example.net"
HERE = HostPort(host="127.0.0.1", port=0)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    spool = Spool(tmp_path / "reports", most=3)
    spool.make()
    ids = count(1)
    made = Door(
        [HERE],
        frozenset({BOUNCES, ABUSE}),
        [ip_network("127.0.0.0/8")],
        "hop.example.net",
        spool,
        lambda: f"r{next(ids)}",
        Metrics("test"),
    )
    await made.start()
    yield made
    await made.stop()


async def talk(door: Door, dialog: Callable[[smtplib.SMTP], Any]) -> Any:
    def run() -> Any:
        with smtplib.SMTP("127.0.0.1", door.ports[0], timeout=PATIENCE) as client:
            return dialog(client)

    return await asyncio.to_thread(run)


def kept(door: Door) -> list[bytes]:
    return [path.read_bytes() for path in sorted((door.spool.directory / "new").iterdir())]


def refusals(door: Door, reason: str) -> float | None:
    return door.metrics.registry.get_sample_value("detector_feedback_problems_total", {"reason": reason})


async def test_a_report_is_on_disk_when_its_sender_hears_250(door: Door) -> None:
    report = arf("bob@example.net")
    await talk(door, lambda client: client.sendmail("", [ABUSE.upper()], report))
    assert kept(door) == [report]


async def test_the_door_relays_nothing(door: Door) -> None:
    for address in ("bob@example.net", "", "postmaster", f"{ABUSE}@elsewhere.example", "@a:b@c"):
        code, _ = await talk(door, lambda client, to=address: (client.ehlo(), client.mail(""), client.rcpt(to))[2])  # type: ignore[misc]
        assert code >= 500
    assert kept(door) == []
    assert (refusals(door, "address") or 0) >= 3


async def test_there_is_no_login(door: Door) -> None:
    features = await talk(door, lambda client: (client.ehlo(), client.esmtp_features)[1])
    assert "auth" not in features


async def test_under_tls_there_is_no_login_either_and_reports_come_in(door: Door, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1")
    trusting = ssl.create_default_context(cafile=certificate.path)
    under_tls = replace(door, tls=certificate.server_context())
    await under_tls.start()

    def dialog(client: smtplib.SMTP) -> dict[str, str]:
        client.starttls(context=trusting)
        client.sendmail("", [BOUNCES], b"x\r\n")
        return client.esmtp_features

    features = await talk(under_tls, dialog)
    assert "size" in features
    assert "auth" not in features
    assert len(kept(under_tls)) == 1
    await under_tls.stop()


async def test_when_too_much_waits_the_sender_tries_again_later(door: Door) -> None:
    for _ in range(3):
        await talk(door, lambda client: client.sendmail("", [BOUNCES], b"x\r\n"))
    with pytest.raises(smtplib.SMTPDataError) as caught:
        await talk(door, lambda client: client.sendmail("", [BOUNCES], b"x\r\n"))
    assert caught.value.smtp_code == 452
    assert refusals(door, "limit") == 1


async def test_a_disk_that_does_not_take_it_is_no_250(door: Door) -> None:
    shutil.rmtree(door.spool.directory / "tmp")
    with pytest.raises(smtplib.SMTPDataError) as caught:
        await talk(door, lambda client: client.sendmail("", [BOUNCES], b"x\r\n"))
    assert caught.value.smtp_code == 452
    assert refusals(door, "disk") == 1


async def test_what_comes_to_an_address_that_we_tagged_is_kept_with_it(door: Door) -> None:
    ours = "bt=7f.512c.t1.abcdefghijklmnop=ann@customer.example"
    door.is_tagged = lambda address: str(address) == ours
    plain = b"Subject: failure notice\r\n\r\nSorry, bob@example.net is unknown.\r\n"
    await talk(door, lambda client: client.sendmail("", [ours], plain))
    assert kept(door) == [b"X-Original-To: " + ours.encode() + b"\r\n" + plain]


async def test_what_comes_to_an_expired_or_forged_tag_is_taken_dropped_and_counted(door: Door) -> None:
    old, ours = (f"bt=7f.512c.{number}.abcdefghijklmnop=ann@customer.example" for number in ("t1", "t2"))
    door.is_tagged = lambda address: str(address) == ours
    await talk(door, lambda client: client.sendmail("", [old], b"x\r\n"))
    assert kept(door) == []
    assert (refusals(door, "tag"), refusals(door, "address")) == (1, 0)
    await talk(door, lambda client: client.sendmail("", [old, ours], b"y\r\n"))
    await talk(door, lambda client: client.sendmail("", [old, ABUSE], b"z\r\n"))
    assert kept(door) == [b"X-Original-To: " + ours.encode() + b"\r\ny\r\n", b"z\r\n"]
    assert refusals(door, "tag") == 1


async def test_what_only_looks_like_a_tag_is_no_address(door: Door) -> None:
    for text in (
        "bt=7f.512c.t1.abc=ann@x.example",
        "bt=x=ann@x.example",
        f"bt=7f.512c.{'t' * 41}.{'a' * 16}=a@x.example",
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await talk(door, lambda client, to=text: client.sendmail("", [to], b"x\r\n"))  # type: ignore[misc]


async def test_a_huge_message_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(smtplib.SMTPResponseException) as caught:
        await talk(door, lambda client: client.sendmail("", [BOUNCES], b"x" * 5000 + b"\r\n"))
    assert caught.value.smtp_code == 552
    assert kept(door) == []
    assert refusals(door, "size") == 1


async def test_a_line_without_end_is_refused(door: Door) -> None:
    def long_line(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo()
        client.mail("")
        client.rcpt(BOUNCES)
        return client.data(b"Subject: " + b"x" * 2 * module.LINE_BYTES + b"\r\n")

    code, _ = await talk(door, long_line)
    assert code == 500
    assert (kept(door), refusals(door, "size")) == ([], 1)


async def test_a_size_that_is_announced_is_counted_like_one_that_comes(door: Door) -> None:
    code, _ = await talk(door, lambda client: (client.ehlo(), client.mail("", [f"size={10 * module.MOST_BYTES}"]))[1])
    assert code == 552
    assert refusals(door, "size") == 1


async def test_so_many_connections_and_no_more(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 1)

    def second(client: smtplib.SMTP) -> int:
        with pytest.raises(smtplib.SMTPConnectError) as caught:
            smtplib.SMTP("127.0.0.1", door.ports[0], timeout=PATIENCE)
        client.noop()
        return caught.value.smtp_code

    assert await talk(door, second) == 421


async def test_hosts_that_are_not_named_are_turned_away(door: Door, tmp_path: Path) -> None:
    strict = replace(door, clients=[ip_network("192.0.2.0/24")])
    await strict.start()
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        await talk(strict, lambda client: client.noop())
    assert caught.value.smtp_code == 554
    await strict.stop()


async def test_too_many_recipients_are_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECIPIENTS", 1)
    refused = await talk(door, lambda client: client.sendmail("", [BOUNCES, ABUSE], b"x\r\n"))
    assert list(refused) == [ABUSE]


async def test_stopping_ends_the_sessions(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.ports[0])
    await reader.readline()
    await door.stop()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
