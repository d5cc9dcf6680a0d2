import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.relay.held_keys import HoldKey, HoldKeys
from detector.relay.held_seal import (
    CHUNK_BYTES,
    HEADER,
    KEY_ID_BYTES,
    SALT_BYTES,
    TAG_BYTES,
    Sealer,
    Unreadable,
    sealed_by,
    unseal,
)

KEY, OTHER = HoldKey.of(b"k" * 32), HoldKey.of(b"o" * 32)
START = len(HEADER) + KEY_ID_BYTES + SALT_BYTES
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
SIZES = st.sampled_from([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7])


def sealed(octets: bytes, message_id: str = "m1", piece: int = 50_000) -> bytes:
    file = io.BytesIO()
    sealer = Sealer(file, KEY, message_id)
    for start in range(0, len(octets), piece):
        sealer.write(octets[start : start + piece])
    sealer.finish()
    return file.getvalue()


def read(file: bytes, message_id: str = "m1", *keys: HoldKey) -> bytes:
    return b"".join(unseal(io.BytesIO(file), HoldKeys(keys or (KEY,)), message_id))


@given(SIZES, st.integers(1, 300_000))
def test_what_is_sealed_is_read_back_equal_in_whatever_pieces_it_came(size: int, piece: int) -> None:
    octets = bytes(range(256)) * (size // 256 + 1)
    assert read(sealed(octets[:size], piece=max(piece, size // 50 + 1))) == octets[:size]


@given(st.integers(0, 3 * SEALED_CHUNK + 100))
def test_a_file_that_was_cut_anywhere_is_not_read(at: int) -> None:
    file = sealed(b"x" * (3 * CHUNK_BYTES + 84))
    with pytest.raises(Unreadable):
        read(file[: min(START + at, len(file) - 1)])


@given(st.integers(0, 200))
def test_a_changed_bit_is_found(at: int) -> None:
    file = bytearray(sealed(b"x" * 100))
    file[at % len(file)] ^= 1
    with pytest.raises(Unreadable):
        read(bytes(file))


def test_chunks_that_changed_places_are_not_read() -> None:
    file = sealed(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c")
    first, second = file[START : START + SEALED_CHUNK], file[START + SEALED_CHUNK : START + 2 * SEALED_CHUNK]
    with pytest.raises(Unreadable, match="its chunk 0 cannot be decrypted"):
        read(file[:START] + second + first + file[START + 2 * SEALED_CHUNK :])


def test_a_file_under_the_name_of_another_message_is_not_read() -> None:
    with pytest.raises(Unreadable):
        read(sealed(b"text"), "m2")


def test_without_its_key_it_is_not_read_and_the_key_is_named() -> None:
    with pytest.raises(Unreadable, match=f"there is no key {KEY.key_id} among `hold.keys`"):
        read(sealed(b"text"), "m1", OTHER)
    assert read(sealed(b"text"), "m1", OTHER, KEY) == b"text"


def test_a_file_tells_its_key_and_nothing_of_the_text() -> None:
    file = sealed(b"secret words")
    assert sealed_by(io.BytesIO(file)) == KEY.key_id
    assert b"secret" not in file
    assert sealed_by(io.BytesIO(b"something else")) == ""
    assert sealed(b"secret words") != file
