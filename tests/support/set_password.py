"""A password command as an operator would write one: sets a login's password in a Dovecot file dictionary.

    set_password.py DICTIONARY < {"account": ..., "password": ...}

Each entry is two lines, the key and the value. The file is replaced: Dovecot notices only another inode.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import bcrypt

KEY = "shared/passdb/"


def set_passwords(dictionary: Path, passwords: Mapping[str, str]) -> None:
    lines = dictionary.read_text("utf-8").splitlines() if dictionary.exists() else []
    entries = dict(zip(lines[::2], lines[1::2], strict=True))
    for login, password in passwords.items():
        # Cost 4: the cheapest that exists; the strength of these passwords is not what we test.
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
        entries[KEY + login] = json.dumps({"password": f"{{BLF-CRYPT}}{hashed}"})
    new = dictionary.with_suffix(".new")
    new.write_text("".join(f"{key}\n{value}\n" for key, value in entries.items()), "utf-8")
    new.chmod(0o644)
    new.rename(dictionary)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    set_passwords(Path(sys.argv[1]), {request["account"]: request["password"]})
