"""What the operator's clean mail scores with the text model: kept in a small file, so that a restart costs nothing."""

import asyncio
import os
import threading
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from detector import log
from detector.content.model import Usual
from detector.metrics import Metrics

WRITE_EVERY = 60.0  # seconds; what a crash forgets is learned again within hours
SEAL_BYTES = 16


class UsualFile:
    """Two seals and the histogram: the first says of which model it is, the last that all of it is there.

    `shipped` is what the model brings along, and what is used where the file cannot be. Scores of another model mean
    nothing, so a file of one is set aside like a damaged one.
    """

    def __init__(self, path: Path, model_version: str, shipped: Usual, metrics: Metrics) -> None:
        self._path = path
        self._model = _seal(model_version.encode() + shipped.pack())  # a model trained anew brings another `shipped`
        self._degraded = metrics.state_degraded.labels("texts")
        self._lock = threading.Lock()  # the last writing may overtake one that is under way
        self._written = shipped
        self._shipped = shipped

    def load(self) -> Usual:
        """Blocks. Never fails."""
        try:
            octets = self._path.read_bytes()
        except FileNotFoundError:
            return self._shipped
        except OSError as error:
            self._failed(error)
            return self._shipped
        try:
            self._written = self._unpacked(octets)
        except ValueError as error:
            self._set_aside(error)
        return self._written

    def save(self, usual: Usual) -> None:
        """Write it if it is another than last time: all or nothing. Blocks. Never fails."""
        with self._lock:
            if usual is self._written:
                return
            try:
                self._replace(usual)
            except OSError as error:
                self._failed(error)
            else:
                self._written = usual
                self._degraded.set(0)

    async def keep(self, current: Callable[[], Usual], every: float = WRITE_EVERY) -> None:
        """Save what `current` says, again and again."""
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(self.save, current())

    def _unpacked(self, octets: bytes) -> Usual:
        content, seal = octets[:-SEAL_BYTES], octets[-SEAL_BYTES:]
        if _seal(content) != seal:
            msg = "damaged"
            raise ValueError(msg)
        if content[:SEAL_BYTES] != self._model:
            msg = "of another text model"
            raise ValueError(msg)
        return Usual.unpack(content[SEAL_BYTES:])

    def _replace(self, usual: Usual) -> None:
        content = self._model + usual.pack()
        unfinished = self._path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + _seal(content))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)

    def _set_aside(self, problem: ValueError) -> None:
        kept = self._path.with_name(f"{self._path.name}.unusable")  # of several, the newest is worth a look
        try:
            self._path.replace(kept)
        except OSError as error:
            self._failed(error)
        else:
            log.state_set_aside(str(self._path), str(kept), str(problem))

    def _failed(self, error: OSError) -> None:
        log.state_write_failed(f"{self._path}: {error}")
        self._degraded.set(1)


def _seal(content: bytes) -> bytes:
    return blake2b(content, digest_size=SEAL_BYTES).digest()
