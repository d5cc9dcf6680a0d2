"""What is said to the shared state: programs that it runs, keys, and the seal of those who may share it."""

from hashlib import blake2b, sha1

from detector.state.table import octets


class Script:
    """A program that the server runs as one command. It is sent once, and called by the hash of its text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.name = sha1(text.encode(), usedforsecurity=False).hexdigest()  # as the server calls it


SEAL_KEY = b"detector:seal"
SEAL = Script("redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'NX') return redis.call('GET', KEYS[1])")
"""The seal of those who may share it, and behind it a mark that is new when the server has lost everything."""
SEAL_OCTETS = 32


def seal_of(key: bytes) -> bytes:
    """What tells whether others have the same key, and not which."""
    return blake2b(key, digest_size=16, person=b"seal").hexdigest().encode()


def key_of_parts(prefix: bytes, *parts: str) -> bytes:
    """A key that no other parts have: each says how long it is."""
    packed = [octets(part) for part in parts]
    return prefix + b" ".join(b"%d:%b" % (len(part), part) for part in packed)
