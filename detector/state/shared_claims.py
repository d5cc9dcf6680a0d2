"""What is to be done once, by whichever of several hosts comes first."""

from hashlib import blake2b

from detector.state.shared_link import Link
from detector.state.shared_words import Script
from detector.state.table import octets

CLAIM = Script("redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) return redis.call('GET', KEYS[1])")
"""Write a name where none stands; the name that stands there."""


class SharedClaims:
    """One for each host. `host` is its own name: what it has claimed it may claim again, since it may have crashed.

    A claim lasts for `keep` seconds. All methods raise `Away`.
    """

    def __init__(self, link: Link, kind: str, host: str, keep: float) -> None:
        self._link = link
        self._prefix = b"detector:claim:" + octets(kind) + b":"
        self._host = blake2b(octets(host), digest_size=8).digest()
        self._keep = max(1, int(keep * 1000))

    async def claim(self, what: bytes) -> bool:
        """Whether it is ours now."""
        owner = await self._link.run(CLAIM, [self._prefix + what], self._host, self._keep)
        return bool(owner == self._host)

    async def taken(self, what: bytes) -> bool:
        """Whether another host has it."""
        owner = await self._link.send("GET", self._prefix + what)
        return owner is not None and owner != self._host
