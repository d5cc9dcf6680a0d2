"""Numbers are the same on every host, and tell apart what stands for different things."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from detector.content.numbered import BANDS, band_numbers, number64, text_number


def digest(octets: bytes, person: bytes) -> int:
    return int.from_bytes(blake2b(octets, digest_size=8, person=person).digest(), "big")


def test_numbers_are_the_same_on_every_host() -> None:
    assert number64("text", "x") == 0xD146A46244DC9956


def test_a_value_has_another_number_for_another_kind() -> None:
    assert number64("link", "x") != number64("phone", "x")


@given(st.lists(st.binary(min_size=BANDS, max_size=40 * BANDS), min_size=1, max_size=3))
def test_a_text_and_its_bands_have_the_digests_of_their_octets(texts: list[bytes]) -> None:
    for octets in texts:
        assert text_number(octets) == digest(octets, b"text")
        length = len(octets) // BANDS
        pieces = [octets[number * length :][:length] for number in range(BANDS)]
        assert band_numbers(octets) == tuple(digest(piece, b"band%d" % band) for band, piece in enumerate(pieces))
