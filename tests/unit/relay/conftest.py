"""The connections to the next hop are tested on both event loops that we run on."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

BOTH = ("test_client_wire.py", "test_dial.py", "test_next_hop.py", "test_pool.py")


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in BOTH:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
