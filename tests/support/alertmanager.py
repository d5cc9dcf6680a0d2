"""A private Alertmanager (Debian's package prometheus-alertmanager), without a cluster and with nobody to tell."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.packages import PROVES
from tests.support.ports import HOST, PATIENCE, free_port, wait_for

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """Runs in the foreground of a process that ends with the test."""

    url: str

    def alerts(self, **filters: str) -> list[dict[str, Any]]:
        """Those that fire now."""
        found = httpx.get(f"{self.url}/api/v2/alerts", params=filters, trust_env=False).json()
        assert isinstance(found, list)
        return found

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        return False


@contextlib.contextmanager
def alertmanager(directory: Path, text: str = CONFIG) -> Iterator[Alertmanager]:
    """`text` is its configuration."""
    config = directory / "alertmanager.yml"
    config.write_text(text)
    port = free_port()
    with (directory / "alertmanager.log").open("wb") as output:
        process = subprocess.Popen(
            [
                PROVES["prometheus-alertmanager"],
                f"--config.file={config}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address={HOST}:{port}",
                "--cluster.listen-address=",
            ],
            stdout=output,
            stderr=output,
        )
        try:
            running = Alertmanager(f"http://{HOST}:{port}")
            wait_for(running.is_ready, "Alertmanager to be ready")
            yield running
        finally:
            process.kill()
            process.wait(PATIENCE)
