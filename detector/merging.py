"""The figures of several processes as those of one: what is counted is added, and of each gauge it is told how."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import add

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from detector.channel import Figure, Page

COUNTED = frozenset({"counter", "histogram"})
Combine = Callable[[float, float], float]
GAUGES: dict[str, Combine] = {
    "detector_client_connections": add,
    "detector_next_hop_connections": add,
    "detector_next_hop_up": min,
    "detector_spool_bytes": add,
    "detector_profiles": add,
    "detector_state_degraded": max,
    "detector_content_scored_timestamp_seconds": max,
    "process_virtual_memory_bytes": add,
    "process_resident_memory_bytes": add,
    "process_open_fds": add,
    "process_max_fds": add,
}
"""Those in which workers have a say. What the others tell is the same for all, and the first process knows it."""


def page_of(registry: CollectorRegistry) -> Page:
    """What a worker tells."""
    return {
        family.name: [
            Figure(sample.name, dict(sample.labels), sample.value, _told(sample.exemplar))
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        for family in registry.collect()
        if family.type in COUNTED or family.name in GAUGES
    }


def counted(*pages: Page) -> Page:
    """What stays when processes have ended: what they had counted, added up, and none of their gauges.

    Without it a sum would become smaller, and be taken for a restart of everything.
    """
    families = dict.fromkeys(name for page in pages for name in page if name not in GAUGES)
    total: Page = {}
    for family in families:
        found: dict[object, Figure] = {}
        for figure in (figure for page in pages for figure in page.get(family, ())):
            key = _key(figure.name, figure.labels)
            before = found[key].value if key in found else 0.0
            found[key] = Figure(figure.name, figure.labels, before + figure.value)
        total[family] = list(found.values())
    return total


class Merged(Collector):
    """The own figures and those of others. `others` is asked each time; what only others know is left out."""

    def __init__(self, own: CollectorRegistry, others: Callable[[], Sequence[Page]]) -> None:
        self._own = own
        self._others = others

    def registry(self) -> CollectorRegistry:
        merged = CollectorRegistry(auto_describe=False)
        merged.register(self)
        return merged

    def collect(self) -> Iterator[Metric]:
        pages = self._others()
        for family in self._own.collect():
            merged = Metric(family.name, family.documentation, family.type, family.unit)
            merged.samples = _merged(family, [figure for page in pages for figure in page.get(family.name, ())])
            yield merged


def _merged(family: Metric, figures: Iterable[Figure]) -> list[Sample]:
    combine: Combine = GAUGES.get(family.name, add)
    found = {_key(sample.name, sample.labels): sample for sample in family.samples}
    for figure in figures:
        key = _key(figure.name, figure.labels)
        value, exemplar = figure.value, None if figure.exemplar is None else Exemplar(*figure.exemplar)
        before = found.get(key)
        if before is not None:
            value, exemplar = combine(before.value, value), before.exemplar or exemplar
        found[key] = Sample(figure.name, figure.labels, value, None, exemplar)
    return list(found.values())


def _key(name: str, labels: dict[str, str]) -> object:
    return name, tuple(sorted(labels.items()))


def _told(exemplar: Exemplar | None) -> tuple[dict[str, str], float, float | None] | None:
    if exemplar is None:
        return None
    return exemplar.labels, exemplar.value, None if exemplar.timestamp is None else float(exemplar.timestamp)
