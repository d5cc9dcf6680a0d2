"""Real peers: one Dovecot for all tests, and for each test a sink and a place for the rest."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import packages
from tests.support.dovecot import Dovecot
from tests.support.mail_path import Peers
from tests.support.smtp_sink import SmtpSink


@pytest.fixture(scope="session")
def real_servers() -> None:
    """Skips, loudly, where Postfix and Dovecot cannot be started."""
    packages.need("postfix", "dovecot-core", "dovecot-imapd")
    if os.geteuid() != 0:
        pytest.skip(
            "private Postfix and Dovecot instances need root: they start as root and drop privileges themselves"
        )


@pytest.fixture(scope="session")
def dovecot(real_servers: None) -> Iterator[Dovecot]:
    with Dovecot() as running:
        yield running


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as running:
        yield running


@pytest.fixture
def peers(dovecot: Dovecot, sink: SmtpSink, tmp_path: Path) -> Peers:
    return Peers(dovecot, sink, tmp_path / "detector")
