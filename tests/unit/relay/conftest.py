"""A sink and settings that tests of the relay begin with, and the event loops that they run on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop

from detector import config
from tests.support.smtp_sink import SmtpSink

# The connections to the next hop, and the wire under TLS, meet the loops' own odd ways.
BOTH = (
    "test_behind_proxy.py",
    "test_client_wire.py",
    "test_dial.py",
    "test_next_hop.py",
    "test_pool.py",
    "test_server.py",
    "test_session.py",
    "test_wire.py",
)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in BOTH:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as server:
        yield server


@pytest.fixture
def settings() -> Callable[..., config.Config]:
    """An enforcing configuration; each argument is one more line of TOML."""

    def parse(*lines: str) -> config.Config:
        return config.parse("\n".join(("observe = false", 'next_hop.tls.mode = "off"', *lines)))

    return parse
