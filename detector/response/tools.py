"""What the containment works with, chosen in `app.py`."""

from dataclasses import dataclass

from detector.config import Response
from detector.metrics import Metrics
from detector.ports import Clock
from detector.records.records import Records
from detector.response.providers import Providers


@dataclass(frozen=True, slots=True)
class Tools:
    """Records, what acts on accounts, the settings, and how it is timed and counted."""

    records: Records
    providers: Providers
    settings: Response
    clock: Clock
    metrics: Metrics
