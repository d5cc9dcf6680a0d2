"""What one process remembers, and its rooms have in common: the records, the book, and stores of accounts and mail."""

import asyncio
import contextlib
import os
import secrets
from dataclasses import dataclass, field
from itertools import count

from detector.config import Config
from detector.host import recipient_key
from detector.metrics import Metrics
from detector.ports import Clock
from detector.records.book import Book
from detector.records.records import Records
from detector.response.secret import read_secret
from detector.state.build import Builder, Stores


def new_id() -> str:
    """A name for a transaction or an incident that nobody can guess: 40 of its 64 bits are of the operating system.

    Names of one moment begin alike, so that they stand together where they are sorted: what is remembered of the mail
    that was handed over is sorted in at half the price.
    """
    try:
        return _drawn.pop()
    except IndexError:
        beginning, octets = f"{next(_beginnings) % 2**24:06x}", secrets.token_hex(5 * DRAWN)
        names = {beginning + octets[at : at + 10] for at in range(0, len(octets), 10)}
        name = names.pop()
        _drawn.extend(names)
        return name


DRAWN = 256
"""At a time: each message takes a name, and whoever asks the system gives the interpreter to another thread."""
_drawn: list[str] = []
_beginnings = count(secrets.randbits(24))  # each process from another one
os.register_at_fork(after_in_child=_drawn.clear)


@dataclass(slots=True)
class Memory:
    """`open` it first; the `stack` closes it last. `clock` gives Unix seconds, `stopwatch` seconds for measuring."""

    config: Config
    metrics: Metrics
    clock: Clock
    stopwatch: Clock
    stack: contextlib.AsyncExitStack
    book: Book = field(init=False, default_factory=Book)
    key: bytes = field(init=False)
    records: Records = field(init=False)
    stores: Stores = field(init=False)

    async def open(self) -> None:
        """Raises `ConfigError`, `Temporary` or `OSError`."""
        config, state = self.config, self.config.state
        self.key = recipient_key(state.directory / "recipient.key")
        self.records = await asyncio.to_thread(Records, config.records_url)
        self.stack.callback(self.records.close)
        password = None if state.password is None else read_secret(state.password)
        self.stores = await Builder(config, self.key, self.metrics, self.stack, self.book.blocked).build(password)
