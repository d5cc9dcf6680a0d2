"""What /metrics tells of the process itself: its configuration, its certificate, its models and its clock."""

from datetime import UTC, datetime, time

from detector.config import Config, ServerTls
from detector.metrics import Metrics
from detector.models import MODELS, read_card
from detector.ports import Clock


def show_configuration(metrics: Metrics, config: Config, now: float) -> None:
    """It has been taken over, at the start or at a reload."""
    metrics.observing.set(config.observe)
    metrics.hooks_configured.set(len(config.response.hooks))
    metrics.connection_limits.labels("clients").set(config.relay.limits.connections)
    metrics.connection_limits.labels("next_hops").set(config.next_hop.connections)
    expires_at = certificate_expires_at(config.relay.tls)
    if expires_at is None:
        metrics.certificate_expires_at.clear()
    else:
        metrics.certificate_expires_at.labels("relay.tls").set(expires_at)
    metrics.reload_successful.set(1)
    metrics.reloaded_at.set(now)


def show_models(metrics: Metrics) -> None:
    """How old they are. Raises `ModelError`."""
    for directory in sorted(path.parent for path in MODELS.glob("*/card.toml")):
        card = read_card(directory)
        created_at = datetime.combine(card.created, time(), UTC).timestamp()
        metrics.model_created.labels(card.name, card.version).set(created_at)


def show_clock(metrics: Metrics, clock: Clock, stopwatch: Clock) -> None:
    """Both are read when somebody asks for /metrics, and never else."""
    began = clock() - stopwatch()
    metrics.clock_seconds.set_function(clock)
    metrics.clock_moved.set_function(lambda: clock() - stopwatch() - began)


def certificate_expires_at(tls: ServerTls) -> float | None:
    """Unix seconds, of the first certificate in the file: the one that clients are shown. None where TLS is off.

    The file was loaded for TLS before, so it holds one.
    """
    if tls.mode == "off" or tls.certificate is None:
        return None
    from cryptography.x509 import load_pem_x509_certificate

    return load_pem_x509_certificate(tls.certificate.read_bytes()).not_valid_after_utc.timestamp()
