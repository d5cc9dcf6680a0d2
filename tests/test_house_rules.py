"""Rules of the house that no other tool keeps. Each exception stands here, by name and with its reason."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from detector.mail.reply import Reply
from tests.support.metrics_page import own_metrics, page

ROOT = Path(__file__).parents[1]
CODE = sorted((ROOT / "detector").rglob("*.py"))
LINES_AT_MOST = 250

LONG_MODULES: dict[str, str] = {
    "detector/metrics.py": "a list to look things up in: each metric with its help text",
    "detector/log.py": "a list to look things up in: each log event with its fields",
    "detector/ports.py": "a list to look things up in: all that can be replaced",
}
TESTED_ELSEWHERE = {
    "detector/config/": "tests/unit/test_config.py and tests/bad_configs look at the whole configuration from outside",
    "detector/ports.py": "says only what others must do; tests/contracts asks each of them",
    "detector/app.py": "tests/e2e runs it",
    "detector/office.py": "puts everything together; tests/e2e runs the result",
    "detector/process.py": "a clock and an event loop; tests/e2e runs in them",
    "detector/__main__.py": "one line, run by tests/e2e",
    "detector/relay/draft.py": "holds values only",
    "detector/relay/route.py": "holds values only",
    "detector/relay/incoming.py": "tests/unit/relay/test_wire.py: memory, disk and pauses on a real socket",
    "detector/verdict/verdict.py": "holds values only",
    "detector/mail/content.py": "holds values only",
    "detector/content/letter.py": "holds values only",
    "detector/mail/login.py": "holds values only",
    "detector/feedback/notices.py": "holds values only",
    "detector/feedback/source.py": "says what sources must do; each has its own tests",
    "detector/mail/refusal_words.py": "tests/unit/mail/test_causes.py: holds words only",
    "detector/reports/values.py": "holds values only",
    "detector/reports/wording.py": "tests/unit/reports/test_free_form.py and test_automatic.py: holds words only",
    "detector/records/held_entries.py": "holds values only",
    "detector/records/held_mail.py": "a line for each function of held and held_queue, whose tests go through it",
    "detector/cli/password.py": "tests/unit/cli/test_password_issue.py types its command",
    "detector/state/at_once.py": "tests/unit/state/test_followed.py and test_heard.py ask for what it promises",
    "detector/records/database.py": "tests/unit/records/test_records.py asks for what it promises",
    "detector/records/returning.py": "one step around detector/records/way_back.py, and tested with it",
    "detector/records/migrations/": "tests/unit/records walks through all of them",
}
COMES_ALONG = {
    "pydantic_core": "the other half of pydantic, which asks for its exact version",
    "_typeshed": "is there for mypy only",
}
PURE_ROOMS = ("mail", "traffic", "content", "verdict", "incident", "reports")
IMPURE_NAMES = {"open", "input", "print", "datetime.now", "datetime.utcnow", "date.today", "uuid4", "uuid.uuid4"}
FORBIDDEN_IN_CODE = {
    r"\b(TODO|FIXME|XXX)\b|NotImplementedError": "nothing is left for later",
    r"type: ignore(?!\[)": "say which error is ignored",
    r"(import|from) (pickle|joblib|marshal|shelve)\b|\b(pickle|joblib|marshal)\.": "data that runs as code",
    r"shell=True|\beval\(|\bexec\(|os\.system": "text that runs as code",
    r"verify=False|CERT_NONE|check_hostname = False": "a certificate nobody looks at",
}
MAY_STAND = {
    ("detector/tls.py", "CERT_NONE"): "tls.mode 'may' and 'require' encrypt without believing a name (RFC 7435)",
    ("detector/tls.py", "check_hostname = False"): "as above",
}


def path_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def tracked_files() -> list[Path]:
    """All files of the project: what git knows; in a copy without git, what is no cache or environment."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
        names = listed.stdout.decode().split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    hidden = re.compile(r"/(\.(?!ci/|pre-commit|gitignore)|__pycache__/|build/|dist/|[^/]*\.egg-info/)")
    return [file for file in ROOT.rglob("*") if file.is_file() and not hidden.search(f"/{path_of(file)}")]


