"""The page deploy/metrics.md, made from the code: `make pages` writes it, a house rule compares it."""

from prometheus_client import Metric

from detector.metrics import Metrics

HEADING = """\
# Metrics

What `/metrics` tells, besides the usual `process_`, `platform_` and `python_` metrics. No label holds an account, an
address or free text. Made from `detector/metrics.py` by `make pages`.

| Metric | Kind | Labels | Meaning |
|---|---|---|---|
"""
SUFFIX = {"counter": "_total"}


def own_metrics() -> list[tuple[Metric, tuple[str, ...]]]:
    """The metrics of `detector/metrics.py` in the order of that file, with their labels."""
    return [
        (metric, tuple(getattr(collector, "_labelnames", ())))  # no public name tells the labels before a first use
        for collector in Metrics("0").registry._collector_to_names
        for metric in (collector.describe() if hasattr(collector, "describe") else ())
        if metric.name.startswith("detector_")
    ]


def page() -> str:
    rows = [
        f"| `{metric.name}{SUFFIX.get(metric.type, '')}` | {metric.type} | "
        f"{', '.join(f'`{label}`' for label in labels)} | {metric.documentation} |\n"
        for metric, labels in own_metrics()
    ]
    return HEADING + "".join(rows)


if __name__ == "__main__":
    print(page(), end="")
