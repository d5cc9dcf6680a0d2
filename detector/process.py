"""How a process of ours runs: its version, its clock, its event loop. The only reader of the clock of a server."""

import asyncio
import gc
import os
import time
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from threading import Event, Thread

from detector import log
from detector.config import ConfigError
from detector.models import ModelError
from detector.ports import Temporary

VERSION = version("outbound-abuse-detector")
stopwatch = time.perf_counter


def clock() -> float:
    """Unix seconds."""
    return time.time()


def settle_in() -> None:
    """What a server has built before its first mail stays: the garbage collector need not go through it ever again.

    It rests until now (`serve` and `worker` see to that): looking through what is being loaded took a fifth of the
    start, and a last look a tenth, to find one object in a hundred. And a message makes hundreds of small objects that
    are in no circle: looking for circles after each few of them took 4 % of the time.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def end_within(seconds: float) -> None:
    """From now on. What does not come to its end by then is cut off, as by SIGKILL, and nobody waits for ever.

    A thread that asks a server which stands still cannot be told to give up, and Python waits for its threads.
    """
    Thread(target=_end, args=(seconds,), name="end", daemon=True).start()


def _end(seconds: float) -> None:
    Event().wait(seconds)
    log.stop_given_up()
    os._exit(os.EX_SOFTWARE)


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
