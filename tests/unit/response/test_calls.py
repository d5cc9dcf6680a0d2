from collections.abc import Callable
from threading import Event, Thread

import pytest

from detector.ports import Refused, Temporary
from detector.response.calls import Calls
from detector.response.patience import Stopping
from tests.support.ports import PATIENCE, wait_for


def hanging(until: Event) -> Callable[[], str]:
    def hang() -> str:
        assert until.wait(PATIENCE)
        return "late"

    return hang


def test_an_answer_comes_back() -> None:
    assert Calls(1).call("a", "1", lambda: 42, PATIENCE) == 42


def test_an_error_comes_back() -> None:
    def refuse() -> None:
        raise Refused("never")

    with pytest.raises(Refused, match="never"):
        Calls(1).call("a", "1", refuse, PATIENCE)


@pytest.mark.parametrize("end", [SystemExit(1), KeyboardInterrupt()])
def test_a_provider_that_would_end_the_program_ends_only_its_call(end: BaseException) -> None:
    def leave() -> None:
        raise end

    with pytest.raises(RuntimeError, match=type(end).__name__):
        Calls(1).call("a", "1", leave, PATIENCE)


def test_who_waits_for_one_that_hangs_is_let_go() -> None:
    calls, until = Calls(1), Event()
    with pytest.raises(Temporary, match=r"no answer within 0\.01 s"):
        calls.call("a", "1", hanging(until), 0.01)
    until.set()
    assert calls.call("a", "1", lambda: "new", PATIENCE) == "late"  # there is one call of each key
    assert calls.call("a", "1", lambda: "new", PATIENCE) == "new"


def test_no_more_threads_hang_than_are_allowed() -> None:
    calls, until = Calls(2), Event()
    for key in "12":
        with pytest.raises(Temporary, match="no answer"):
            calls.call("a", key, hanging(until), 0.01)
        calls.forget(key)
    with pytest.raises(Temporary, match="2 calls of before have not been answered yet"):
        calls.call("a", "3", lambda: "never called", 0.01)
    assert calls.call("b", "3", lambda: "another kind", PATIENCE) == "another kind"
    until.set()
    assert calls.call("a", "3", lambda: "room again", PATIENCE) == "room again"


def test_who_waits_at_the_end_is_told() -> None:
    calls, until, outcome = Calls(1), Event(), []

    def wait() -> None:
        try:
            calls.call("a", "1", hanging(until), 60.0)
        except Stopping:
            outcome.append("stopped")

    thread = Thread(target=wait)
    thread.start()
    wait_for(lambda: calls._running("a") == 1, "it hangs")
    calls.end()
    thread.join(PATIENCE)
    until.set()
    assert outcome == ["stopped"]
