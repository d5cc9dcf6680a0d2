"""Without locks, and told word for word as prometheus_client tells its own."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from detector.metrics import NETWORK_BUCKETS
from detector.quick_metrics import QuickCounter, QuickHistogram


@given(st.lists(st.floats(0.0, 100.0) | st.sampled_from(NETWORK_BUCKETS)))
def test_durations_are_told_as_the_library_tells_them(seconds: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    one = QuickHistogram("d_seconds", "Time.", "command", NETWORK_BUCKETS, ours).labels("MAIL")
    other = Histogram("d_seconds", "Time.", ["command"], buckets=NETWORK_BUCKETS, registry=theirs).labels("MAIL")
    for duration in seconds:
        one.observe(duration)
        other.observe(duration)
    assert without_created(ours) == without_created(theirs)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("cd"), st.floats(0.0, 100.0))))
def test_what_is_counted_is_told_as_the_library_tells_it(counted: list[tuple[str, str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    quick = QuickCounter("n", "Number.", ["x", "y"], ours)
    counter = Counter("n", "Number.", ["x", "y"], registry=theirs)
    for x, y, amount in counted:
        quick.labels(x, y).inc(amount)
        counter.labels(x, y).inc(amount)
    assert without_created(ours) == without_created(theirs)


def without_created(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]
