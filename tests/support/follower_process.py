"""Follows one Postfix log until it is killed: `python -m tests.support.follower_process STATE_DIRECTORY LOG TOLD`.

Every message with a recipient at `friend.example` counts as handed over. Each delivery that the sink is told is a line
of the file TOLD before the sink returns.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from detector.config import parse
from detector.feedback.build import Following
from detector.mail.delivery import Delivery, Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from tests.support.feedback import KEY, hashed

FRIENDS = tuple(f"{kind}{number}@friend.example" for kind in ("good", "bad", "slow", "spam") for number in range(200))


class AllHandedOver:
    """Knows each queue id, and that Ann wrote to her friends."""

    def __init__(self) -> None:
        self._handed = Handed("ann", "t", Stream.PERSONAL, 0.0, frozenset(map(hashed, FRIENDS)))

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None:
        """It knows already."""

    async def by_queue_id(self, server: str, queue_id: str) -> Handed | None:
        return None if server.startswith("log ") else self._handed

    async def by_queue_ids(self, receipts: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Handed]:
        return {one: self._handed for one in receipts if not one[0].startswith("log ")}

    async def by_message_id(self, message_id: str) -> Sequence[Handed]:
        return ()

    async def by_transaction(self, transaction_id: str) -> Sequence[Handed]:
        return ()

    async def forget(self, accounts: Mapping[str, float]) -> None:
        """It is not asked to."""


class FileSink:
    """Repeats what it is told, so that the test sees each time."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def tell(self, deliveries: Sequence[Delivery]) -> None:
        lines = [json.dumps([one.key.hex(), one.status, one.enhanced, one.recipient.hex()]) for one in deliveries]
        os.write(self._file, "".join(f"{line}\n" for line in lines).encode())


async def follow(state: Path, log: Path, told: Path) -> None:
    config = parse(
        f'state.directory = "{state}"\n[[feedback.logs]]\nsource = "file"\nmta = "postfix"\npath = "{log}"\n'
    )
    following = Following(config, AllHandedOver(), FileSink(told), KEY, Metrics("test"), time.time)
    await following.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(follow(*map(Path, sys.argv[1:])))
