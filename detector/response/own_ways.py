"""Programs and endpoints of the operator that revoke app passwords or act on a queue.

Both get {"action", "account", "request_id", "time"}; the action is the name of the port's method, with `_queue` behind
it for the queue.
"""

from typing import Protocol

from detector.ports import Clock
from detector.response.command import Command
from detector.response.http import Endpoint


class Way(Protocol):
    """How the operator is told what to do."""

    def act(self, action: str, account: str, request_id: str) -> str:
        """A word for how it was done. Raises `Temporary` or `Refused`."""
        ...

    def check(self) -> str: ...


class CommandWay:
    """By a program."""

    def __init__(self, command: Command, clock: Clock) -> None:
        self._command = command
        self._clock = clock

    def act(self, action: str, account: str, request_id: str) -> str:
        self._command.run(_document(action, account, request_id, self._clock()))
        return "by command"

    def check(self) -> str:
        return self._command.check()


class HttpWay:
    """By a signed request."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock

    def act(self, action: str, account: str, request_id: str) -> str:
        self._endpoint.post(_document(action, account, request_id, self._clock()), request_id)
        return "by HTTP"

    def check(self) -> str:
        return self._endpoint.check()


class OwnAppPasswords:
    """An `AppPasswordRevoker`."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def revoke_app_passwords(self, account: str, request_id: str) -> str:
        return f"app passwords revoked {self._way.act('revoke_app_passwords', account, request_id)}"

    def check(self) -> str:
        return self._way.check()


class OwnQueue:
    """A `MailQueue`."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def hold(self, account: str, request_id: str) -> str:
        return f"put on hold {self._way.act('hold_queue', account, request_id)}"

    def release(self, account: str, request_id: str) -> str:
        return f"released {self._way.act('release_queue', account, request_id)}"

    def discard(self, account: str, request_id: str) -> str:
        return f"deleted {self._way.act('discard_queue', account, request_id)}"

    def check(self) -> str:
        return self._way.check()


def _document(action: str, account: str, request_id: str, now: float) -> dict[str, object]:
    return {"action": action, "account": account, "request_id": request_id, "time": round(now)}
