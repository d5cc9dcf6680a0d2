"""A relay that holds and releases, killed at random points again and again; the next one finds what is left.

    python tests/support/hold_process.py DIRECTORY PORT-OF-THE-NEXT-HOP KILLS SEED

Each life is a fork of this process, so that it begins within milliseconds. It hands over letters as a client does, who
tries again until he has heard 250, and releases what is held. `told` in the directory lists the letters with a 250.
A life ends by SIGKILL: before or after the n-th of its writes to disk, to the records or to the next hop, or at any
time. The last one lives until nothing is left to do.
"""

import asyncio
import functools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from detector import config, log
from detector.config import HostPort
from detector.records.held_entries import HeldDecision, HeldSelection, HeldState
from detector.records.records import Records
from detector.relay.client_wire import ClientWire
from tests.support.held_house import DOUBTFUL, HeldWorld, doubtful, held_house
from tests.support.relay_house import House

NEW_LETTERS = 2
LONGEST_LIFE = 0.25
WRITES_OF_A_LIFE = 70
SETTINGS = config.parse(f'observe = false\nnext_hop.tls.mode = "off"\n{DOUBTFUL}')


def main() -> None:
    directory, port, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    log.configure("json", "error")
    Records(f"sqlite:///{directory}/records.sqlite").close()  # the tables: no kill is spent on them
    draw = random.Random(seed)
    for number in range(kills):
        child = os.fork()
        if not child:
            _live(directory, port, number, None if number % 3 == 0 else draw.randint(1, WRITES_OF_A_LIFE))
        if number % 3 == 0:
            time.sleep(draw.uniform(0.0, LONGEST_LIFE))
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    asyncio.run(_life(directory, port, kills, last=True))


def _live(directory: Path, port: int, number: int, dies_at: int | None) -> None:
    """Never returns."""
    if dies_at is not None:
        _count_writes(dies_at)
    asyncio.run(_life(directory, port, number))
    os._exit(0)


def _count_writes(dies_at: int) -> None:
    points = [0]

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(write)
        def wrapper(*words: Any, **more: Any) -> Any:
            _step(points, dies_at)
            result = write(*words, **more)
            _step(points, dies_at)
            return result

        return wrapper

    for holder, name in (
        (os, "fsync"),
        (Path, "rename"),
        (Path, "unlink"),
        (ClientWire, "write"),
        (Records, "put_held"),
        (Records, "claim_held"),
        (Records, "settle_held"),
        (Records, "held_erased"),
    ):
        setattr(holder, name, counted(getattr(holder, name)))


def _step(points: list[int], dies_at: int) -> None:
    points[0] += 1
    if points[0] == dies_at:
        os.kill(os.getpid(), signal.SIGKILL)


async def _life(directory: Path, port: int, number: int, last: bool = False) -> None:
    async with held_house(SETTINGS, directory, HostPort(host="127.0.0.1", port=port)) as (place, world):
        place.server._new_id = lambda: os.urandom(8).hex()
        wanted = {f"{life}-{letter}" for life in range(number + 1) for letter in range(NEW_LETTERS)}
        letters = sorted(wanted - _told(directory))
        random.Random(number).shuffle(letters)
        for letter in letters:
            await _hand_over(place, directory, letter)
            await _release(place, world)
        while last and any(one.state in (HeldState.HELD, HeldState.RELEASING) for one in world.all()):
            place.now[0] += 3600.0
            await _release(place, world)


async def _hand_over(place: House, directory: Path, letter: str) -> None:
    body = f"Subject: letter\r\nMessage-ID: <{letter}@x>\r\n\r\nhello".encode()
    answer = await doubtful(place, f"Q{letter}", body, f"writer-of-{letter}@example.org")
    if answer.startswith("250 2.0.0 Ok: queued as"):
        with (directory / "told").open("a") as told:
            told.write(f"{letter}\n")


async def _release(place: House, world: HeldWorld) -> None:
    for message in await asyncio.to_thread(world.records.find_held, HeldSelection(), {HeldState.HELD}):
        chosen = HeldSelection(message=message.message_id)
        await asyncio.to_thread(world.records.decide_held, chosen, HeldDecision.RELEASE, "olga", place.now[0])
    await world.turn(2)
    world.housekeeping.erase()


def _told(directory: Path) -> set[str]:
    try:
        return set((directory / "told").read_text().split())
    except FileNotFoundError:
        return set()


if __name__ == "__main__":
    main()
