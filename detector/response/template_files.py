"""Reads the templates of the notice: those that come with the program, and the operator's in place of them."""

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from detector.config import ConfigError, NoticeSettings
from detector.incident.templates import Templates
from detector.incident.wording import check_templates, check_words

LETTER = "letter.html"
"""The page around the text of a letter; the same for all languages."""


def read_templates(settings: NoticeSettings) -> Templates:
    """Raises `ConfigError`, with a line for each fault, for texts that must not be sent to a customer."""
    sources = shipped() | own(settings.templates)
    sources.pop(LETTER)
    place = settings.templates or "the templates of the program"
    problems = [f"{place}: {problem}" for problem in check_templates(sources, settings.language)]
    problems += [f"response.notice.contact: {problem}" for problem in check_words(settings.contact)]
    if problems:
        raise ConfigError("\n".join(problems))
    return Templates(sources, settings.language)


def read_letter(directory: Path | None) -> str:
    """The page of a letter. Raises `ConfigError` when it cannot be read."""
    return (shipped() | own(directory))[LETTER]


def shipped() -> dict[str, str]:
    """Text by file name."""
    return dict(_texts(files("detector.response") / "notices"))


def own(directory: Path | None) -> dict[str, str]:
    """Text by file name, of what ends as templates do. Raises `ConfigError` when it cannot be read."""
    if directory is None:
        return {}
    try:
        return dict(_texts(directory))
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{directory}: the templates of the notice cannot be read: {error}"
        raise ConfigError(msg) from error


def _texts(directory: Traversable) -> Mapping[str, str]:
    found = sorted(directory.iterdir(), key=lambda file: file.name)
    return {file.name: file.read_text("utf-8") for file in found if file.name.endswith((".txt", ".html"))}
