from threading import Thread

import pytest

from detector.config import Retry
from detector.ports import Refused, Temporary
from detector.response.patience import Patience, Stopping
from tests.support.ports import PATIENCE


class Story:
    """Fails as told and remembers what `failed` heard."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.heard: list[tuple[str, bool]] = []

    def act(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def failed(self, problem: str, final: bool) -> None:
        self.heard.append((problem, final))


def patience(attempts: int = 3) -> Patience:
    return Patience(Retry(attempts=attempts, first_wait=0.001))


def test_what_works_is_done_once() -> None:
    story = Story()
    assert patience().attempt(story.act, story.failed) == "done"
    assert story.heard == []


def test_what_may_work_later_is_tried_again() -> None:
    story = Story(Temporary("a"), Temporary("b"))
    assert patience().attempt(story.act, story.failed) == "done"
    assert story.heard == [("a", False), ("b", False)]


def test_the_last_attempt_is_the_last() -> None:
    story = Story(*[Temporary(word) for word in "abcd"])
    assert patience().attempt(story.act, story.failed) is None
    assert story.heard == [("a", False), ("b", False), ("c", True)]


def test_a_refusal_ends_it() -> None:
    story = Story(Temporary("a"), Refused("never"))
    assert patience().attempt(story.act, story.failed) is None
    assert story.heard == [("a", False), ("never", True)]


def test_a_bug_ends_it() -> None:
    story = Story(KeyError("x"))
    assert patience().attempt(story.act, story.failed) is None
    assert story.heard == [("internal error: KeyError", True)]


def test_records_are_asked_until_they_answer() -> None:
    story = Story(*[Temporary("locked")] * 5)
    assert patience(attempts=1).insist(story.act, "apply") == "done"


def test_who_waits_at_the_end_stops() -> None:
    waiting = Patience(Retry(attempts=2, first_wait=3600.0))
    outcome: list[str] = []

    def wait() -> None:
        story = Story(Temporary("a"), Temporary("b"))
        try:
            waiting.attempt(story.act, story.failed)
        except Stopping:
            outcome.append("stopped")

    thread = Thread(target=wait)
    thread.start()
    waiting.end()
    thread.join(PATIENCE)
    assert outcome == ["stopped"]


def test_stopping_is_not_taken_for_a_failure() -> None:
    def stop() -> str:
        raise Stopping

    with pytest.raises(Stopping):
        patience().attempt(stop, Story().failed)
