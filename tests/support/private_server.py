"""What all servers have in common that tests start for themselves: a directory, a log, and one first process."""

import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.ports import PATIENCE, free_port


class PrivateServer(ABC):
    """One instance. A context manager: leaving it stops the process and removes the directory."""

    def __init__(self, name: str) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.log = self.directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when it answers. Does nothing if it runs."""
        if not self.running:
            self._start()

    def kill(self) -> None:
        """As in a crash: nobody is told anything."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=PATIENCE)
            self._process = None

    @abstractmethod
    def _start(self) -> None:
        """`_begin` it, and wait until it answers."""

    def _begin(self, command: Sequence[str | Path], **options: Any) -> None:
        """`options` are those of `subprocess.Popen`."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory, **options)
