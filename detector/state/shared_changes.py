"""Changes of one profile that wait for the server together, and what came of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from detector.traffic.profile import Profile

Outcome = tuple[Any, Exception | None]
"""The answer, or why there is none."""


@dataclass(slots=True)
class Change:
    """What somebody waits for. `outcome`: what came of it, or what would by all that was known."""

    function: Callable[[Profile], tuple[Profile, Any]]
    answer: asyncio.Future[Any]
    outcome: Outcome | None = None


def apply(changes: Sequence[Change], profile: Profile) -> tuple[Profile, list[Outcome]]:
    """One after the other; a change that fails changes nothing."""
    outcomes: list[Outcome] = []
    for change in changes:
        made, error = tried(change.function, profile)
        if error is None:
            profile, made = made
        outcomes.append((made, error))
    return profile, outcomes


def presumed(change: Change, line: Sequence[Change], profile: Profile) -> Any:
    """What one of the line is answered who cannot wait any longer: as if all before him were made to the profile.

    They are tried all at once: from the beginning for each, a thousand who lose patience together would take seconds.
    """
    if change.outcome is None:
        for one, outcome in zip(line, apply(line, profile)[1], strict=True):
            one.outcome = outcome
    answer, error = change.outcome or (None, LookupError("it is neither in the line, nor was it told"))
    if error is not None:
        raise error
    return answer


def tried(work: Callable[..., Any], *arguments: Any) -> Outcome:
    try:
        return work(*arguments), None
    except Exception as error:  # whatever it is, it is told to whom it belongs
        return None, error


def tell(change: Change, answer: Any, error: Exception | None) -> None:
    change.outcome = answer, error
    if change.answer.done():  # nobody waits any more
        return
    if error is not None:
        change.answer.set_exception(error)
    else:
        change.answer.set_result(answer)
