"""The detector as operators run it: a configuration file and a process, stopped, killed and started again by tests."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from detector.roll import Roll
from tests.support.ports import HOST, PATIENCE, free_port, wait_for

CHECKOUT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "detector"]
Settings = Mapping[str, Any]


class DetectorProcess:
    """One relay with its own directory and ports. A context manager: leaving it kills what still runs."""

    def __init__(self, directory: Path, next_hop: int, settings: Settings | None = None) -> None:
        """`settings` are laid over those that every test needs; nested tables are merged."""
        self.directory = directory
        self.port, self.policy_port, self.metrics_port = free_port(), free_port(), free_port()
        self.path = directory / "detector.toml"
        self.state = directory / "state"
        self.launcher: Sequence[str] = ()  # what starts the program
        self.passed: Sequence[int] = ()  # descriptors that it gets
        self._log_file = directory / "log"
        self._process: subprocess.Popen[bytes] | None = None
        own: Settings = {
            "observe": False,
            # A busy machine must not use them up: what passes unjudged is held and blocked by nobody.
            "patience": 10.0,
            "relay": {"listen": [f"{HOST}:{self.port}"], "hostname": "hop.example"},
            "next_hop": {"servers": [f"{HOST}:{next_hop}"], "retry_dead_after": 0.5, "tls": {"mode": "off"}},
            "policy_service": {"listen": [f"{HOST}:{self.policy_port}"]},
            "state": {"directory": str(self.state), "timeout": 2.0},
            "metrics": {"listen": f"{HOST}:{self.metrics_port}"},
        }
        directory.mkdir(parents=True, exist_ok=True)
        self.path.write_text(toml(merged(own, settings or {})), "utf-8")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()
        if (self.state / "workers").exists():  # they go on for a while without the first process
            roll = Roll(self.state)
            roll.take_over("nobody")
            wait_for(lambda: not roll.anybody(), "workers that were left alone have ended")

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it says that it is ready. Raises `TimeoutError` or `RuntimeError` with its log."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.launcher, *PROGRAM, "serve", self.path],
                cwd=CHECKOUT, pass_fds=self.passed, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_for(self._ready, "the detector is ready")
        except (TimeoutError, RuntimeError) as error:
            self.kill()
            msg = f"{error}\n{self.log()[-6000:]}"
            raise type(error)(msg) from error

    def stop(self) -> None:
        """SIGTERM, and wait for the orderly end. Raises if it ends in disorder."""
        process, self._process = self._process, None
        assert process is not None
        process.terminate()
        status = process.wait(PATIENCE)
        assert status == 0, f"ended with status {status}\n{self.log()[-6000:]}"

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)

    def log(self) -> str:
        return self._log_file.read_text("utf-8", "replace") if self._log_file.exists() else ""

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The log lines with that event, or all of them; not one that is being written this very moment."""
        whole = self.log().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if name in {"", line["event"]}]

    def wait_for_events(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """As `events`, when there are so many: mail may be at its recipient before the hop has told of it."""
        wait_for(lambda: len(self.events(name)) >= count, f"{count} events {name}")
        return self.events(name)

    def metrics(self) -> dict[str, float]:
        """All samples of /metrics, `name{label="value"}` to value."""
        with urlopen(f"http://{HOST}:{self.metrics_port}/metrics", timeout=PATIENCE) as answer:
            page = answer.read().decode()
        return {
            sample.name + _labels(sample.labels): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }

    def command(self, *words: str, statuses: Collection[int] = (0,)) -> str:
        """What a command line of the detector prints; for example `command("accounts", "show", "ann", "--json")`."""
        done = subprocess.run(
            [*PROGRAM, *words], cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode in statuses, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            msg = f"the detector ended with status {self._process.returncode}"
            raise RuntimeError(msg)
        try:
            with urlopen(f"http://{HOST}:{self.metrics_port}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def merged(below: Settings, above: Settings) -> dict[str, Any]:
    """Both, tables merged, everything else taken from `above`; None there takes a key away.

    An array of tables (`hooks`) is replaced as a whole, and so is a table that names another `provider`.
    """
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
            continue
        both_are_tables = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both_are_tables and "provider" not in value else value
    return result


def toml(settings: Settings) -> str:
    """One line for each key of the top level; tables inside are written inline."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in settings.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    return json.dumps(value)  # a JSON text, number or truth value is a TOML one


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
