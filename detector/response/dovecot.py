"""Ends the sessions of an account in Dovecot: first the cached logins, then the connections."""

import os
import re
import subprocess

from detector.config import ConfigError, DovecotSessions
from detector.ports import Refused, Temporary
from detector.response.command import ENVIRONMENT

NOBODY_TO_KICK = os.EX_NOHOST  # 68: "no users kicked" (seen with Dovecot 2.3.19)
FOR_EVER = (os.EX_USAGE, os.EX_NOPERM, os.EX_CONFIG)  # 64, 77, 78


# As inet_aton(3) reads them too: 127.1 and 0x7f000001 are 127.0.0.1. A number alone is a name (seen with 2.3.19).
PART = r"(?:0x[0-9a-f]+|\d+)"
NETWORK = re.compile(
    rf"(?:{PART}(?:\.{PART}){{1,3}}|0x[0-9a-f]+|{PART}(?=/)|[0-9a-f.]*:[0-9a-f:.]*)(?:/\d+)?(?: .*)?", re.IGNORECASE
)


def one_account(account: str) -> None:
    """Raises `Refused` for what doveadm would not take for the name of one account.

    `doveadm kick` ends the sessions of all who come from an address, so an account of that name has to wait for people.
    """
    if account.startswith("-") or "*" in account or "?" in account or NETWORK.fullmatch(account):
        msg = f"{account} would be an option, a pattern or a network to doveadm: end its sessions by hand"
        raise Refused(msg)


class Dovecot:
    """`doveadm auth cache flush USER`, then `doveadm kick USER`.

    In this order: a client that is thrown out connects again at once, and Dovecot would let the thief in with the old
    password from its cache. Doing it twice is harmless, so `request_id` needs no memory.
    """

    def __init__(self, settings: DovecotSessions) -> None:
        self._doveadm = settings.doveadm
        self._timeout = settings.timeout

    def end_sessions(self, account: str, request_id: str) -> str:  # noqa: ARG002 - see the class
        """Raises `Temporary` when Dovecot does not answer, `Refused` when it never will."""
        one_account(account)
        self._run("auth", "cache", "flush", account)
        kicked = self._run("kick", account, good=(0, NOBODY_TO_KICK)) == 0
        return "cached logins flushed, sessions ended" if kicked else "cached logins flushed, no session was open"

    def check(self) -> str:
        try:
            self._run("who", good=(0, NOBODY_TO_KICK))
        except (Temporary, Refused) as error:
            raise ConfigError(str(error)) from error
        return f"{' '.join(self._doveadm)}: Dovecot answers"

    def _run(self, *arguments: str, good: tuple[int, ...] = (0,)) -> int:
        what = f"doveadm {' '.join(arguments[:-1]) or arguments[-1]}"
        try:
            done = subprocess.run(
                [*self._doveadm, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout,
                cwd="/",
                env=ENVIRONMENT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            msg = f"{what} did not end: {error}"
            raise Temporary(msg) from error
        complaint = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0][:200]
        # `auth cache flush` ends with 0 also when the auth process cannot be reached (2.3.19): only stderr tells.
        if done.returncode in good and not complaint.startswith(("Error:", "Fatal:")):
            return done.returncode
        msg = f"{what} ended with status {done.returncode}: {complaint}"
        raise (Refused if done.returncode in FOR_EVER else Temporary)(msg)
