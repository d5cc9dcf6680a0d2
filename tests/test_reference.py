"""The reference in deploy/reference is made from the code: it is as `make pages` would make it now, and complete."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detector.config import SecretSource
from detector.ports import Secret
from detector.response import event_text
from detector.response.http import signature
from tests.support.interfaces import EVENTS, REQUESTS, check_event, check_request, schema, words_of
from tests.support.reference import FOLDER, files
from tests.support.reference_api import BODY, RECEIVER, SECRET, TIMESTAMP
from tests.support.reference_cli import commands, help_of
from tests.support.reference_log import events
from tests.test_house_rules import log_events
from tests.unit.test_config import all_sections

MADE = files()


@pytest.mark.parametrize("name", MADE)
def test_each_page_is_as_the_code_makes_it(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == MADE[name], "run: make pages"


def test_nothing_else_is_in_the_folder() -> None:
    assert {path.name for path in FOLDER.iterdir()} == MADE.keys()


# -- configuration --


def test_every_key_of_the_configuration_has_a_row_a_heading_or_stands_in_a_table() -> None:
    page = MADE["configuration.md"]
    told = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    told |= set(re.findall(r"^### \[+(?:\w+\.)*(\w+)\]+$", page, re.MULTILINE))
    told |= {key for keys in re.findall(r"table of ([^|]+)", page) for key in re.findall(r"`(\w+)`", keys)}
    told |= set(SecretSource.model_fields)  # in the text above the tables
    assert not {key for section in all_sections() for key in section.model_fields} - told


def test_every_key_has_a_meaning() -> None:
    rows = [line for line in MADE["configuration.md"].splitlines() if line.startswith("| `")]
    assert len(rows) > 200
    assert not [row for row in rows if row.endswith("|  |")]


# -- commands --


def test_every_command_has_its_help_and_the_lowest_ones_have_examples() -> None:
    paths = list(commands())
    assert len(paths) > 40
    alone = [path for path in paths if not any(other[: len(path)] == path and other != path for other in paths)]
    assert not [path for path in alone if not help_of(path)[1]]


# -- log --


def test_every_log_event_is_told() -> None:
    assert [one.name for one in events()] == [name for name, _ in log_events()]


# -- interfaces --


def test_every_event_of_the_code_is_documented() -> None:
    documented = {word for kind in EVENTS for word in words_of(kind)}
    assert set(event_text.TITLES) <= documented
    assert documented == set(event_text.TITLES) | {"incidents.summary"}


def test_every_action_of_the_code_is_documented() -> None:
    documented = {word for kind in REQUESTS for word in words_of(kind)}
    named = set()
    for path in (Path(__file__).parents[1] / "detector" / "response").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                values = dict(zip(keys, node.values, strict=True))
                action = values.get("action")
                named |= {action.value} if isinstance(action, ast.Constant) else set()
    assert named <= documented
    assert {"change_password", "end_sessions", "contact"} <= named


@pytest.mark.parametrize(
    ("check", "document"),
    [
        (check_event, {"event": "response.unfrozen", "time": "2026-11-22T10:00:00Z", "more": 1}),
        (check_event, {"event": "response.unfrozen", "time": "2026-11-22 10:00"}),
        (check_event, {"event": "response.thawed", "time": "2026-11-22T10:00:00Z"}),
        (
            check_event,
            {"event": "breaker.open", "time": "2026-11-22T10:00:00Z", "reason": "x", "waiting": "3", "count": 0},
        ),
        (check_request, {"action": "change_password", "account": "ann", "request_id": "r", "time": 5}),
    ],
)
def test_a_document_that_is_not_as_documented_would_be_found(check: Any, document: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        check(document)


def test_the_schemas_are_json_schema_whose_references_lead_somewhere() -> None:
    for name, kinds in (("hook-events.schema.json", EVENTS), ("requests.schema.json", REQUESTS)):
        found = json.loads(MADE[name])
        assert found == json.loads(json.dumps(schema(kinds)))
        references = re.findall(r'"#/\$defs/(\w+)"', MADE[name])
        assert set(references) >= {kind.__name__ for kind in kinds}
        assert set(references) <= found["$defs"].keys()


def test_the_receiver_of_the_page_believes_what_we_sign_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    page: dict[str, Any] = {}
    exec(RECEIVER, page)  # noqa: S102 - the page's own code, as a reader would run it
    monkeypatch.setattr(page["time"], "time", lambda: float(TIMESTAMP))
    signed = {
        "X-Detector-Timestamp": TIMESTAMP,
        "X-Detector-Signature": signature(Secret(SECRET), TIMESTAMP, BODY),
    }
    assert page["genuine"](signed, BODY, SECRET.encode())
    assert not page["genuine"](signed, BODY + b" ", SECRET.encode())
    assert not page["genuine"](signed, BODY, b"another")
    monkeypatch.setattr(page["time"], "time", lambda: float(TIMESTAMP) + 301.0)
    assert not page["genuine"](signed, BODY, SECRET.encode())


def test_the_signature_of_the_page_is_the_one_that_we_make() -> None:
    assert signature(Secret(SECRET), TIMESTAMP, BODY) in MADE["api.md"]
