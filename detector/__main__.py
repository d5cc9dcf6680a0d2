"""Runs the command line: `detector`, or `python -m detector`."""

import signal
import sys


def main() -> None:
    """A server that is told to reload while it loads what it needs reads the newest configuration anyway."""
    if sys.argv[1:2] == ["serve"]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from detector.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
