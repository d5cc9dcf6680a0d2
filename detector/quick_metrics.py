"""A counter and a histogram without locks, for what the event loop counts with each message and no other thread."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class QuickCounter(Collector):
    """A counter for what the event loop counts with each message, and no other thread.

    That of prometheus_client has a lock for each number, and takes four times as long.
    """

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._about = name, documentation
        self._labelnames = tuple(labels)
        self._counted: dict[tuple[str, ...], QuickCounter.One] = {}
        registry.register(self)

    class One:
        """The number for these values of the labels."""

        __slots__ = ("value",)

        def __init__(self) -> None:
            self.value = 0.0

        def inc(self, amount: float = 1.0) -> None:
            self.value += amount

    def labels(self, *values: str) -> "QuickCounter.One":
        found = self._counted.get(values)
        if found is None:
            found = self._counted[values] = QuickCounter.One()
        return found

    def describe(self) -> Iterable[Metric]:
        return [CounterMetricFamily(*self._about, labels=self._labelnames)]

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(*self._about, labels=self._labelnames)
        for values, one in list(self._counted.items()):
            family.add_metric(values, one.value)
        return [family]


class QuickHistogram(Collector):
    """A histogram for the same, with one label; `buckets` are upper bounds in seconds, in order."""

    def __init__(
        self, name: str, documentation: str, label: str, buckets: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._about = name, documentation
        self._buckets = buckets
        self._labelnames = (label,)
        self._counted: dict[str, QuickHistogram.One] = {}
        registry.register(self)

    class One:
        """How often it took how long for this value of the label."""

        __slots__ = ("_buckets", "counts", "seconds")

        def __init__(self, buckets: Sequence[float]) -> None:
            self._buckets = buckets
            self.counts = [0] * (len(buckets) + 1)
            self.seconds = 0.0

        def observe(self, seconds: float) -> None:
            self.counts[bisect_left(self._buckets, seconds)] += 1
            self.seconds += seconds

    def labels(self, value: str) -> "QuickHistogram.One":
        return self._counted.setdefault(value, QuickHistogram.One(self._buckets))

    def describe(self) -> Iterable[Metric]:
        return [HistogramMetricFamily(*self._about, labels=self._labelnames)]

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(*self._about, labels=self._labelnames)
        bounds = [*map(floatToGoString, self._buckets), "+Inf"]
        for value, one in list(self._counted.items()):
            family.add_metric([value], list(zip(bounds, accumulate(one.counts), strict=True)), one.seconds)
        return [family]
