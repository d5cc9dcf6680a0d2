"""How a process of ours runs: its version, its clock, its event loop. The only reader of the clock of a server."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from importlib.metadata import version

from detector.config import ConfigError
from detector.models import ModelError
from detector.ports import Temporary

VERSION = version("outbound-abuse-detector")
stopwatch = time.perf_counter


def clock() -> float:
    """Unix seconds."""
    return time.time()


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    """Until it ends. Raises `ConfigError` when it cannot start."""
    try:
        import uvloop

        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    except ImportError:
        runner = asyncio.Runner()
    with runner:
        try:
            runner.run(main())
        except (ModelError, Temporary, OSError) as error:
            raise ConfigError(str(error)) from error
