"""The pages for operators say what is so: each command and each piece of configuration in them is tried here."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from typer.core import TyperGroup

from detector.cli.main import app
from detector.config import parse
from detector.response.announcements import FROZEN, UNFROZEN
from tests.support.steps_table import with_table

ROOT = Path(__file__).parents[1]
PAGES = (
    "README.md",
    "CHANGELOG.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("deploy/**/*.md")),
)
BLOCK = re.compile(r"^ *(?:\d+\. )?```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PROGRAM = re.compile(r"(?:\w+=\S+ )?(?:sudo -u \w+ )?(?:\.venv/bin/)?detector ([a-z].*)")
SUBSTITUTION = re.compile(r"\$\([^)]*\)")
ENDS = {"|", "<", ">", "&&"}
"""Words of the shell behind which no arguments of ours stand."""

GONE = {"response.notice.template"}
"""Settings that the changelog says are no more."""


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def without_blocks(text: str) -> str:
    return BLOCK.sub("", text)


def shown(page: str) -> Iterator[str]:
    """Lines of blocks without a language: commands as they are typed."""
    for language, block in BLOCK.findall(text_of(page)):
        if not language:
            yield from (line.strip() for line in block.splitlines())


def named(page: str) -> Iterator[str]:
    """Code within sentences, which may name a command without all that it needs."""
    yield from (" ".join(code.split()) for code in INLINE.findall(without_blocks(text_of(page))))


def arguments(line: str) -> list[str] | None:
    """The words behind the name of our program; None where the line runs another one, or shows what is printed."""
    match = PROGRAM.fullmatch(line)
    if match is None:
        return None
    words = shlex.split(SUBSTITUTION.sub("x", match[1]), comments=True)
    end = next((place for place, word in enumerate(words) if word in ENDS), len(words))
    return words[:end]


def commands(lines: Iterable[str]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(words) for line in lines if (words := arguments(line)) is not None))


def complaint(words: Sequence[str]) -> str:
    """What the program has to say against a command line that it reads to its last word and does not run."""
    command = typer.main.get_command(app)
    path: list[str] = []
    while isinstance(command, TyperGroup):
        if not words or words[0] not in command.commands:
            return f"{'no such command' if words else 'Missing command'}: {' '.join([*path, *words[:1]])}"
        command, path, words = command.commands[words[0]], [*path, words[0]], words[1:]
    try:
        command.make_context(path[-1], list(words))
    except Exception as error:  # Typer has no name of its own for all that it raises
        told = str(error) or type(error).__name__
        return "" if told.endswith("does not exist.") else told  # a file that the reader has
    return ""


def as_cases(lines: Callable[[str], Iterable[str]]) -> list[Any]:
    return [pytest.param(words, id=f"{page}: {' '.join(words)}") for page in PAGES for words in commands(lines(page))]


@pytest.mark.parametrize("words", as_cases(shown))
def test_each_command_line_that_is_shown_is_one_that_the_program_takes(words: Sequence[str]) -> None:
    assert not complaint(words)


@pytest.mark.parametrize("words", as_cases(named))
def test_each_command_that_a_sentence_names_lacks_at_most_something(words: Sequence[str]) -> None:
    assert not complaint(words) or complaint(words).startswith("Missing ")


@pytest.mark.parametrize(
    "line", ["accounts lst", "hold list", "held list --accounts x", "held show a b", "held show", "response freeze"]
)
def test_a_command_line_that_the_program_does_not_take_would_be_found(line: str) -> None:
    assert complaint(line.split())


def test_the_pages_show_enough_commands_for_this_to_mean_something() -> None:
    assert len(as_cases(shown)) > 30
    assert len(as_cases(named)) > 20


def every_command(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from every_command(command, (*path, name))
        elif not command.hidden:
            yield (*path, name)


def test_each_command_is_told_of_in_the_readme_or_the_handbook() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    told = {words[:2] for page in PAGES for words in commands([*shown(page), *named(page)])}
    assert not [path for path in every_command(root) if path not in {words[: len(path)] for words in told}]


BLOCKS = [
    pytest.param(block, id=f"{page}: {block.strip().splitlines()[0]}")
    for page in PAGES
    for language, block in BLOCK.findall(text_of(page))
    if language == "toml"
]


@pytest.mark.parametrize("block", BLOCKS)
def test_each_piece_of_configuration_is_one_that_the_program_takes(block: str) -> None:
    assert parse(block).relay.hostname


@pytest.mark.parametrize("page", PAGES)
def test_each_setting_that_a_sentence_names_is_there(page: str) -> None:
    example = text_of("deploy/detector.toml")
    sections = {name.split(".")[0] for name in re.findall(r"^#?\[+([\w.]+)\]+", example, re.MULTILINE)}
    settings = re.findall(rf"`(({'|'.join(sections)})\.[a-z_.]+[a-z_])(?: = [^`]*)?`", without_blocks(text_of(page)))
    keys = set(re.findall(r"^#?(\w+) =|^#?\[+[\w.]*?(\w+)\]+", example, re.MULTILINE))
    known = {key for pair in keys for key in pair if key}
    known |= {"sqlite", "key"}  # names of files
    others = {FROZEN, UNFROZEN, *GONE}
    assert not [name for name, _ in settings if name.rpartition(".")[2] not in known and name not in others]


@pytest.mark.parametrize("page", PAGES)
def test_each_metric_that_is_named_is_there(page: str) -> None:
    known = text_of("deploy/metrics.md")
    metrics = set(re.findall(r"\bdetector_[a-z_]+[a-z]\b", text_of(page))) - {"detector_owner"}
    assert not [name for name in metrics if f"`{name}`" not in known]


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_somewhere(page: str) -> None:
    for target in LINK.findall(text_of(page)):
        if target.startswith("http"):
            continue
        name, _, place = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        assert file.exists(), target
        if place:
            headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", file.read_text("utf-8")), re.MULTILINE)
            assert place in map(anchor, headings), target


def test_each_picture_is_one_that_can_be_drawn_and_says_what_it_shows() -> None:
    pictures = [ROOT / name for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text_of("README.md"))]
    assert pictures
    for picture in pictures:
        drawn = ET.fromstring(picture.read_text("utf-8"))  # noqa: S314 - our own file
        assert drawn.tag.endswith("svg")
        assert drawn.findtext("{http://www.w3.org/2000/svg}title")


def test_the_table_of_steps_in_the_handbook_is_made_from_the_code() -> None:
    text = text_of("deploy/handbook.md")
    assert text == with_table(text), "run: make pages"
