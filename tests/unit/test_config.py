"""The configuration seen from outside: what the example file says is what the program does, and mistakes are named."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest

from detector.config import Config, ConfigError, HostPort, Section, load, parse
from detector.config.policy_version import policy_version
from detector.config.reload import SECTIONS, taken_over, takes_a_restart

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "detector.toml"
BAD_CONFIGS = sorted((ROOT / "tests" / "bad_configs").glob("*.toml"))
EXAMPLE_BLOCK = re.compile(r"(?:^#[\[a-z].*\n)+", re.MULTILINE)
# What the commented examples need elsewhere in the file to make sense.
TO_SWITCH = {
    'mode = "off"': 'mode = "require"',
    'mode = "may"': 'mode = "verify"',
    "xclient_clients = []": 'xclient_clients = ["127.0.0.1"]',
}


def example_text() -> str:
    return EXAMPLE.read_text("utf-8")


def everything_switched_on() -> list[str]:
    """The file with its examples made real, several times: of the ways to do one thing, each time another."""
    text = example_text()
    for shown, needed in TO_SWITCH.items():
        text = text.replace(shown, needed)
    ways: dict[str, list[str]] = {}
    for block in EXAMPLE_BLOCK.findall(text):
        ways.setdefault(block.splitlines()[0], []).append(block)
    return [_switched_on(text, ways, turn) for turn in range(max(map(len, ways.values())))]


def _switched_on(text: str, ways: dict[str, list[str]], turn: int) -> str:
    for heading, blocks in ways.items():
        may_repeat = heading.startswith("#[[")
        for block in blocks if may_repeat else [blocks[min(turn, len(blocks) - 1)]]:
            text = text.replace(block, re.sub(r"^#", "", block, flags=re.MULTILINE))
    return text


def sections(value: object) -> Iterator[Section]:
    """This section and all those inside."""
    if isinstance(value, Section):
        yield value
        for name in type(value).model_fields:
            yield from sections(getattr(value, name))
    elif isinstance(value, tuple):
        for element in value:
            yield from sections(element)


def all_sections(annotation: Any = Config) -> set[type[Section]]:
    found: set[type[Section]] = set()
    if isinstance(annotation, type) and issubclass(annotation, Section):
        found |= {annotation}
        for field in annotation.model_fields.values():
            found |= all_sections(field.annotation)
    for argument in get_args(annotation):
        found |= all_sections(argument)
    return found - {HostPort}


def test_the_example_file_says_exactly_the_defaults() -> None:
    assert load(EXAMPLE).model_dump() == Config().model_dump()


def test_each_commented_example_works_when_it_is_switched_on() -> None:
    texts = everything_switched_on()
    for text in texts:
        parse(text)
    assert not set.intersection(*(set(EXAMPLE_BLOCK.findall(text)) for text in texts))


def test_the_example_file_shows_every_key() -> None:
    shown: dict[type[Section], set[str]] = {}
    for config in [load(EXAMPLE), *map(parse, everything_switched_on())]:
        for section in sections(config):
            shown.setdefault(type(section), set()).update(section.model_fields_set)
    keys = {
        (kind, name)
        for kind in all_sections()
        for name, field in kind.model_fields.items()
        if field.annotation is not type(None)  # a way that nothing goes yet
    }
    missing = {f"{kind.__name__}.{name}" for kind, name in keys if name not in shown[kind]}
    assert not missing


def test_every_key_of_the_example_file_is_explained() -> None:
    lines = ["", *example_text().splitlines()]
    mute = [
        line
        for above, line in pairwise(lines)
        if re.match(r"#?[a-z_]+ = ", line)
        and not re.search(r"[\]}\"\w] # \S", line)
        and not above.startswith(("# ", "#provider", "#[", "[["))
    ]
    assert not mute


@pytest.mark.parametrize("path", BAD_CONFIGS, ids=lambda path: path.stem)
def test_a_bad_file_gets_exactly_the_expected_complaints(path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(path.read_text("utf-8"), path.name)
    complaints = [line.removeprefix(f"{path.name}: ") for line in str(caught.value).splitlines()]
    assert complaints == path.with_suffix(".expected").read_text("utf-8").splitlines()


def test_each_bad_file_opens_with_the_mistake_in_words() -> None:
    assert len(BAD_CONFIGS) >= 20
    assert not [path.name for path in BAD_CONFIGS if not path.read_text("utf-8").startswith("# ")]


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read: .*No such file"):
        load(tmp_path / "absent.toml")


def test_an_empty_file_is_a_configuration_error_and_not_all_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "detector.toml"
    path.write_text("\n\n")
    with pytest.raises(ConfigError, match=r"is empty; write at least `next_hop\.servers`"):
        load(path)


def test_a_file_that_is_not_utf8_is_a_configuration_error(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'mode = "\xe9"')
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path)


@pytest.mark.parametrize("text", ["127.0.0.1:25", "[::1]:25", "mx.example.net:0"])
def test_an_address_is_written_as_it_was_read(text: str) -> None:
    assert str(HostPort.model_validate(text)) == text


def test_files_that_are_not_named_stand_in_the_state_directory() -> None:
    config = parse('[state]\ndirectory = "/srv/detector"')
    assert config.spool_directory == Path("/srv/detector/spool")
    assert config.records_url == "sqlite:////srv/detector/records.sqlite"


def test_named_places_win_over_the_state_directory() -> None:
    config = parse('[relay]\nspool_directory = "/spool"\n[records]\nurl = "postgresql+psycopg://db.example/records"')
    assert config.spool_directory == Path("/spool")
    assert config.records_url == "postgresql+psycopg://db.example/records"


def test_a_single_address_is_a_network_of_one() -> None:
    assert [str(network) for network in parse('relay.clients = ["127.0.0.1", "::1"]').relay.clients] == [
        "127.0.0.1/32",
        "::1/128",
    ]


def test_the_policy_of_an_incident_has_a_name_that_changes_with_what_is_decided_and_only_then() -> None:
    usual = policy_version(parse(""))
    assert policy_version(parse('log.level = "debug"')) == usual
    assert policy_version(parse('judging.silent_groups = ["text", "bulk"]')) != usual
    assert policy_version(parse("response.password_changes_per_hour = 5")) != usual
    some = {
        policy_version(parse(f'judging.silent_groups = ["{a}", "{b}"]'))
        for a, b in (("text", "bulk"), ("bulk", "text"))
    }
    assert len(some) == 1


BEGAN = """
relay.listen = ["127.0.0.1:10025"]
feedback.clients = ["192.0.2.1"]
"""
WANTED = """
workers = 2
observe = false
relay.listen = ["127.0.0.1:10024"]
relay.hostname = "other.example"
state.url = "valkey://127.0.0.1/0"
feedback.clients = ["192.0.2.2"]
feedback.tags.lifetime = 86400.0
"""


def test_what_takes_a_restart_stays_as_it_was_and_all_else_is_taken_over() -> None:
    began, wanted = parse(BEGAN), parse(WANTED)
    now = taken_over(began, wanted)
    assert (now.observe, now.relay.hostname, now.feedback.tags) == (False, "other.example", wanted.feedback.tags)
    assert now.relay.listen == began.relay.listen
    assert now.feedback.clients == began.feedback.clients
    assert all(getattr(now, section) == getattr(began, section) for section in SECTIONS)
    assert takes_a_restart(began, wanted) == ["workers", "state", "relay.listen", "feedback.clients"]
    assert takes_a_restart(began, now) == []
