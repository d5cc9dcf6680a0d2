"""What the timeline tells about steps, read back."""

from collections.abc import Sequence
from enum import StrEnum

from detector.incident.incident import Event, Incident, State
from detector.records.records import TimelineEntry
from detector.response.hooks import Done
from detector.response.plan import PLANS


class Result(StrEnum):
    """What came of a step. RETRIED is told for each attempt that failed; the others are the end of it."""

    DONE = "done"
    RETRIED = "retried"
    FAILED = "failed"
    SKIPPED = "skipped"
    DRY_RUN = "dry_run"


TRIED = frozenset({Result.DONE, Result.FAILED})
"""Something may have happened."""


def finished_steps(timeline: Sequence[TimelineEntry]) -> list[Done]:
    """The steps that came to an end, in their order."""
    return [done for entry in timeline if (done := _finished(entry)) is not None]


def result_of(timeline: Sequence[TimelineEntry], step: str) -> Result | None:
    """What came of a step; None while it has not ended."""
    return next((Result(done.result) for done in finished_steps(timeline) if done.step == step), None)


def reason_to_ask(timeline: Sequence[TimelineEntry]) -> str:
    """Why a person was asked before the password was changed; empty when nobody was."""
    return next((entry.detail for entry in timeline if entry.event == Event.APPROVAL_NEEDED), "")


def was_released(timeline: Sequence[TimelineEntry]) -> bool:
    """Whether the incident was closed because the customer has cleaned up, and not because it was none."""
    return any(entry.event in {Event.RELEASE, Event.SELF_RELEASE} for entry in timeline)


def is_dismissed(incident: Incident, timeline: Sequence[TimelineEntry]) -> bool:
    return incident.state is State.CLOSED and not was_released(timeline)


def _finished(entry: TimelineEntry) -> Done | None:
    """The step that an entry tells the end of: `Records.record_step` writes `step: result`."""
    step, _, result = entry.event.partition(": ")
    if step not in PLANS or result in ("", Result.RETRIED):
        return None
    return Done(step, result, entry.detail)
