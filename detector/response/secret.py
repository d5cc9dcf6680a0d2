"""Passwords that are drawn, and secrets of the configuration that are read."""

import os
import re
import secrets
import string

from detector.config import ConfigError, SecretSource
from detector.ports import Secret

# Without the characters that people take for each other when they read a password from paper: 0 O o 1 l I.
ALPHABET = "".join(c for c in string.ascii_letters + string.digits if c not in "0Oo1lI")
GROUPS, GROUP_LENGTH = 5, 5
COMPLAINT_LENGTH = 200


def new_password() -> Secret:
    """A password of 25 characters from 56, in groups: 145 bits from the operating system's random source.

    Draws again (about one time in fifty) until small letters, capitals and digits are all there, because many password
    stores demand it; that takes away a few hundredths of a bit.
    """
    while True:
        groups = ["".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)]
        text = "-".join(groups)
        if any(map(str.islower, text)) and any(map(str.isupper, text)) and any(map(str.isdigit, text)):
            return Secret(text)


def harmless(complaint: str, *hidden: Secret | None) -> str:
    """The first line of what another program or server complained about, without any of these secrets.

    Others tell a secret in another shape as well: without the hyphens, or with others.
    """
    for secret in hidden:
        if secret is not None:
            shape = r"[\W_]*".join(re.escape(c) for c in secret.text if c.isalnum())
            complaint = re.sub(shape, str(secret), complaint) if shape else complaint
    line = next((line.strip() for line in complaint.splitlines() if line.strip()), "")
    return "".join(c if c.isprintable() else "?" for c in line)[:COMPLAINT_LENGTH]


def new_code() -> str:
    """A one-time code of 12 characters in groups of 4, for people to type: 69 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))


def new_salt() -> str:
    """What makes the hashes of two equal codes different."""
    return secrets.token_hex(8)


def read_secret(source: SecretSource) -> Secret:
    """The secret behind a setting, without the line break at its end. Raises `ConfigError`."""
    if source.environment is not None:
        text = os.environ.get(source.environment, "")
        place = f"environment variable {source.environment}"
    else:
        text, place = _read_file(source)
    text = text.rstrip("\r\n")
    if not text:
        msg = f"{place} holds no secret"
        raise ConfigError(msg)
    return Secret(text)


def _read_file(source: SecretSource) -> tuple[str, str]:
    path = source.file
    if path is None:
        msg = "a secret needs a file or an environment variable"
        raise ConfigError(msg)
    try:
        if path.stat().st_mode & 0o007:
            msg = f"{path}: everybody may read this secret; chmod o-rwx {path}"
            raise ConfigError(msg)
        return path.read_text("utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: the secret cannot be read: {error}"
        raise ConfigError(msg) from error
