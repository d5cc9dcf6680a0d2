"""One complaint of pydantic in words for the operator: what is wrong, at which place, and what was meant."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from detector.config.errors import Contradictions, Place, written
from detector.config.model import Config
from detector.config.values import Section

Sections = tuple[type[Section], ...]

TEXTS = {
    "missing": "this key is needed and missing",
    "model_type": "should be a table, written {{ ... }} or below a heading in [ ]",
    "model_attributes_type": "should be a table, written {{ ... }} or below a heading in [ ]",
    "tuple_type": "should be a list, written [...]",
    "string_type": "should be a text in quotes",
    "path_type": "should be a path in quotes",
    "int_type": "should be a whole number, without quotes",
    "float_type": "should be a number, without quotes",
    "bool_type": "should be true or false, without quotes",
    "union_tag_not_found": "the key {discriminator} is needed and missing: it says which kind this is",
    "union_tag_invalid": "'{tag}' is no {discriminator}; there are {expected_tags}",
}


def complaints(problem: ErrorDetails) -> list[tuple[tuple[Place, ...], str]]:
    """What to tell about it, and the keys that it is about; the first is the place to show."""
    place, sections = locate(problem["loc"])
    error = problem.get("ctx", {}).get("error")
    if isinstance(error, Contradictions):
        return [(tuple(place + key for key in found.keys), found.text) for found in error.found]
    if problem["type"] == "extra_forbidden":
        return [((place,), _unknown(place, sections))]
    return [((place,), _wrong(problem))]


def locate(location: Place) -> tuple[Place, Sections]:
    """The place as it stands in the file, and the sections that may have the last key of it.

    Pydantic names the chosen kind of a tagged union as a step of its own (`identity`, 0, `header`, `name`); the file
    has no such step.
    """
    here: Sections = (Config,)
    holders = here
    place: list[str | int] = []
    for part in location:
        kinds = tuple(section for section in here if part in _tags(section))
        if kinds:
            here = kinds
            continue
        place.append(part)
        if isinstance(part, str):
            holders = here
            here = tuple(inner for section in here for inner in _inner(section.model_fields.get(part)))
    return tuple(place), holders


def _inner(field: FieldInfo | None) -> Iterator[type[Section]]:
    if field is not None:
        yield from _sections_in(field.annotation)


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)


def _tags(section: type[Section]) -> tuple[Any, ...]:
    field = section.model_fields.get("source") or section.model_fields.get("provider")
    return get_args(field.annotation) if field else ()


def _unknown(place: Place, sections: Sections) -> str:
    key = str(place[-1])
    known = sorted({name for section in sections for name in section.model_fields})
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    if close:
        return f"unknown key `{key}`; did you mean `{close[0]}`?"
    here = tuple(part for part in place[:-1] if isinstance(part, str))
    elsewhere = sorted({other[:-1] for other in _places(Config) if other[-1] == key} - {here})
    if elsewhere:
        homes = [f"`{written(home)}`" if home else "the top of the file" for home in elsewhere]
        return f"unknown key `{key}` here; it belongs to {' or '.join(homes)}"
    return f"unknown key `{key}`; known here: {', '.join(known)}"


def _places(section: type[Section], above: Place = ()) -> Iterator[Place]:
    for name, field in section.model_fields.items():
        yield (*above, name)
        for inner in _inner(field):
            yield from _places(inner, (*above, name))


def _wrong(problem: ErrorDetails) -> str:
    context: Mapping[str, Any] = problem.get("ctx", {})
    if problem["type"] in TEXTS:
        text = TEXTS[problem["type"]].format_map({name: str(value).replace("'", "") for name, value in context.items()})
    elif problem["type"] == "value_error":
        return str(context["error"])
    else:
        text = problem["msg"].removeprefix("Input ")
    value = problem["input"]
    # What stands in the place of a table may be a secret.
    shown = isinstance(value, str | int | float) and not problem["type"].startswith("model_")
    return f"{text}, not {json.dumps(value)}" if shown else text
