"""Hashes of drawn passwords, as Dovecot and other servers read them."""

import os

import bcrypt
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from detector.ports import Secret

# A drawn password cannot be guessed whatever the work factor is; a high one only slows down the provider's own logins.
BCRYPT_COST = 10
SHA_CRYPT_ROUNDS = 5000
ARGON2_PASSES, ARGON2_KIBIBYTES = 3, 65_536
"""RFC 9106 section 4, the second recommended choice; its four lanes are one here, as Dovecot's own hashes have it."""


def hash_password(password: Secret, scheme: str, prefix: bool = True) -> str:
    """The hash; with `prefix` as Dovecot reads it whatever its default is, `{SCHEME}` in front."""
    hashed = _HASHED[scheme](password.text)
    return f"{{{scheme}}}{hashed}" if prefix else hashed


def _bcrypt(text: str) -> str:
    hashed = bcrypt.hashpw(text.encode(), bcrypt.gensalt(BCRYPT_COST)).decode()
    # Two names of one method; Dovecot itself writes 2y, and panels in PHP know no other.
    return hashed.replace("$2b$", "$2y$", 1)


def _sha512_crypt(text: str) -> str:
    from passlib.hash import sha512_crypt  # late: the import takes longer than all others of this module

    return str(sha512_crypt.using(rounds=SHA_CRYPT_ROUNDS).hash(text))


def _sha256_crypt(text: str) -> str:
    from passlib.hash import sha256_crypt  # late, as above

    return str(sha256_crypt.using(rounds=SHA_CRYPT_ROUNDS).hash(text))


def _argon2id(text: str) -> str:
    method = Argon2id(salt=os.urandom(16), length=32, iterations=ARGON2_PASSES, lanes=1, memory_cost=ARGON2_KIBIBYTES)
    return method.derive_phc_encoded(text.encode())


_HASHED = {
    "BLF-CRYPT": _bcrypt,
    "SHA512-CRYPT": _sha512_crypt,
    "SHA256-CRYPT": _sha256_crypt,
    "ARGON2ID": _argon2id,
}
