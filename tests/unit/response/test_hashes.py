import pytest

from detector.ports import Secret
from detector.response.hashes import hash_password

BEGINNINGS = {
    "BLF-CRYPT": "$2y$10$",
    "SHA512-CRYPT": "$6$",
    "SHA256-CRYPT": "$5$",
    "ARGON2ID": "$argon2id$v=19$m=65536,t=3,p=1$",
}


@pytest.mark.parametrize(("scheme", "beginning"), BEGINNINGS.items())
def test_every_hash_is_salted_and_says_its_scheme(scheme: str, beginning: str) -> None:
    hashes = {hash_password(Secret("n3w"), scheme) for _ in range(2)}
    assert len(hashes) == 2
    assert all(h.startswith(f"{{{scheme}}}{beginning}") for h in hashes)


@pytest.mark.parametrize(("scheme", "beginning"), BEGINNINGS.items())
def test_a_hash_can_go_without_its_prefix(scheme: str, beginning: str) -> None:
    assert hash_password(Secret("n3w"), scheme, prefix=False).startswith(beginning)


def test_no_hash_holds_the_password() -> None:
    assert not [scheme for scheme in BEGINNINGS if "n3w-pass" in hash_password(Secret("n3w-pass"), scheme)]
