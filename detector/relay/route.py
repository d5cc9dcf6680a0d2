"""Where mail goes on to, and who has a say in it."""

from dataclasses import dataclass

from detector.metrics import Metrics
from detector.relay.assess import Assessor
from detector.relay.draft import Hold
from detector.relay.pool import Pool
from detector.relay.tagging import Tagger


@dataclass(frozen=True, slots=True)
class Route:
    """What every transaction needs to be passed on; replaced as a whole when the configuration is reloaded."""

    pool: Pool
    assessor: Assessor
    hold: Hold
    metrics: Metrics
    strip: frozenset[str]
    size_limit_bytes: int
    recipients_limit: int
    tagger: Tagger = Tagger()  # noqa: RUF009 - frozen