def calls(file: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


# -- code --


def test_a_module_is_short_enough_to_be_read_in_one_go() -> None:
    lengths = {path_of(file): len(file.read_text("utf-8").splitlines()) for file in CODE}
    assert not {path: length for path, length in lengths.items() if length > LINES_AT_MOST and path not in LONG_MODULES}


def test_each_module_has_a_test_module_of_its_own() -> None:
    missing = []
    for file in CODE:
        path = path_of(file)
        inside = file.relative_to(ROOT / "detector")
        test = ROOT / "tests" / "unit" / inside.with_name(f"test_{inside.name}")
        if inside.name != "__init__.py" and not path.startswith(tuple(TESTED_ELSEWHERE)) and not test.exists():
            missing.append(path)
    assert not missing


def test_each_unit_test_module_belongs_to_a_module() -> None:
    orphans = []
    for file in (ROOT / "tests" / "unit").rglob("test_*.py"):
        inside = file.relative_to(ROOT / "tests" / "unit")
        module = ROOT / "detector" / inside.with_name(inside.name.removeprefix("test_"))
        if not module.exists() and not module.with_suffix("").is_dir():
            orphans.append(path_of(file))
    assert not orphans


def test_pure_rooms_neither_read_a_clock_nor_a_file_nor_draw_lots() -> None:
    """Import-linter forbids the modules; this forbids what needs no import, or only a harmless one."""
    found = [
        f"{path_of(file)}:{call.lineno} {name}"
        for room in PURE_ROOMS
        for file in (ROOT / "detector" / room).rglob("*.py")
        for name, call in calls(file)
        if name in IMPURE_NAMES
    ]
    assert not found


@pytest.mark.parametrize(("pattern", "reason"), FORBIDDEN_IN_CODE.items(), ids=FORBIDDEN_IN_CODE.values())
def test_the_code_has_nothing_that_must_not_be_there(pattern: str, reason: str) -> None:
    found = [
        f"{path_of(file)}:{number} {line.strip()}"
        for file in CODE
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        for match in re.findall(pattern, line) and [re.search(pattern, line)]
        if match and (path_of(file), match.group()) not in MAY_STAND
    ]
    assert not found, reason


def test_each_exception_is_still_needed() -> None:
    idle = [path for path in LONG_MODULES if len((ROOT / path).read_text("utf-8").splitlines()) <= LINES_AT_MOST]
    idle += [path for path in TESTED_ELSEWHERE if not (ROOT / path).exists()]
    idle += [f"{path}: {text}" for path, text in MAY_STAND if text not in (ROOT / path).read_text("utf-8")]
    assert not idle


# -- words for operators --


def log_events() -> list[tuple[str, str]]:
    """The functions of detector/log.py and the event that each one writes."""
    tree = ast.parse((ROOT / "detector" / "log.py").read_text("utf-8"))
    return [
        (function.name, ast.literal_eval(call.args[0]))
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("_logger.")
    ]


def test_each_log_event_has_one_function_of_the_same_name() -> None:
    events = log_events()
    assert events
    assert not [pair for pair in events if pair[0] != pair[1]]
    assert len(set(events)) == len(events)


def test_nothing_is_logged_beside_the_log_events() -> None:
    loggers = re.compile(r"(logging|structlog)\.(getLogger|get_logger|info|warning|error)")
    found = [path_of(file) for file in CODE if loggers.search(file.read_text("utf-8")) and file.name != "log.py"]
    assert not found


def test_metrics_are_named_as_prometheus_asks() -> None:
    """Prefix, snake case, base units; `_total` of counters is added by the library."""
    for metric, labels in own_metrics():
        assert re.fullmatch(r"detector(_[a-z0-9]+)+", metric.name)
        assert len(metric.documentation.split()) >= 3
        assert metric.documentation.endswith(".")
        assert not re.search(r"_(total|count|sum|bucket|ms|minutes|hours|kilobytes|percent)$", metric.name)
        if metric.type == "histogram":
            assert metric.name.endswith(("_seconds", "_bytes"))
        assert all(re.fullmatch(r"[a-z_]+", label) for label in labels)


def test_no_metric_says_who() -> None:
    personal = {
        "account",
        "address",
        "recipient",
        "sender",
        "login",
        "user",
        "domain",
        "client",
        "ip",
        "message",
        "text",
    }
    assert not [(metric.name, label) for metric, labels in own_metrics() for label in labels if label in personal]


def test_the_page_of_metrics_is_made_from_the_code() -> None:
    assert (ROOT / "deploy" / "metrics.md").read_text("utf-8") == page(), "run: make pages"


def test_our_replies_differ_from_each_other() -> None:
    from detector.relay import replies

    texts = [reply for reply in vars(replies).values() if isinstance(reply, Reply)]
    assert len(set(texts)) == len(texts) > 10


# -- the tree --


def test_no_file_names_the_place_where_it_was_written() -> None:
    places = re.compile("/" + r"(work|farm)/|bash_" + "jobs")
    found = [
        f"{path_of(file)}:{number}"
        for file in tracked_files()
        if (content := file.read_bytes()) and b"\0" not in content[:1024]
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1)
        if places.search(line)
    ]
    assert not found


def test_the_locks_pin_everything_by_hash_and_name_no_source() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lock = re.sub(r"\\\n\s+", " ", (ROOT / name).read_text("utf-8"))
        lines = [line for line in lock.splitlines() if not line.startswith("#")]
        assert not [line for line in lines if not re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]
        assert "://" not in lock


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("folder", ["detector", "tests"])
def test_what_is_imported_is_asked_for(folder: str) -> None:
    """A library that is here only because another one brought it is gone when that one changes its mind."""
    asked = names(project()["project"]["dependencies"])
    if folder == "tests":
        asked |= names(project()["project"]["optional-dependencies"]["dev"])
    asked_to_train = names(project()["project"]["optional-dependencies"]["train"])
    brought_by = packages_distributions()
    wanted = {
        (name, path_of(file))
        for file in (ROOT / folder).rglob("*.py")
        for name in imported(file) - sys.stdlib_module_names - {"detector", "tests"} - set(COMES_ALONG)
    }
    assert not {
        (n, path)
        for n, path in wanted
        if not {d.lower().replace("_", "-") for d in brought_by.get(n, [])}
        & (asked | asked_to_train if "training/" in path else asked)
    }


def imported(file: Path) -> set[str]:
    """The first words of what a module imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module.partition(".")[0]}
    return found


def test_the_locks_hold_what_the_project_asks_for() -> None:
    asked = names([*project()["project"]["dependencies"], *project()["dependency-groups"]["build"]])
    runtime, everything = (
        set(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert asked <= {name for name, _ in runtime}
    assert runtime <= everything


def test_the_changelog_knows_this_version() -> None:
    version = project()["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## [{version}]" in changelog or "## [Unreleased]" in changelog
    assert "### What an operator must do" in changelog
