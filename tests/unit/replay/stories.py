"""A record of two accounts, one of them hijacked."""

from collections.abc import Iterator

from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.replay.engine import Engine
from detector.replay.findings import Collector, Findings
from detector.replay.profiles import Profiles
from detector.verdict.policy import Policy

DAY = 86_400.0
BEGIN = 20_000 * DAY
THEFT = BEGIN + 40 * DAY + 3600.0
THIEVES_MESSAGES, RECIPIENTS = 50, 10


def mail(account: str, now: float, recipients: list[str], client: str, refused: int = 0) -> Transaction:
    return Transaction(
        transaction_id="t",
        message_key=f"{account} {now}",
        identity=Identity(account, "test", trusted=True),
        client=client,
        helo="",
        mail_from=Address.parse(f"{account}@x.example"),
        recipients=tuple(
            Recipient(Address.parse(text), RecipientStatus.REFUSED, "5.1.1")
            if place < refused
            else Recipient(Address.parse(text), RecipientStatus.ACCEPTED, "2.0.0")
            for place, text in enumerate(recipients)
        ),
        stream=Stream.PERSONAL,
        received_at=now,
    )


def record(victim: str = "ann") -> Iterator[Transaction]:
    """40 quiet days of two accounts, then 50 messages to 10 strangers each, 3 of them refused, within the hour."""
    for day in range(40):
        for account in (victim, "bob"):
            yield mail(account, BEGIN + day * DAY, [f"friend{day % 5}@a.example"], "192.0.2.7")
    for number in range(THIEVES_MESSAGES):
        strangers = [f"u{number}.{place}@d{place}.example" for place in range(RECIPIENTS)]
        yield mail(victim, THEFT + 60.0 * number, strangers, "198.51.100.9", refused=3)


def found(policy: Policy, victim: str = "ann") -> Findings:
    collector, engine = Collector(policy.block_score), Engine(policy, Profiles(), observe=True)
    for transaction in record(victim):
        collector.add(engine.transact(transaction))
    return collector.findings()
