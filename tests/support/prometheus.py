"""A private Prometheus (Debian's package) with our rules, that scrapes one target every second."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import HOST, PATIENCE, free_port, wait_for

PROGRAM = Path("/usr/bin/prometheus")
RULES = Path(__file__).parents[2] / "deploy" / "prometheus"
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {{runbook: runbook.md}}}}
rule_files: [{rules}/recording.yml, {rules}/alerts.yml]
scrape_configs:
  - job_name: detector
    static_configs: [{{targets: ["{target}"]}}]
{alerting}
"""
ALERTING = """\
alerting:
  alert_relabel_configs: [{{action: labeldrop, regex: runbook}}]
  alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]
"""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Runs in the foreground of a process that ends with the test."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its API (https://prometheus.io/docs/prometheus/latest/querying/api/)."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, trust_env=False, timeout=PATIENCE)
        document = answer.json()
        assert document["status"] == "success", document
        return document["data"]

    def query(self, expr: str) -> dict[str, float]:
        """Samples now, by their labels as one text; those that are no number are left away."""
        found = {str(sample["metric"]): float(sample["value"][1]) for sample in self.ask("query", query=expr)["result"]}
        return {labels: value for labels, value in found.items() if value == value}  # noqa: PLR0124 - NaN

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        return False


@contextlib.contextmanager
def prometheus(directory: Path, target: str, alertmanager: str = "") -> Iterator[Prometheus]:
    """`target` and `alertmanager` are host and port."""
    config, port = directory / "prometheus.yml", free_port()
    alerting = ALERTING.format(alertmanager=alertmanager) if alertmanager else ""
    config.write_text(CONFIG.format(rules=RULES, target=target, alerting=alerting))
    with (directory / "prometheus.log").open("wb") as output:
        process = subprocess.Popen(
            [
                PROGRAM,
                f"--config.file={config}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={HOST}:{port}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=output,
            stderr=output,
        )
        try:
            running = Prometheus(f"http://{HOST}:{port}")
            wait_for(running.is_ready, "Prometheus to be ready")
            yield running
        finally:
            process.kill()
            process.wait(PATIENCE)
