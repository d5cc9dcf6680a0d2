"""A process with nothing but a containment, to be killed: `containment_process.py DIRECTORY`.

The password command writes a line to DIRECTORY/passwords; the session command waits until somebody has opened
DIRECTORY/fifo for writing and closed it again.
"""

import signal
import sys
import time
from pathlib import Path

from detector.config import CommandAction, Response, Retry
from detector.metrics import Metrics
from detector.records.records import Records
from detector.response.command import Command, CommandPassword, CommandSessions
from detector.response.providers import Providers
from detector.response.tools import Tools
from detector.response.workflow import Containment

APPEND = "import json, sys; open(sys.argv[1], 'a').write(json.load(sys.stdin)['request_id'] + '\\n')"
WAIT = "import sys; open(sys.argv[1]).read()"


def command(code: str, path: Path) -> Command:
    return Command(CommandAction(provider="command", argv=(sys.executable, "-c", code, str(path))))


def main(directory: Path) -> None:
    providers = Providers(
        password=CommandPassword(command(APPEND, directory / "passwords"), time.time),
        sessions=CommandSessions(command(WAIT, directory / "fifo"), time.time),
    )
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
    main(Path(sys.argv[1]))
