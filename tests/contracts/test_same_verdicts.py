"""One hour of mail leads to the same verdicts wherever profiles and campaigns are kept, through one process or three.

Twenty customers write as ever. At half past, five of them are hijacked: they send one text to strangers from a botnet.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from detector.config import Config, State
from detector.mail.content import Content
from detector.mail.delivery import Handed, Receipt
from detector.mail.transaction import Identity, RecipientStatus, Transaction
from detector.metrics import Metrics
from detector.models import load_prior
from detector.state.build import Builder, Stores
from detector.traffic.campaign import keys_of
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.answer import Answer, Kind, learn_answer
from detector.verdict.campaign import suspicious
from detector.verdict.handed import handed
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict
from tests.histories import transaction
from tests.support.stores import TIMEOUT
from tests.support.valkey import Valkey

BEGIN = 1.79e9
MESSAGES = 600
CUSTOMERS = 20
HIJACKED = 5
MTA = "192.0.2.1:25"

Heard = tuple[Verdict, float, Handed | None]


def hour() -> Iterator[Transaction]:
    """The same each time."""
    chance = random.Random(7)
    for number in range(MESSAGES):
        late = number > MESSAGES // 2
        customer = chance.randrange(HIJACKED if late and number % 2 else CUSTOMERS)
        stolen = late and bool(number % 2)
        friends = [(f"friend{chance.randrange(9)}@c{customer}.example", RecipientStatus.ACCEPTED)]
        strangers = [
            (f"s{number}-{n}@d{chance.randrange(99)}.example", chance.choice(list(RecipientStatus))) for n in range(20)
        ]
        text = 4711 if stolen else chance.getrandbits(64)
        content = Content(text, (text & 0xFFFF, 2 * (text & 0xFFFF)), bytes(16), surprise=9.0 if stolen else 0.5)
        sent = transaction(
            number,
            strangers if stolen else friends,
            client=f"198.51.{chance.randrange(99)}.7" if stolen else f"192.0.2.{customer}",
            content=content,
        )
        yield replace(
            sent, identity=Identity(f"customer{customer}", "test", trusted=True), received_at=BEGIN + 6.0 * number
        )


async def pass_on(stores: Stores, sent: Transaction, policy: Policy) -> Heard:
    """What a process does with a message, as in `relay/assess.py`, and what comes back of every seventh."""
    account, now = sent.identity.account, sent.received_at
    for recipient in sent.recipients:
        await stores.profiles.update(account, partial(admit, address=recipient.address, now=now, policy=policy))
    assert sent.content is not None
    keys = keys_of(sent.content)
    others = await stores.campaigns.suspicious_others(keys, account, now)
    sent = replace(sent, content=msgspec.structs.replace(sent.content, accomplices=others))
    verdict = await stores.profiles.update(account, lambda profile: judge(profile, sent, now, policy))
    await stores.campaigns.notice(keys, account, suspicious(verdict), now)

    def settled(profile: Profile) -> tuple[Profile, Handed]:
        return settle(profile, sent, True, now, policy), handed(profile, sent, now, policy)

    receipt = Receipt(MTA, sent.transaction_id)
    await stores.handed_over.remember(receipt, await stores.profiles.update(account, settled), now)
    found = await stores.handed_over.by_queue_id(MTA, sent.transaction_id)
    if int(sent.transaction_id[1:]) % 7 == 0:
        answer = Answer(account, sent.transaction_id, b"8octets1", Kind.REFUSED, now, first_time=True, trusted=True)
        await stores.profiles.update(account, lambda profile: (learn_answer(profile, answer, policy), None))
    return verdict, others, found


async def replay(processes: Sequence[Stores]) -> list[Heard]:
    """Message by message, each through the next process."""
    policy = Policy(b"key", load_prior()[0], "model")
    return [await pass_on(processes[number % len(processes)], sent, policy) for number, sent in enumerate(hour())]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def process(directory: Path, url: str, stack: AsyncExitStack) -> Stores:
    await asyncio.to_thread(directory.mkdir)
    state = State(directory=directory, url=url, timeout=4 * TIMEOUT)
    return await Builder(Config(state=state, patience=60.0), b"key", Metrics("test"), stack).build(None)


@pytest.mark.debian("redis-server")
@pytest.mark.parametrize("server", ["valkey", "valkey_cluster"])
async def test_one_hour_of_mail_has_the_same_verdicts_embedded_and_shared_by_three_processes(
    request: pytest.FixtureRequest, server: str, tmp_path: Path, stack: AsyncExitStack
) -> None:
    there: Valkey = request.getfixturevalue(server)
    embedded = await replay([await process(tmp_path / "embedded", "", stack)])
    shared = await replay([await process(tmp_path / name, there.url, stack) for name in ("one", "two", "three")])
    assert embedded == shared
    actions = {verdict.action for verdict, _, _ in embedded}
    assert {Action.ACCEPT, Action.BLOCK} <= actions  # or it would say nothing
    assert max(others for _, others, _ in embedded) > 2.0
