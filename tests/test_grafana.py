"""The dashboards: made from the code, with words, units and links that hold."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard as Schema

from tests.support.dashboards import DASHBOARDS
from tests.support.grafana import FOLDER, WIDTH, Dashboard, Panel, written

ROOT = Path(__file__).parents[1]
ALERTS = (ROOT / "deploy" / "prometheus" / "alerts.yml").read_text("utf-8")
RUNBOOK = (ROOT / "deploy" / "runbook.md").read_text("utf-8")
ALL = [(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]


def as_cases(panels: Iterable[tuple[Dashboard, Panel]]) -> list[Any]:
    return [pytest.param(panel, id=f"{dashboard.uid}: {panel.title}") for dashboard, panel in panels]


def rule(name: str) -> str:
    return ALERTS.partition(f"- alert: {name}\n")[2].partition("labels:")[0]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_a_dashboard_is_made_from_the_code(dashboard: Dashboard) -> None:
    assert (FOLDER / f"{dashboard.uid}.json").read_text("utf-8") == written(dashboard), "run: make pages"


def test_there_is_no_dashboard_beside_them() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {dashboard.uid for dashboard in DASHBOARDS}


@pytest.mark.parametrize("panel", as_cases(ALL))
def test_a_panel_says_what_it_shows_and_what_that_means(panel: Panel) -> None:
    assert panel.unit
    assert panel.queries
    assert panel.description.endswith(".")
    assert panel.description != panel.title


@pytest.mark.parametrize("panel", as_cases((dashboard, panel) for dashboard, panel in ALL if panel.alert))
def test_a_panel_changes_its_colour_where_its_alert_fires(panel: Panel) -> None:
    assert f"- alert: {panel.alert}\n" in ALERTS
    if panel.limit is None:
        return
    numbers = {float(number) for number in re.findall(r'(?:[<>]=? |== |le=")([\d.]+)', rule(panel.alert))}
    numbers |= {float(a) * float(b) for a, b in re.findall(r"(\d+) \* (\d+)", rule(panel.alert))}
    # An alert that fires above 0, or at the 0 of what should be 1, shows with the first one.
    assert panel.limit in numbers | ({1.0} if 0.0 in numbers else set())


def test_each_panel_that_the_runbook_names_is_there() -> None:
    titles = {panel.title for _, panel in ALL}
    named = re.findall(r"panels? \*([^*]+)\*(?: and \*([^*]+)\*)?", RUNBOOK.replace("\n  ", " "))
    assert len(named) > 5
    assert {title for pair in named for title in pair} - {""} <= titles


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_panels_lie_side_by_side_and_never_on_each_other(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(written(dashboard))["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= WIDTH
        taken |= cells


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_a_dashboard_asks_only_the_prometheus_that_was_chosen_and_leads_to_the_others(dashboard: Dashboard) -> None:
    model = json.loads(written(dashboard))
    sources = {target["datasource"]["uid"] for panel in model["panels"] for target in panel.get("targets", ())}
    assert sources == {"${datasource}"}
    assert [link["type"] for link in model["links"]] == ["dashboards", "link"]
    assert model["links"][0]["tags"] == model["tags"]
    ids = [panel["id"] for panel in model["panels"]]
    assert len(set(ids)) == len(ids)


def unknown(ours: Any, known: Any, path: str = "") -> Iterator[str]:
    """What is in ours and did not come through."""
    if isinstance(ours, dict) and isinstance(known, dict):
        for key, value in ours.items():
            if key in known:
                yield from unknown(value, known[key], f"{path}.{key}")
            elif value is not None:
                yield f"{path}.{key}"
    elif isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        for one, other in zip(ours, known, strict=True):
            yield from unknown(one, other, f"{path}[]")
    elif ours != known:
        yield path


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_grafana_knows_each_word_of_a_dashboard(dashboard: Dashboard) -> None:
    """Its schema, as Grafana Labs make it into Python, leaves away what it does not know."""
    register_default_plugins()
    model = json.loads(written(dashboard))
    known = json.loads(JSONEncoder().encode(Schema.from_json(model)))
    # These three belong to the Prometheus data source, whose annotations the schema does not describe.
    annotation = {f".annotations.list[].{word}" for word in ("titleFormat", "textFormat", "step")}
    assert set(unknown(model, known)) == annotation


def test_grafana_knows_each_unit() -> None:
    known = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("__")}
    assert {panel.unit for _, panel in ALL} - {"none"} <= known


def test_a_word_that_grafana_does_not_know_would_be_found() -> None:
    model = json.loads(written(DASHBOARDS[0]))
    model["panels"][1]["fieldConfig"]["defaults"]["treshold"] = 1
    register_default_plugins()
    known = json.loads(JSONEncoder().encode(Schema.from_json(model)))
    assert ".panels[].fieldConfig.defaults.treshold" in set(unknown(model, known))
