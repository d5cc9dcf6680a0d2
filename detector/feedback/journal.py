"""systemd's journal, followed by `journalctl`: its cursor says where to go on."""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct, field

from detector.feedback.source import Batch
from detector.ports import Temporary
from detector.replay.log_files import LINE_BYTES

READ_BYTES = 1 << 20
"""An entry as JSON has 600 octets and more: this is about as much as makes a batch of `follower.MANY_LINES`."""
MOST_BYTES = 16 * LINE_BYTES
"""Of one entry: a line as JSON, where each octet may become five characters, and the fields around it."""
PROBLEM_BYTES = 300
ENDS_WITHIN = 5.0
"""Seconds that a program which says nothing more has to end by itself. A signal sent to one that is just ending would
take its exit status from us: asyncio then tells 255."""
FIELDS = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_UID,_HOSTNAME"
FIRST_PERSON = 1000
"""User ids from here on are people's, and no mail server's (UID_MIN of login.defs(5), Debian Policy section 9.2.2)."""
MAIL = "SYSLOG_FACILITY=2"  # RFC 5424 section 6.2.1: mail system
ALL_BOOTS = "--merge"  # to follow means this boot only, unless several journals are read as one (journalctl.c)


class Entry(Struct):
    """As `journalctl --output=json` writes it; a text that is not UTF-8 is a list of octets (journalctl(1))."""

    cursor: str = field(name="__CURSOR")
    time: str = field(name="__REALTIME_TIMESTAMP", default="0")
    message: str | list[int] | None = field(name="MESSAGE", default=None)
    program: str | list[int] | None = field(name="SYSLOG_IDENTIFIER", default=None)
    process: str | None = field(name="SYSLOG_PID", default=None)
    writer: str | None = field(name="_PID", default=None)
    user: str | None = field(name="_UID", default=None)
    host: str | None = field(name="_HOSTNAME", default=None)

    def is_a_persons(self) -> bool:
        """Anybody may call himself `postfix/smtp` (logger(1)); who it was, journald has from the kernel."""
        return self.user is not None and int(self.user) >= FIRST_PERSON

    def line(self) -> bytes:
        """As a syslog daemon would have written it to a file."""
        head = f"{self.time} {self.host or 'localhost'} "
        process = f"[{self.process or self.writer or 0}]: "
        return head.encode() + _octets(self.program) + process.encode() + _octets(self.message)


class JournalSource:
    """A `Source`. Without a position it begins with the last entry that is there now."""

    def __init__(self, command: Sequence[str], position: str) -> None:
        """`command` is the program and what it is always told, such as `--directory`."""
        self._command = command
        self._cursor = position
        self._process: asyncio.subprocess.Process | None = None
        self._rest = b""

    async def read(self) -> Batch:
        try:
            process = self._process or await self._start()
        except OSError as error:
            msg = f"{self._command[0]} cannot be started: {error.strerror}"
            raise Temporary(msg) from error
        octets = b"" if process.stdout is None else await process.stdout.read(READ_BYTES)
        if not octets:
            raise Temporary(await self._why_ended(process))
        whole, end, self._rest = (self._rest + octets).rpartition(b"\n")
        batch = self._batch(whole.split(b"\n") if end else [])
        if len(self._rest) > MOST_BYTES:
            await self.close()
            msg = f"an entry of the journal has more than {MOST_BYTES} octets"
            raise Temporary(msg)
        return batch

    async def close(self) -> None:
        process, self._process, self._rest = self._process, None, b""
        if process is not None:
            if process.returncode is None:
                process.terminate()
            await process.communicate()

    def _batch(self, entries: Sequence[bytes]) -> Batch:
        lines: list[bytes] = []
        problems: list[str] = []
        for text in entries:
            try:
                entry = msgspec.json.decode(text, type=Entry)
                line, forged = entry.line(), entry.is_a_persons()
            except (msgspec.DecodeError, ValueError):
                problems.append("broken")
                continue
            self._cursor = entry.cursor
            if forged:
                problems.append("refused")
            else:
                lines.append(line)
        return Batch(lines, self._cursor, tuple(problems))

    async def _start(self) -> asyncio.subprocess.Process:
        place = ("--no-tail", f"--after-cursor={self._cursor}") if self._cursor else ("--lines=1",)
        self._process = await asyncio.create_subprocess_exec(
            *self._command, "--output=json", "--all", "--follow", ALL_BOOTS, f"--output-fields={FIELDS}", *place, MAIL,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            limit=READ_BYTES,
        )  # fmt: skip
        return self._process

    async def _why_ended(self, process: asyncio.subprocess.Process) -> str:
        words = b"" if process.stderr is None else await process.stderr.read(PROBLEM_BYTES)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), ENDS_WITHIN)
        await self.close()
        said = words.decode("utf-8", "replace").strip()
        return f"{self._command[0]} ended with status {process.returncode}: {said}"


def _octets(text: str | list[int] | None) -> bytes:
    """One line. Raises `ValueError` for numbers that are no octets."""
    octets = bytes(text) if isinstance(text, list) else (text or "").encode("utf-8", "surrogateescape")
    return octets.replace(b"\n", b" ")[:LINE_BYTES]
