"""Programs that the operator wrote: JSON on standard input, an exit status as the answer, never a shell."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from threading import Thread
from typing import IO

from detector.config import CommandAction, ConfigError
from detector.ports import Clock, Refused, Secret, Temporary
from detector.response.secret import harmless

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8"}
TRY_AGAIN = os.EX_TEMPFAIL  # 75 in sysexits.h, which delivery agents of mail servers use in the same sense
OUTPUT_BYTES = 65_536


class Command:
    """Runs one program. It gets the directory `/`, a path, a language, and nothing else of our environment.

    Exit status 0 means done. 75 means try again: `Temporary`. Any other status means never: `Refused`.
    A program that was killed, that takes too long or that cannot be started has not decided anything: `Temporary`.
    """

    def __init__(self, settings: CommandAction) -> None:
        self._argv = settings.argv
        self._timeout = settings.timeout
        self._name = os.path.basename(settings.argv[0])  # noqa: PTH119 - a name in argv, not a file of ours

    def run(self, document: Mapping[str, object], secret: Secret | None = None) -> str:
        """What the program wrote to standard output, at most 64 KB. `secret` is blanked in error texts."""
        try:
            process = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"{self._name} cannot be started: {error}"
            raise Temporary(msg) from error
        pipes = _Pipes(process, json.dumps(document).encode())
        status = self._wait(process)
        output, complaints = pipes.texts()
        if status != 0:
            raise self._failure(status, harmless(complaints, secret))
        return output

    def check(self) -> str:
        """Find the program without running it. Raises `ConfigError`."""
        found = shutil.which(self._argv[0], path=PATH)
        if found is None:
            msg = f"command {self._argv[0]} is not a program that can be executed (path {PATH})"
            raise ConfigError(msg)
        return f"command {found}: can be executed"

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(self._timeout)
        except subprocess.TimeoutExpired as error:
            # The whole group: a script's children would go on without it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            msg = f"{self._name} took longer than {self._timeout:g} s and was killed"
            raise Temporary(msg) from error

    def _failure(self, status: int, complaint: str) -> Exception:
        detail = f": {complaint}" if complaint else ""
        if status == TRY_AGAIN:
            return Temporary(f"{self._name} asks to try again{detail}")
        if status < 0:
            return Temporary(f"{self._name} was killed by signal {-status}{detail}")
        return Refused(f"{self._name} ended with status {status}{detail}")


class _Pipes:
    """The three pipes of a program, each served by a thread.

    A thread is left alone when its pipe stays open after the program's end (a child that became a daemon holds it), so
    nothing waits for a pipe longer than a moment; and what exceeds 64 KB is read and dropped, so no program can fill
    our memory or hang on a full pipe.
    """

    def __init__(self, process: subprocess.Popen[bytes], octets: bytes) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            msg = "the program was started without pipes"
            raise ValueError(msg)
        self._kept: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._readers = [
            Thread(target=_read, args=(pipe, kept), daemon=True)
            for pipe, kept in zip((process.stdout, process.stderr), self._kept, strict=True)
        ]
        for reader in self._readers:
            reader.start()
        Thread(target=_write, args=(process.stdin, octets), daemon=True).start()

    def texts(self) -> tuple[str, str]:
        """Standard output and standard error."""
        for reader in self._readers:
            reader.join(1.0)
        output, complaints = (bytes(kept).decode("utf-8", "replace") for kept in self._kept)
        return output, complaints


def _read(pipe: IO[bytes], kept: bytearray) -> None:
    with pipe:
        while octets := os.read(pipe.fileno(), OUTPUT_BYTES):
            kept += octets[: OUTPUT_BYTES - len(kept)]


def _write(pipe: IO[bytes], octets: bytes) -> None:
    # A program need not read its input; then closing (which flushes) fails as writing does.
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(octets)


class CommandPassword:
    """Sets a password by a program: {"action": "change_password", "account", "password", "request_id", "time"}."""

    def __init__(self, command: Command, clock: Clock) -> None:
        self._command = command
        self._clock = clock

    def change_password(self, account: str, password: Secret, request_id: str) -> str:
        """A retry has the same request_id and another password; the program may set it again or keep the first."""
        self._command.run(
            {
                "action": "change_password",
                "account": account,
                "password": password.text,
                "request_id": request_id,
                "time": round(self._clock()),
            },
            password,
        )
        return "set by command"

    def check(self) -> str:
        return self._command.check()


class CommandSessions:
    """Ends sessions by a program: {"action": "end_sessions", "account", "request_id", "time"}."""

    def __init__(self, command: Command, clock: Clock) -> None:
        self._command = command
        self._clock = clock

    def end_sessions(self, account: str, request_id: str) -> str:
        self._command.run(
            {"action": "end_sessions", "account": account, "request_id": request_id, "time": round(self._clock())}
        )
        return "ended by command"

    def check(self) -> str:
        return self._command.check()
