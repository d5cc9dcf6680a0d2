"""Encryption of one held message: AES-256-GCM in chunks, so that a large one needs little memory.

A file begins with a header line, the id of its key and a random salt. Each file has a key of its own, made by
HKDF-SHA256 (RFC 5869) from the configured key, the salt and the message's id: so a chunk's number can be its nonce, and
no file can take the place of another. Each chunk is bound to its number and to whether it is the last, as in the
STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar (2015): a file that was cut, reordered or joined from two
cannot be read.
"""

import os
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from detector.relay.held_keys import HoldKey, HoldKeys

HEADER = b"held mail, version 1\n"
KEY_ID_BYTES = 8
SALT_BYTES = 16
CHUNK_BYTES = 65_536
TAG_BYTES = 16


class Unreadable(Exception):
    """A held message cannot be read; the text says why, without a word of its content."""


class Sealer:
    """Writes one message. What was written cannot be read before `finish`."""

    def __init__(self, file: IO[bytes], key: HoldKey, message_id: str) -> None:
        salt = os.urandom(SALT_BYTES)
        self._file = file
        self._cipher = _cipher(key, salt, message_id)
        self._number = 0
        self._pending = bytearray()
        file.write(HEADER + key.key_id.encode("ascii") + salt)

    def write(self, octets: bytes) -> None:
        self._pending += octets
        # A full chunk stays until more comes: only then is it known not to be the last.
        while len(self._pending) > CHUNK_BYTES:
            self._seal(bytes(self._pending[:CHUNK_BYTES]), last=False)
            del self._pending[:CHUNK_BYTES]

    def finish(self) -> None:
        self._seal(bytes(self._pending), last=True)
        self._pending.clear()

    def _seal(self, octets: bytes, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number), octets, _bound_to(self._number, last)))
        self._number += 1


def unseal(file: IO[bytes], keys: HoldKeys, message_id: str) -> Iterator[bytes]:
    """The message, chunk by chunk; believe none of it before the end was reached. Raises `Unreadable`."""
    if file.read(len(HEADER)) != HEADER:
        msg = "the file is damaged: not one of ours"
        raise Unreadable(msg)
    key_id = file.read(KEY_ID_BYTES).decode("ascii", "replace")
    key = keys.get(key_id)
    if key is None:
        msg = f"there is no key {key_id} among `hold.keys`: add the key that was in use when the message was held"
        raise Unreadable(msg)
    cipher = _cipher(key, file.read(SALT_BYTES), message_id)
    chunk, number = file.read(CHUNK_BYTES + TAG_BYTES), 0
    while True:
        following = file.read(CHUNK_BYTES + TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number), chunk, _bound_to(number, last=not following))
        except InvalidTag as error:
            msg = f"the file is damaged: its chunk {number} cannot be decrypted"
            raise Unreadable(msg) from error
        if not following:
            return
        chunk, number = following, number + 1


def sealed_by(file: IO[bytes]) -> str:
    """The id of the key that a file was written with; empty if it is none of ours."""
    head = file.read(len(HEADER) + KEY_ID_BYTES)
    return head[len(HEADER) :].decode("ascii", "replace") if head.startswith(HEADER) else ""


def _cipher(key: HoldKey, salt: bytes, message_id: str) -> AESGCM:
    purpose = b"held mail\0" + message_id.encode("utf-8", "surrogateescape")
    return AESGCM(HKDF(SHA256(), 32, salt, purpose).derive(key.secret))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _bound_to(number: int, last: bool) -> bytes:
    return number.to_bytes(8, "big") + (b"\1" if last else b"\0")
