"""Mail of an account as its submission server hands it to a relay, and an account with a past."""

from itertools import count

from detector.mail.login import PolicyRequest
from tests.support.relay_house import House
from tests.support.smtp_talk import smtp_talk
from tests.support.text_model import CLEAN

ANN = "ann@example.org"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
DAY = 86_400.0


def letter(text: str, number: int, program: str = "Owl 1.0", author: str = ANN) -> bytes:
    """A message of a mail program, without its last line end."""
    return (
        f"Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nFrom: {author}\r\nMessage-ID: <{number}@owl.example>\r\n"
        f"X-Mailer: {program}\r\nSubject: your mail\r\n\r\n{text}"
    ).encode()


async def submit(
    place: House,
    queue_id: str,
    recipients: list[str],
    body: bytes = b"Subject: x\r\n\r\nhello",
    *,
    client: str = AWAY,
    account: str = ANN,
) -> list[str]:
    """One message over one connection; all replies from MAIL on."""
    await place.join.remember(PolicyRequest("loopback", queue_id, "", "", account, account), 0.0)
    return await submit_without_login(place, queue_id, recipients, body, client=client, account=account)


async def submit_without_login(
    place: House,
    queue_id: str,
    recipients: list[str],
    body: bytes = b"Subject: x\r\n\r\nhello",
    *,
    client: str = AWAY,
    account: str = ANN,
) -> list[str]:
    """The same when nobody has told who sends it."""
    async with smtp_talk(place.port) as talk:
        await talk.hear()
        await talk.ask("EHLO mta.example")
        await talk.ask(f"XFORWARD ADDR={client} IDENT={queue_id}")
        replies = [await talk.ask(f"MAIL FROM:<{account}>")]
        if replies[0].startswith("250"):
            replies += [await talk.ask(f"RCPT TO:<{recipient}>") for recipient in recipients]
            replies.append(await talk.ask("DATA"))
        if replies[-1].startswith("354"):
            replies[-1] = await talk.message(body)
        await talk.ask("RSET")
        await talk.ask("QUIT")
    return replies


async def live(place: House, days: int = 20, account: str = ANN) -> None:
    """So many days with two letters to friends, from home by one program; then it is the morning after."""
    numbers = count()
    for day in range(days):
        for number in (next(numbers), next(numbers)):
            friends = [f"friend{number % 4}@example.net"]
            body = letter(f"{CLEAN} Letter {number}.", number)
            replies = await submit(place, f"{account}{number}", friends, body, client=HOME, account=account)
            assert replies[-1].startswith("250"), (day, replies)
            place.now[0] += 3600.0
        place.now[0] += DAY - 7200.0
