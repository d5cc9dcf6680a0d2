"""How a containment runs: attempts, dry runs, and who is told when nobody decides."""

from collections.abc import Iterator
from typing import Literal

from detector.config.errors import Contradiction
from detector.config.values import Count, Seconds, Section

StepName = Literal[
    "change_password",
    "revoke_app_passwords",
    "end_sessions",
    "hold_queue",
    "notify_customer",
    "release_queue",
    "discard_queue",
    "apologise",
]


class Retry(Section):
    """How often and how fast a failing step is tried again: the wait doubles each time, up to the longest one."""

    attempts: Count = 10
    first_wait: Seconds = 2.0
    longest_wait: Seconds = 300.0


class Escalation(Section):
    """Operators are told again when nobody has decided for so many seconds; the last time is then repeated.

    `after`: of a contained incident. `pending_after`: of one whose password is not changed before a person says so.
    """

    after: tuple[Seconds, ...] = (86_400.0, 259_200.0)
    pending_after: tuple[Seconds, ...] = (900.0, 3_600.0, 14_400.0)

    def contradictions(self) -> Iterator[Contradiction]:
        for name in ("after", "pending_after"):
            times = getattr(self, name)
            if list(times) != sorted(set(times)):
                yield Contradiction("each time must be longer than the one before it", ((name,),))


class DryRun(Section):
    """Steps that are only told in the timeline, and not done."""

    steps: frozenset[StepName] = frozenset()
