"""The dashboards: made from the code, with words, units and links that hold."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

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
