"""A relay with a real hold behind it: files, records and releaser, whose rounds the test calls."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from detector import config
from detector.mail.address import Address
from detector.mail.transaction import Identity, Stream, Transaction
from detector.metrics import Metrics
from detector.ports import Clock
from detector.records.held_entries import HeldMessage, HeldRecipient, HeldSelection, HeldState
from detector.records.records import Records
from detector.relay.held_carrier import Carrier
from detector.relay.held_courier import Courier
from detector.relay.held_files import HeldFiles
from detector.relay.held_housekeeping import Housekeeping
from detector.relay.held_intake import Intake
from detector.relay.held_keys import HoldKey, HoldKeys
from detector.relay.held_releaser import Releaser
from detector.relay.held_reports import Reports
from detector.relay.held_use import Use
from detector.verdict.hold import held
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict
from tests.support.mail_to import ANN, submit
from tests.support.relay_house import House, house
from tests.support.smtp_sink import SmtpSink

KEY = HoldKey.of(b"k" * 32)
DOUBTFUL = "judging.hold_score = 0.5"
"""A line of configuration by which a first message to ten strangers is held."""
STRANGERS = [f"{name}@{name}-town.example" for name in ("abel", "anne", "bert", "carl", "dora", "emil", "fred", "gina")]
STRANGERS += ["hans@hans-town.example", "irma@irma-town.example"]


@dataclass(slots=True)
class HeldWorld:
    """The parts of a hold; `turn` is one round of the releaser, with all that it begins."""

    files: HeldFiles
    records: Records
    intake: Intake
    releaser: Releaser
    housekeeping: Housekeeping
    metrics: Metrics
    clock: Clock
    spool: str = field(default="spool-1")

    async def turn(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            await self.releaser.work()
            await self.releaser.settled()

    def one(self) -> HeldMessage:
        (message,) = self.all()
        return message

    def all(self) -> list[HeldMessage]:
        return self.records.find_held(HeldSelection())

    def states(self) -> list[HeldState]:
        return [message.state for message in self.all()]

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def make_world(
    directory: Path, settings: config.Config, metrics: Metrics, clock: Clock, keys: Sequence[HoldKey] = (KEY,)
) -> HeldWorld:
    """Over what is in the directory already."""
    spool, hold = "spool-1", settings.hold
    (directory / "held").mkdir(parents=True, exist_ok=True)
    files, records = HeldFiles(directory / "held", HoldKeys(keys)), Records(f"sqlite:///{directory}/records.sqlite")
    use, ids = Use(hold, metrics), count(1)
    reports = Reports(files, "hop.example", lambda: f"report{next(ids)}")
    carrier = Carrier(hold, Courier(files, records, clock), reports, records, metrics, clock)
    intake = Intake(hold, spool, files, records, use, metrics, clock)
    releaser = Releaser(spool, records, carrier, use, metrics, clock)
    return HeldWorld(
        files, records, intake, releaser, Housekeeping(hold, spool, files, records, metrics), metrics, clock
    )


@asynccontextmanager
async def held_house(
    settings: config.Config, directory: Path, next_hop: SmtpSink | config.HostPort
) -> AsyncIterator[tuple[House, HeldWorld]]:
    """Both run by one clock, the house's `now`."""
    worlds: list[HeldWorld] = []

    def build(metrics: Metrics, clock: Clock) -> Intake:
        worlds.append(make_world(directory, settings, metrics, clock))
        return worlds[0].intake

    async with house(settings, directory, next_hop, hold=build) as place:
        world = worlds[0]
        world.housekeeping.begin(world.clock())
        world.intake.remember(world.records.held_digests(world.spool))
        world.releaser.follow(place.route)
        try:
            yield place, world
        finally:
            await world.releaser.stop(5.0)
            world.records.close()


async def doubtful(
    place: House, queue_id: str = "3QID", body: bytes = b"Subject: x\r\n\r\nhello", account: str = ANN
) -> str:
    """Submit a message to ten strangers; the last reply."""
    return (await submit(place, queue_id, STRANGERS, body, account=account))[-1]


def a_held_message(message_id: str = "t1", **changes: Any) -> HeldMessage:
    """One that ann@example.org sent to bob, with the fields that are named changed."""
    score = GroupScore(Group.BULK, 7.0, (Evidence(Group.BULK, "recipients_24h", 480.0, 3.0, 7.0),))
    verdict = Verdict(Action.HOLD, 7.0, (score,), "1", "")
    transaction = Transaction(
        transaction_id=message_id,
        message_key="k",
        identity=Identity(ANN, "policy-service", trusted=True),
        client="192.0.2.1",
        helo="pc.example",
        mail_from=Address("ann", "example.org"),
        recipients=(),
        stream=Stream.PERSONAL,
        received_at=10.0,
    )
    message = HeldMessage(
        message_id=message_id,
        spool="spool-1",
        account=ANN,
        mail=f"FROM:<{ANN}>",
        recipients=(HeldRecipient("TO:<bob@example.net>"),),
        xforward={},
        transaction=transaction,
        verdict=verdict,
        evidence=held(verdict.groups, transaction.stream),
        size_bytes=100,
        held_at=10.0,
        changed_at=10.0,
        key_id=KEY.key_id,
    )
    return replace(message, **changes)
