"""A journal of our own: systemd-journald in a mount namespace, with a directory of the test in place of /run."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.ports import PATIENCE, wait_for

JOURNALD = Path("/lib/systemd/systemd-journald")
SCRIPT = """\
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log/journal
mount --bind "$1/sockets" /run/systemd/journal
mount --bind "$1/journal" /run/log/journal
if [ -d /var/log/journal ]; then mount -t tmpfs none /var/log/journal; fi
exec "$2"
"""


def need_journald() -> None:
    """Skip, loudly, where none can be started."""
    if not JOURNALD.exists() or shutil.which("journalctl") is None:
        pytest.skip("no systemd-journald here: install Debian's systemd")
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if os.geteuid() != 0 or tried.returncode != 0:
        pytest.skip("a journal of our own needs root and mount namespaces (unshare -m)")


class Journald:
    """A context manager."""

    def __init__(self) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="journal-"))  # UNIX sockets allow 107 characters only
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """How to read it."""
        return ("journalctl", f"--directory={self._directory / 'journal'}")

    def __enter__(self) -> Self:
        for name in ("sockets", "journal"):
            (self._directory / name).mkdir()
        self._process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", SCRIPT, "sh", str(self._directory), str(JOURNALD)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(self._listens, "systemd-journald listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        shutil.rmtree(self._directory, ignore_errors=True)

    def write(self, program: str, text: bytes, facility: int = 2) -> None:
        """As syslog(3) does."""
        message = b"<%d>%s[4711]: %s" % (facility * 8 + 6, program.encode(), text)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.sendto(message, str(self._directory / "sockets" / "dev-log"))

    def _listens(self) -> bool:
        try:
            self.write("test", b"hello", facility=1)
        except OSError:
            return False
        return any((self._directory / "journal").rglob("*.journal"))
