"""Three ordinary weeks before the demo begins: judged by the relay's own functions, stored where it will look."""

import asyncio
import secrets
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from detector.cli.demo_world import Customer, Letter
from detector.cli.words import DAY, HOUR
from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.metrics import Metrics
from detector.state.profiles import MemoryProfiles
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy

DAYS = 21


def live(customer: Customer, policy: Policy, until: float) -> tuple[Profile, int]:
    """The customer's profile after the days before `until`, and the number of messages sent on them."""
    profile, number = Profile(), 0
    for day in range(DAYS, 0, -1):
        morning = until - day * DAY
        for _ in range(customer.a_day):
            at = morning + (number % customer.a_day) * 8 * HOUR / customer.a_day
            profile = _send(profile, customer.letter(number), number, at, policy)
            number += 1
    return profile, number


def store(profiles: Iterable[tuple[str, Profile]], state: Path, key: bytes) -> None:
    """Write profiles and the key of their hashes into the state directory of a relay that does not run yet."""

    async def write() -> None:
        store = MemoryProfiles(state / "profiles.sqlite", 1.0, 1000, Metrics("demo"))
        for account, profile in profiles:
            await store.update(account, lambda _, profile=profile: (profile, None))  # type: ignore[misc]
        await asyncio.to_thread(store.close)

    (state / "recipient.key").write_bytes(key)
    (state / "recipient.key").chmod(0o600)
    asyncio.run(write())


def new_key() -> bytes:
    return secrets.token_bytes(32)


def _send(profile: Profile, letter: Letter, number: int, at: float, policy: Policy) -> Profile:
    transaction = _transaction(letter, number, at)
    asked = []
    for recipient in transaction.recipients:
        profile, admitted = admit(profile, recipient.address, at, policy)
        asked.append(recipient if admitted else replace(recipient, status=RecipientStatus.PACED))
    transaction = replace(transaction, recipients=tuple(asked))
    profile, _ = judge(profile, transaction, at, policy)
    return settle(profile, transaction, True, at, policy)


def _transaction(letter: Letter, number: int, at: float) -> Transaction:
    return Transaction(
        transaction_id=f"past-{number}",
        message_key=f"past-{number}",
        identity=Identity(letter.account, "policy-service", trusted=True),
        client=letter.client,
        helo="",
        mail_from=Address.parse(letter.account),
        recipients=tuple(Recipient(Address.parse(one), RecipientStatus.ACCEPTED) for one in letter.recipients),
        stream=Stream.PERSONAL,
        received_at=at,
    )
