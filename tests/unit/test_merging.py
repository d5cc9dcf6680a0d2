"""Figures of several processes, told as those of one."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from detector.channel import Page
from detector.merging import GAUGES, Merged, counted, page_of
from detector.metrics import Metrics

PASSED = {"verdict": "accept", "outcome": "accepted"}


def worker(passed: int = 0, connections: int = 0, seconds: float = 0.001) -> Metrics:
    metrics = Metrics("1.0")
    for _ in range(passed):
        metrics.transactions.labels(*PASSED.values()).inc()
        metrics.judged(seconds, "t1")
    metrics.client_connections.set(connections)
    return metrics


def merged(own: Metrics, *pages: Page) -> CollectorRegistry:
    return Merged(own.registry, lambda: pages).registry()


def test_counters_and_histograms_are_added() -> None:
    own = worker(1)
    told = merged(own, page_of(worker(2).registry), page_of(worker(3, seconds=0.02).registry))
    assert told.get_sample_value("detector_transactions_total", PASSED) == 6
    assert told.get_sample_value("detector_decision_seconds_count") == 6
    assert told.get_sample_value("detector_decision_seconds_bucket", {"le": "0.001"}) == 3
    assert own.registry.get_sample_value("detector_transactions_total", PASSED) == 1


def test_gauges_of_workers_are_combined_as_each_one_asks() -> None:
    one, two = worker(connections=3), worker(connections=4)
    one.next_hop_up.labels("a:25").set(1)
    two.next_hop_up.labels("a:25").set(0)
    two.state_degraded.labels("records").set(1)
    told = merged(Metrics("1.0"), page_of(one.registry), page_of(two.registry))
    assert told.get_sample_value("detector_client_connections") == 7
    assert told.get_sample_value("detector_next_hop_up", {"server": "a:25"}) == 0
    assert told.get_sample_value("detector_state_degraded", {"store": "records"}) == 1


def test_what_the_first_process_knows_alone_no_worker_spoils() -> None:
    own = Metrics("1.0")
    own.reload_successful.set(1)
    own.clock_moved.set(-5.0)
    told = merged(own, page_of(worker().registry))
    assert told.get_sample_value("detector_config_last_reload_successful") == 1
    assert told.get_sample_value("detector_clock_moved_seconds") == -5.0


def test_what_a_dead_worker_has_counted_stays_and_its_connections_go() -> None:
    gone = counted({}, page_of(worker(2, connections=9).registry))
    gone = counted(gone, page_of(worker(5, connections=9).registry))
    told = merged(Metrics("1.0"), gone)
    assert told.get_sample_value("detector_transactions_total", PASSED) == 7
    assert told.get_sample_value("detector_decision_seconds_bucket", {"le": "+Inf"}) == 7
    assert told.get_sample_value("detector_client_connections") == 0


def test_both_forms_can_be_read_also_where_only_a_worker_has_counted() -> None:
    slow = page_of(worker(2, seconds=0.5).registry)
    told = merged(Metrics("1.0"), slow, slow)
    assert b'detector_transactions_total{outcome="accepted",verdict="accept"} 4.0' in generate_latest(told)
    text = generate_openmetrics(told).decode()  # type: ignore[no-untyped-call]
    families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    exemplars = [sample.exemplar for sample in families["detector_decision_seconds"].samples if sample.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"transaction_id": "t1"}]


def test_each_gauge_that_is_combined_is_there() -> None:
    families = {family.name for family in Metrics("1.0").registry.collect()}
    assert set(GAUGES) <= families
