"""The mail of one account that waits in Postfix's queue: on hold, free again, or gone (tried with Postfix 3.7).

`postqueue -j` does not know who had logged in. The queue file does: smtpd(8) writes an attribute into it, which
`postcat -qe` shows. Only that counts; senders are forged.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from detector.config import ConfigError
from detector.config.queues import PostfixQueue as Settings
from detector.ports import Refused, Temporary
from detector.response.command import ENVIRONMENT
from detector.response.held_ids import HeldIds
from detector.response.secret import harmless

# Short ones are hexadecimal, long ones have digits and consonants (enable_long_queue_ids). "ALL", which postsuper takes
# for the whole queue, is too short.
QUEUE_ID = re.compile(r"[0-9A-Za-z]{6,32}")
HEADING = re.compile(r"\*\*\* (ENVELOPE RECORDS|MESSAGE FILE END) (?:\S*/)?([0-9A-Za-z]+) \*\*\*")
LOGIN = "named_attribute: sasl_username="
ON_ITS_WAY = ("incoming", "active", "deferred")
BATCH = 200  # messages in one call of postcat: about 4 KB of arguments, of which every system takes 128 KB
# Looks at the queue: while we read, more may have come in, and Postfix moves messages from one directory to another,
# where a program that goes through the directories can miss them.
ROUNDS = 5
NEVER = ("reserved for the superuser", "sudo:", "unauthorized", "not allowed")


class PostfixQueue:
    """A `MailQueue`. Released and deleted is only what was put on hold here (`HeldIds`), and is still on hold.

    A message that is being delivered in this moment may still go out.
    """

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._settings = settings
        self._held = HeldIds(directory)

    def hold(self, account: str, request_id: str) -> str:  # noqa: ARG002 - twice is harmless
        return f"on hold in Postfix's queue: {self._hold(account, besides=frozenset())}"

    def _hold(self, account: str, besides: Collection[str]) -> int:
        """Put what is on its way on hold, except these queue IDs; how many of the account's are on hold now."""
        logins: dict[str, str] = {}
        queue = self._queue()
        for _ in range(ROUNDS):
            waiting = [queue_id for queue_id, name in queue.items() if name in ON_ITS_WAY]
            logins |= self._logins([queue_id for queue_id in waiting if queue_id not in logins])
            mine = {queue_id for queue_id in waiting if _same(logins.get(queue_id, ""), account)} - set(besides)
            if not mine:
                break
            # Noted before it is done: after a crash in between, what is on hold is known to be ours.
            self._held.add(account, mine)
            self._postsuper("-h", "-", mine)
            queue = self._queue()
        return sum(queue.get(queue_id) == "hold" for queue_id in self._held.of(account))

    def release(self, account: str, request_id: str) -> str:  # noqa: ARG002 - nothing is left the second time
        return f"released in Postfix's queue: {self._end_hold(account, '-H', '-')}"

    def discard(self, account: str, request_id: str) -> str:  # noqa: ARG002 - nothing is left the second time
        """Delete what was put on hold, and what has come since: a session of the thief that was open stays open.

        Postfix asks for the password only at the beginning of a session. What an operator has let go stays.
        """
        self._hold(account, besides=self._held.of(account))
        return f"deleted from Postfix's queue: {self._end_hold(account, '-d', '- hold')}"

    def check(self) -> str:
        """Run each program as it will be run, with nothing to do. Raises `ConfigError`, one line for each fault."""
        problems = [problem] if (problem := self._held.check()) else []
        count = 0
        for attempt in (self._check_reading, self._check_changing):
            try:
                count += attempt()
            except (Temporary, Refused) as error:
                problems.append(str(error))
        if problems:
            raise ConfigError("\n".join(problems))
        return f"Postfix's queue: {count} messages, all of its programs may be used"

    def _check_reading(self) -> int:
        queue = self._queue()
        self._logins(list(queue)[:1] or ["000000"])  # if there is none, an ID that there is not
        return len(queue)

    def _check_changing(self) -> int:
        for option, words in (("-h", "-"), ("-H", "-"), ("-d", "- hold")):
            self._postsuper(option, words, ())
        return 0

    def _end_hold(self, account: str, option: str, words: str) -> int:
        queue = self._queue()
        on_hold = [queue_id for queue_id in self._held.of(account) if queue.get(queue_id) == "hold"]
        # Asked once more: a short queue ID may have become that of somebody else's message.
        mine = [queue_id for queue_id, login in self._logins(on_hold).items() if _same(login, account)]
        if mine:
            self._postsuper(option, words, mine)
        self._held.forget(account)
        return len(mine)

    def _queue(self) -> dict[str, str]:
        """The queue IDs with the names of the queues that they are in."""
        with self._run(self._settings.postqueue, ("-j",)) as (status, output, complaint):
            if status != 0:
                raise self._failure("postqueue -j", status, complaint)
            try:
                entries = [json.loads(line) for line in output]
                named = {str(entry["queue_id"]): str(entry["queue_name"]) for entry in entries}
            except (ValueError, KeyError, TypeError) as error:
                msg = "postqueue -j does not tell queue IDs: Postfix 3.1 or newer is needed"
                raise Refused(msg) from error
        return {queue_id: name for queue_id, name in named.items() if QUEUE_ID.fullmatch(queue_id)}

    def _logins(self, queue_ids: Sequence[str]) -> dict[str, str]:
        """Who had logged in to send each message, empty if nobody had; what can no longer be read is left out."""
        found: dict[str, str] = {}
        for start in range(0, len(queue_ids), BATCH):
            left = queue_ids[start : start + BATCH]
            while left:
                read = self._envelopes(left)
                found |= read
                # postcat ends at the first that it cannot read: a message that went out since it was listed.
                left = left[len(read) + 1 :]
        return found

    def _envelopes(self, queue_ids: Sequence[str]) -> dict[str, str]:
        """The logins of the messages up to the first one that cannot be read, which the complaint then names."""
        with self._run(self._settings.postcat, ("-qe", *queue_ids)) as (status, output, complaint):
            read = dict(_logins_in(output))
            left = queue_ids[len(read) :]
            if status != 0 and (not left or left[0] not in complaint or _is_forbidden(complaint)):
                raise self._failure("postcat -qe", status, complaint)
        return read

    def _postsuper(self, option: str, words: str, queue_ids: Iterable[str]) -> None:
        text = "".join(f"{queue_id}\n" for queue_id in sorted(queue_ids))
        with self._run(self._settings.postsuper, (option, *words.split()), text) as (status, _, complaint):
            if status != 0:
                raise self._failure(f"postsuper {option}", status, complaint)

    @contextmanager
    def _run(self, program: Sequence[str], words: Sequence[str], text: str = "") -> Iterator[tuple[int, IO[str], str]]:
        """The status, the output, and the last complaint. Of a long queue the output is long: it goes to disk."""
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            try:
                done = subprocess.run(
                    [*program, *words],
                    input=text.encode(),
                    stdout=output,
                    stderr=subprocess.PIPE,
                    timeout=self._settings.timeout,
                    cwd="/",
                    env=ENVIRONMENT,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                msg = f"{program[-1]} {words[0]} took longer than {self._settings.timeout:g} s"
                raise Temporary(msg) from error
            except OSError as error:
                msg = f"{program[-1]} cannot be started: {error}"
                raise Temporary(msg) from error
            output.seek(0)
            complaints = done.stderr.decode("utf-8", "replace").strip()
            yield done.returncode, output, complaints.rpartition("\n")[2]

    @staticmethod
    def _failure(what: str, status: int, complaint: str) -> Exception:
        never = _is_forbidden(complaint)
        advice = "; does the user that we run as have the right to it (see the sudo rule)?" if never else ""
        return (Refused if never else Temporary)(f"{what} ended with status {status}: {harmless(complaint)}{advice}")


def _logins_in(output: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each message that is told to its end, with its login."""
    login = ""
    for line in output:
        if line.startswith(LOGIN):
            login = line.removeprefix(LOGIN).rstrip("\n")
        elif heading := HEADING.match(line):
            if heading[1] == "MESSAGE FILE END":
                yield heading[2], login
            login = ""


def _is_forbidden(complaint: str) -> bool:
    return any(word in complaint for word in NEVER)


def _same(login: str, account: str) -> bool:
    """Logins stand in the queue file as the customer has typed them."""
    return login.strip(" \t").lower() == account.lower()
