"""What a configuration says other than the defaults; of a secret only where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, get_origin
from urllib.parse import urlsplit

from detector.cli.check import check_policy
from detector.cli.doctor_part import Fact, Part
from detector.cli.finding import Finding, problem
from detector.config import Config, HostPort, SecretSource, Section
from detector.config.policy_version import policy_version
from detector.config.values import is_this_host

PROGRAMS = ("argv", "doveadm", "postqueue", "postcat", "postsuper", "journalctl")
"""Settings whose first word is a program: the others may hold what is nobody's business."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`default` is None where there is none; `choice` is one of a few words that the program knows."""

    place: str
    value: object
    default: object
    written: bool
    choice: bool


def examine_settings(config: Config) -> Part:
    """The difference to the defaults, and what keeps the program from acting."""
    facts: dict[str, Fact] = {"policy version": policy_version(config)}
    facts |= {setting.place: told(setting) for setting in changed(config)}
    return Part("configuration", facts, [*check_policy(config), *_in_clear(config)])


def _in_clear(config: Config) -> Iterator[Finding]:
    """Databases elsewhere that are asked without a certificate that anybody looks at: libpq takes what it is given."""
    for place, url in (("records.url", config.records.url), ("response.workflow_url", config.response.workflow_url)):
        parts = urlsplit(url)
        if not is_this_host(parts.hostname or "") and "sslmode=verify-full" not in parts.query:
            text = "the database is on another host and nothing demands its certificate: add ?sslmode=verify-full"
            yield problem(place, f"{text}&sslrootcert=FILE, with the certificate of who signed it")


def settings_of(config: Config) -> Iterator[Setting]:
    """Every setting, with those of each element of a list."""
    yield from _within(config, "")


def changed(config: Config) -> list[Setting]:
    """What was written and is not the default anyway."""
    return [one for one in settings_of(config) if one.written and one.value != one.default]


def told(setting: Setting) -> str:
    """Value and default in words, without secrets.

    >>> told(Setting("judging.block_score", 9.0, 11.5, True, False))
    '9.0 (default 11.5)'
    """
    default = f" (default {_shown(setting.place, setting.default)})" if setting.default not in (None, (), "") else ""
    return f"{_shown(setting.place, setting.value)}{default}"


def harmless(setting: Setting) -> str:
    """As `told`, for strangers: numbers, switches and words of our own; of anything else that it is set."""
    if setting.choice or isinstance(setting.value, bool | int | float | frozenset | Path | HostPort):
        return told(setting)
    if isinstance(setting.value, SecretSource):
        return "in a file" if setting.value.file else "in the environment"
    if isinstance(setting.value, tuple):
        networks = all(isinstance(one, IPv4Network | IPv6Network | HostPort) for one in setting.value)
        return told(setting) if networks else f"{len(setting.value)} set"
    return "set"


def _within(section: Section, place: str) -> Iterator[Setting]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        here = f"{place}.{name}" if place else name
        written = name in section.model_fields_set
        if isinstance(value, Section) and not isinstance(value, HostPort | SecretSource):
            yield from _within(value, here)
        elif isinstance(value, tuple) and value and all(_is_table(one) for one in value):
            for number, one in enumerate(value):
                yield from _within(one, f"{here}[{number}]") if written else ()
        else:
            default = None if field.is_required() else field.get_default(call_default_factory=True)
            yield Setting(here, value, default, written, get_origin(field.annotation) is Literal)


def _is_table(value: object) -> bool:
    return isinstance(value, Section) and not isinstance(value, HostPort | SecretSource)


def _shown(place: str, value: object) -> str:
    if isinstance(value, SecretSource):
        return f"in {value.file}" if value.file else f"in the variable {value.environment}"
    if isinstance(value, tuple | frozenset):
        if place.rpartition(".")[2] in PROGRAMS and len(value) > 1:
            return f"{next(iter(value))} and {len(value) - 1} more words"
        return ", ".join(sorted(_shown(place, one) for one in value)) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    return _without_path(str(value))


def _without_path(text: str) -> str:
    """Paths and queries of URLs are secrets at some services."""
    if "://" not in text:
        return text
    parts = urlsplit(text)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{'/...' if parts.path.strip('/') or parts.query else ''}"
