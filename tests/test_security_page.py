"""The threat model is no wish: each line of deploy/security.md names tests, and they are there."""

import re

import pytest

from tests.test_documentation import ROOT, text_of

PAGE = "deploy/security.md"
ROW = re.compile(r"^\| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"\[`(\w+)`\]\(\.\./([\w./]+)\)")


def threats() -> list[tuple[str, str]]:
    """What is tried, and the cell of its tests."""
    model = text_of(PAGE).partition("## Threat model")[2]
    rows = [(row[0], row[2]) for row in ROW.findall(model)]
    return [(tried, tests) for tried, tests in rows if tried not in {"tries", "---"} and not tried.startswith("---")]


@pytest.mark.parametrize(("tried", "tests"), threats(), ids=[tried for tried, _ in threats()])
def test_each_threat_has_tests_that_are_there(tried: str, tests: str) -> None:
    found = NAMED.findall(tests)
    assert found
    for name, path in found:
        file = ROOT / path
        assert file.exists(), path
        if file.suffix == ".py":
            assert re.search(rf"^(async )?def test_{name}\(", file.read_text("utf-8"), re.MULTILINE), name
        else:
            assert file.stem == name


def test_the_model_speaks_of_everybody_who_could_mean_ill() -> None:
    assert len(threats()) > 40
    headings = re.findall(r"^### (.+)$", text_of(PAGE), re.MULTILINE)
    assert len(headings) == 6


def test_everything_in_the_state_directory_is_told_of() -> None:
    """What the server makes there, by the names in the code."""
    made = set()
    for path in (ROOT / "detector").rglob("*.py"):
        made |= set(re.findall(r'directory / "([\w-]+\.(?:sqlite|key|bin))"', path.read_text("utf-8")))
    page = text_of(PAGE) + text_of("deploy/handbook.md")
    assert len(made) > 8
    assert not [name for name in made if f"`{name}`" not in page]
