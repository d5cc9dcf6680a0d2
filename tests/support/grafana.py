"""Dashboards for Grafana, made from the code: `make pages` writes deploy/grafana/dashboards, a test compares them.

Grafana's model of a dashboard: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
Kind = Literal["timeseries", "stat", "table", "heatmap"]
Json = dict[str, Any]

WIDTH = 24
"""Columns of Grafana's grid."""
HEIGHT = 8
SCHEMA_VERSION = 39  # Grafana 10.4; newer ones bring it up to their own
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL with `HERE` in its selectors, where the chosen hosts belong; `legend` has the labels that differ."""

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` in Grafana's words. `alert` names the rule whose runbook section is linked, `limit` the value at which it
    fires (`below`: when it is less), so that the colour changes where the alert does."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    alert: str = ""
    limit: float | None = None
    below: bool = False
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """`uid` is the name of its file too, and stays the same for ever: links and bookmarks hold it."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    tags: tuple[str, ...] = field(default=("outbound-abuse-detector",))

    @property
    def panels(self) -> Iterator[Panel]:
        for row in self.rows:
            yield from row.panels


HERE = 'job=~"$job", instance=~"$instance"'
"""In each selector: what was chosen above the panels."""


def queries(dashboard: Dashboard) -> Iterator[tuple[str, str]]:
    """Title of the panel and query, as Grafana sends it while all hosts are chosen."""
    for panel in dashboard.panels:
        for query in panel.queries:
            expr = query.expr.replace("$job", "detector").replace("$instance", ".*")
            yield panel.title, expr.replace("$__rate_interval", "1m")


def written(dashboard: Dashboard) -> str:
    """The file that Grafana reads."""
    return json.dumps(_model(dashboard), indent=1, ensure_ascii=False) + "\n"


def write(dashboards: Sequence[Dashboard]) -> None:
    for dashboard in dashboards:
        (FOLDER / f"{dashboard.uid}.json").write_text(written(dashboard), "utf-8")


def _model(dashboard: Dashboard) -> Json:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": list(dashboard.tags),
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one cross-hair in all panels
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "annotations": {"list": [_alerts_that_fired()]},
        "links": _links(dashboard),
        "panels": list(_placed(dashboard)),
    }


def _variables() -> list[Json]:
    def chosen_from(name: str, label: str, query: str) -> Json:
        return {
            "name": name,
            "label": label,
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": query, "refId": name},
            "refresh": 2,
            "sort": 1,
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }

    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1},
        chosen_from("job", "Job", "label_values(detector_build_info, job)"),
        chosen_from("instance", "Host", 'label_values(detector_build_info{job=~"$job"}, instance)'),
        {"name": "runbook", "label": "Runbook", "type": "textbox", "hide": 2, "query": "runbook.md"},
    ]


def _alerts_that_fired() -> Json:
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Detector.*", alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}}",
        "step": "60s",
    }


def _links(dashboard: Dashboard) -> list[Json]:
    return [
        {
            "title": "Detector",
            "type": "dashboards",
            "tags": list(dashboard.tags),
            "asDropdown": False,
            "includeVars": True,
            "keepTime": True,
        },
        {"title": "Runbook", "type": "link", "url": "${runbook}", "icon": "doc", "targetBlank": True},
    ]


def _placed(dashboard: Dashboard) -> Iterator[Json]:
    """Row by row from the left, a new line where the width is used up."""
    number = y = 0
    for row in dashboard.rows:
        number += 1
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": _at(0, y)}
        x, y = 0, y + 1
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y = 0, y + HEIGHT
            number += 1
            place = {"x": x, "y": y, "w": panel.width, "h": HEIGHT}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            x += panel.width
        y += HEIGHT


def _at(x: int, y: int) -> Json:
    return {"x": x, "y": y, "w": WIDTH, "h": 1}


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "targets": [_target(panel, number, query) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
        "links": _runbook(panel),
    }


def _target(panel: Panel, number: int, query: Query) -> Json:
    target: Json = {
        "refId": chr(ord("A") + number),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "editorMode": "code",
        "legendFormat": query.legend or "__auto",
    }
    if panel.kind == "table":
        return {**target, "instant": True, "range": False, "format": "table"}
    if panel.kind == "heatmap":
        return {**target, "range": True, "format": "heatmap", "legendFormat": "{{le}}"}
    if panel.kind == "stat":
        return {**target, "instant": True, "range": False}
    return {**target, "range": True, "exemplar": query.exemplars}


def _defaults(panel: Panel) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps = [{"color": "red" if panel.below else "green", "value": None}]
        steps.append({"color": "green" if panel.below else "red", "value": panel.limit})
    defaults: Json = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind != "timeseries":
        return defaults
    custom: Json = {
        "lineWidth": 1,
        "fillOpacity": 25 if panel.stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none"},
        "thresholdsStyle": {"mode": "off" if panel.limit is None else "line"},
    }
    return {**defaults, "color": {"mode": "palette-classic"}, "custom": custom}


def _options(panel: Panel) -> Json:
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "max", "lastNotNull"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "stat":
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value" if panel.limit is None else "background",
            "graphMode": "none",
        }
    if panel.kind == "heatmap":
        return {"calculate": False, "yAxis": {"unit": panel.unit}, "color": {"mode": "scheme", "scheme": "Oranges"}}
    return {"showHeader": True}


def _runbook(panel: Panel) -> list[Json]:
    if not panel.alert:
        return []
    url = f"${{runbook}}#{panel.alert.lower()}"
    return [{"title": f"Runbook: {panel.alert}", "url": url, "targetBlank": True}]
