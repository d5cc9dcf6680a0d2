from dataclasses import dataclass, field

import pytest

from detector.config import ConfigError
from detector.ports import Refused, Temporary
from detector.response.several import MailQueues, SessionEnders


@dataclass
class Pretended:
    """Ends sessions and holds mail, or fails at it."""

    name: str
    problem: Exception | None = None
    done: list[str] = field(default_factory=list)

    def _do(self, what: str, account: str, request_id: str) -> str:
        if self.problem is not None:
            raise self.problem
        self.done.append(f"{what} {account} {request_id}")
        return f"{what} by {self.name}"

    def end_sessions(self, account: str, request_id: str) -> str:
        return self._do("ended", account, request_id)

    def hold(self, account: str, request_id: str) -> str:
        return self._do("held", account, request_id)

    def release(self, account: str, request_id: str) -> str:
        return self._do("released", account, request_id)

    def discard(self, account: str, request_id: str) -> str:
        return self._do("deleted", account, request_id)

    def check(self) -> str:
        if self.problem is not None:
            raise ConfigError(str(self.problem))
        return f"{self.name} answers"


def test_all_of_them_act() -> None:
    first, second = Pretended("first"), Pretended("second")
    assert SessionEnders([first, second]).end_sessions("ann", "r") == "ended by first; ended by second"
    queues = MailQueues([first, second])
    assert queues.hold("ann", "r") == "held by first; held by second"
    assert queues.release("ann", "r") == "released by first; released by second"
    assert queues.discard("ann", "r") == "deleted by first; deleted by second"
    assert first.done == second.done == [f"{what} ann r" for what in ("ended", "held", "released", "deleted")]


def test_one_that_fails_keeps_none_from_acting() -> None:
    last = Pretended("last")
    enders = SessionEnders([Pretended("first", Temporary("away")), last])
    with pytest.raises(Temporary, match=r"^away; ended by last$"):
        enders.end_sessions("ann", "r")
    assert last.done == ["ended ann r"]


def test_it_is_tried_again_while_that_may_help_any() -> None:
    never, later = Pretended("never", Refused("never")), Pretended("later", Temporary("later"))
    with pytest.raises(Temporary, match=r"^never; later$"):
        MailQueues([never, later]).hold("ann", "r")
    with pytest.raises(Refused, match=r"^never$"):
        MailQueues([never]).hold("ann", "r")


def test_a_check_tells_each_fault_in_a_line_of_its_own() -> None:
    good = Pretended("good")
    assert SessionEnders([good, good]).check() == "good answers; good answers"
    with pytest.raises(ConfigError, match=r"^one\ntwo$"):
        MailQueues([Pretended("a", Refused("one")), good, Pretended("b", Refused("two"))]).check()
