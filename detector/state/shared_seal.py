"""Whose shared state it is, and whether it has lost everything since we have last seen it."""

from secrets import token_hex

from detector.config.errors import ConfigError
from detector.state.shared_client import Client
from detector.state.shared_words import SEAL, SEAL_KEY, SEAL_OCTETS, seal_of


class Seal:
    """Of one process. `key` is the key of hashes of this host: who shares profiles must have the same one.

    Beside the seal stands a mark, which is another one when a server has lost everything. `emptied`: between the last
    two times that it was shown.
    """

    def __init__(self, key: bytes) -> None:
        self._seal = seal_of(key)
        self._mark = b""
        self.emptied = False

    async def show(self, client: Client) -> None:
        """Where none is, ours is written. Raises `ConfigError` when there is another, and what the client raises."""
        told = await client.ask("EVAL", SEAL.text, 1, SEAL_KEY, self._seal, token_hex(8))  # fails if there is no room
        if told[:SEAL_OCTETS] != self._seal:
            msg = "state.url: others that use it have another recipient.key; copy that file of theirs to this host"
            raise ConfigError(msg)
        mark = told[SEAL_OCTETS:]
        self.emptied, self._mark = self._mark not in {b"", mark}, mark

    def unbroken(self, told: bytes | None) -> bool:
        """Whether what stands there now is what was there when it was shown."""
        return told == self._seal + self._mark
