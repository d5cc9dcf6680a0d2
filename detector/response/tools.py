"""What the containment works with, chosen in `app.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detector.config import Response
from detector.metrics import Metrics
from detector.ports import Clock
from detector.records.records import Records
from detector.response.providers import Providers
from detector.verdict.verdict import Verdict


def in_figures(verdict: Verdict) -> list[str]:
    """The evidence as it was counted, the heaviest first."""
    evidence = sorted((e for group in verdict.groups for e in group.evidence), key=lambda e: -e.nats)
    return [f"{e.group}: {e.signal} {e.value:g}, usual {e.expected:g} ({e.nats:+.1f} nats)" for e in evidence]


@dataclass(frozen=True, slots=True)
class Tools:
    """`explain` tells a verdict's evidence in words, one sentence for each signal."""

    records: Records
    providers: Providers
    settings: Response
    clock: Clock
    metrics: Metrics
    explain: Callable[[Verdict], Sequence[str]] = in_figures
