"""A process whose containments do nothing but tell operators, to be killed: `summary_process.py DIRECTORY SECONDS`.

Events that arrive within so many seconds are gathered; what is told is appended to DIRECTORY/heard, an event a line.
"""

import signal
import sys
import time
from pathlib import Path

from detector.config import CommandAction, Response, Retry
from detector.metrics import Metrics
from detector.records.records import Records
from detector.response.command import Command
from detector.response.hooks import CommandHook, Target
from detector.response.providers import Providers
from detector.response.tools import Tools
from detector.response.workflow import Containment

APPEND = "import sys; text = sys.stdin.read(); open(sys.argv[1], 'a').write(text + '\\n')"


def main(directory: Path, wait: float) -> None:
    argv = (sys.executable, "-c", APPEND, str(directory / "heard"))
    hook = CommandHook("desk", Command(CommandAction(provider="command", argv=argv)))
    providers = Providers(hooks=(Target(hook, "account", wait),))
    records = Records(f"sqlite:///{directory / 'records.sqlite'}")
    tools = Tools(records, providers, Response(retry=Retry(attempts=2, first_wait=0.1)), time.time, Metrics("test"))
    containment = Containment(f"sqlite:///{directory / 'containment.sqlite'}", tools)
    containment.start()
    containment.begin()
    print("started", flush=True)
    signal.sigwait({signal.SIGTERM})
    containment.stop()
    records.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(Path(sys.argv[1]), float(sys.argv[2]))
