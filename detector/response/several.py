"""Several queues, or several places with sessions, as if they were one."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from detector.config import ConfigError
from detector.ports import MailQueue, Refused, SessionEnder, Temporary


class SessionEnders:
    """Ends sessions everywhere."""

    def __init__(self, enders: Sequence[SessionEnder]) -> None:
        self._enders = enders

    def end_sessions(self, account: str, request_id: str) -> str:
        return _all_of(partial(ender.end_sessions, account, request_id) for ender in self._enders)

    def check(self) -> str:
        return _checked(self._enders)


class MailQueues:
    """Acts on all of them."""

    def __init__(self, queues: Sequence[MailQueue]) -> None:
        self._queues = queues

    def hold(self, account: str, request_id: str) -> str:
        return _all_of(partial(queue.hold, account, request_id) for queue in self._queues)

    def release(self, account: str, request_id: str) -> str:
        return _all_of(partial(queue.release, account, request_id) for queue in self._queues)

    def discard(self, account: str, request_id: str) -> str:
        return _all_of(partial(queue.discard, account, request_id) for queue in self._queues)

    def check(self) -> str:
        return _checked(self._queues)


def _all_of(actions: Iterable[Callable[[], str]]) -> str:
    """The words of all. One that fails keeps none of the others from acting.

    Raises `Temporary` while trying again may help any of them (the others do nothing the second time), else `Refused`.
    """
    told: list[str] = []
    problems: list[Temporary | Refused] = []
    for action in actions:
        try:
            told.append(action())
        except (Temporary, Refused) as problem:
            problems.append(problem)
    if not problems:
        return "; ".join(told)
    kind = Temporary if any(isinstance(problem, Temporary) for problem in problems) else Refused
    raise kind("; ".join([*map(str, problems), *told]))


def _checked(parts: Iterable[MailQueue | SessionEnder]) -> str:
    found: list[str] = []
    problems: list[str] = []
    for part in parts:
        try:
            found.append(part.check())
        except ConfigError as problem:
            problems.append(str(problem))
    if problems:
        raise ConfigError("\n".join(problems))
    return "; ".join(found)
