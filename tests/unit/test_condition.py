from pathlib import Path

import pytest

from detector.condition import certificate_expires_at, show_clock, show_configuration, show_models
from detector.config import ServerTls, parse
from detector.metrics import Metrics
from tests.support.certificates import make_certificate

NOW = 1_790_000_000.0


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


def test_what_the_configuration_says_is_told_anew_at_each_reload(metrics: Metrics) -> None:
    value = metrics.registry.get_sample_value
    show_configuration(metrics, parse("observe = true"), NOW)
    assert value("detector_observing") == 1
    assert value("detector_hooks") == 0
    hook = '[[response.hooks]]\nname = "desk"\naction = { provider = "command", argv = ["/bin/true"] }'
    show_configuration(metrics, parse(f"observe = false\nrelay.limits.connections = 7\n{hook}"), NOW + 1.0)
    assert value("detector_observing") == 0
    assert value("detector_hooks") == 1
    assert value("detector_connections_limit", {"side": "clients"}) == 7
    assert value("detector_connections_limit", {"side": "next_hops"}) == parse("").next_hop.connections
    assert value("detector_config_last_reload_success_timestamp_seconds") == NOW + 1.0


def test_a_reload_that_works_ends_what_a_refused_one_began(metrics: Metrics) -> None:
    metrics.reload_successful.set(0)
    show_configuration(metrics, parse(""), NOW)
    assert metrics.registry.get_sample_value("detector_config_last_reload_successful") == 1


def test_the_end_of_the_certificate_is_told_as_long_as_there_is_one(metrics: Metrics, tmp_path: Path) -> None:
    made = make_certificate(tmp_path, "hop.example")
    tls = f'relay.tls = {{ mode = "may", certificate = "{made.path}", key = "{made.key_path}" }}'
    labels = {"section": "relay.tls"}
    show_configuration(metrics, parse(tls), NOW)
    told = metrics.registry.get_sample_value("detector_certificate_expiry_timestamp_seconds", labels)
    assert told == certificate_expires_at(ServerTls(mode="may", certificate=made.path, key=made.key_path))
    show_configuration(metrics, parse(""), NOW)
    assert metrics.registry.get_sample_value("detector_certificate_expiry_timestamp_seconds", labels) is None


def test_a_chain_ends_with_its_first_certificate_even_below_a_key(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, "hop.example")
    alone = certificate_expires_at(ServerTls(mode="may", certificate=made.path, key=made.key_path))
    both = tmp_path / "both.pem"
    both.write_bytes(made.key_path.read_bytes() + made.path.read_bytes())
    assert certificate_expires_at(ServerTls(mode="may", certificate=both, key=both)) == alone


def test_the_age_of_both_models_can_be_asked(metrics: Metrics) -> None:
    show_models(metrics)
    told = {
        sample.labels["model"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "detector_model_created_timestamp_seconds"
    }
    assert set(told) == {"content", "ledger"}
    assert min(told.values()) > 1_700_000_000


def test_a_clock_that_is_set_is_seen_and_one_that_runs_is_not(metrics: Metrics) -> None:
    wall, running = NOW, 5.0
    show_clock(metrics, lambda: wall, lambda: running)
    value = metrics.registry.get_sample_value
    wall, running = wall + 100.0, running + 100.0
    assert value("detector_clock_moved_seconds") == 0
    wall -= 30.0
    assert value("detector_clock_moved_seconds") == -30
    assert value("detector_clock_seconds") == NOW + 70.0
