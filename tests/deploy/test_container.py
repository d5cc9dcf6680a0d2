"""What builds and runs containers, without an engine: linted by hadolint, and compared with the files that it names."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from detector.config import Config, load
from detector.config.database import is_shared
from tests.support.ports import PATIENCE

ROOT = Path(__file__).parents[2]
DIRECTORY = ROOT / "deploy" / "container"
CONTAINERFILES = [DIRECTORY / "Containerfile", DIRECTORY / "postfix" / "Containerfile"]
COMPOSE = yaml.safe_load((DIRECTORY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
KNOWN = {
    *("build", "cap_add", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "network_mode"),
    *("ports", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "ulimits", "user"),
    "volumes",
}
"""Of the Compose specification, what we use: a key with a mistake in it would be none of them."""


@pytest.fixture
def config() -> Config:
    return load(DIRECTORY / "detector.toml")


def instructions(file: Path) -> list[tuple[str, str]]:
    """Each with its words; a line that goes on in the next is one."""
    text = file.read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


@pytest.mark.parametrize("file", CONTAINERFILES, ids=lambda file: file.parent.name)
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not installed: it comes with requirements-dev.lock")
    done = subprocess.run([hadolint, "--no-color", file], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_image_runs_as_a_user_without_rights_and_asks_for_its_health_by_itself() -> None:
    last = dict(instructions(CONTAINERFILES[0]))
    assert last["USER"] == "990:990"
    assert last["ENTRYPOINT"] == '["detector"]'
    assert "/health/ready" in last["HEALTHCHECK"]
    assert '["python", "-c", ' in last["HEALTHCHECK"]
    assert f"http://{Config().metrics.listen}/" in last["HEALTHCHECK"]


def test_the_question_for_its_health_is_a_program_that_runs(tmp_path: Path) -> None:
    """Nobody listens here, so the answer is no; and not because of a mistake in the program."""
    program = dict(instructions(CONTAINERFILES[0]))["HEALTHCHECK"].partition("CMD ")[2]
    words = yaml.safe_load(program)
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "Error" in done.stderr
    assert "SyntaxError" not in done.stderr


@pytest.mark.parametrize("file", CONTAINERFILES, ids=lambda file: file.parent.name)
def test_what_an_image_is_made_of_is_there_and_has_a_version(file: Path) -> None:
    context = ROOT if file.parent == DIRECTORY else file.parent
    for name, words in instructions(file):
        if name == "FROM":
            assert words.partition(" ")[0].rpartition(":")[2] not in {"", "latest"}
        if name == "COPY" and not words.startswith("--from"):
            assert all((context / source).exists() for source in words.split()[:-1]), words


def test_the_image_installs_what_is_locked_and_asks_nobody_for_more() -> None:
    [libraries, own] = [
        words for name, words in instructions(CONTAINERFILES[0]) if name == "RUN" and "pip install" in words
    ]
    assert "--require-hashes --requirement requirements.lock" in libraries
    assert "--no-deps --no-build-isolation" in own


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_only_what_compose_knows_and_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service.keys() <= KNOWN
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"] == {"core": 0}
    assert ("image" in service) != ("build" in service)
    assert service.get("image", "x:1").rpartition(":")[2] not in {"", "latest"}
    assert "cap_add" not in service or name == "postfix"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, inside, *mode = volume.split(":")
        assert inside.startswith("/")
        if source.startswith("."):
            assert (DIRECTORY / source).exists(), source
            assert mode == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


def test_the_six_are_there_and_share_one_loopback() -> None:
    assert SERVICES.keys() == {"detector", "postfix", "valkey", "postgres", "prometheus", "grafana"}
    apart = {name for name, service in SERVICES.items() if service.get("network_mode") != "service:detector"}
    assert apart == {"detector", "valkey", "postgres"}
    assert [SERVICES[name].get("network_mode") for name in ("valkey", "postgres")] == ["none", "none"]
    assert not [name for name, service in SERVICES.items() if "ports" in service and name != "detector"]


def test_only_what_submission_servers_need_is_open_to_others(config: Config) -> None:
    published = [port.split(":") for port in SERVICES["detector"]["ports"]]
    open_to_all = {int(words[-1]) for words in published if len(words) == 2}
    assert open_to_all == {address.port for address in (*config.relay.listen, *config.policy_service.listen)}
    assert {words[0] for words in published if len(words) == 3} == {"127.0.0.1"}
    assert config.metrics.listen == Config().metrics.listen


def test_databases_are_where_the_configuration_looks_for_them(config: Config) -> None:
    mounted = {volume.split(":")[1] for volume in SERVICES["detector"]["volumes"]}
    assert "/run/postgresql" in mounted
    assert config.records.url.endswith("?host=/run/postgresql")
    assert is_shared(config.records_url)
    assert "unix_socket_directories=/run/postgresql" in SERVICES["postgres"]["command"]
    assert "/run/valkey" in mounted
    assert config.state.url == "valkey+unix:///run/valkey/valkey.sock"
    assert config.state.url.removeprefix("valkey+unix://") in SERVICES["valkey"]["command"]


@pytest.mark.debian("postfix")
def test_the_outbound_postfix_takes_mail_where_the_hop_hands_it_over_and_from_nobody_else(config: Config) -> None:
    words = ["/usr/sbin/postconf", "-c", str(DIRECTORY / "postfix")]
    for option in ("-n", "-M"):
        done = subprocess.run([*words, option], capture_output=True, text=True, check=True)
        assert done.stderr == "", "a name that Postfix does not know, or a value that means nothing"
        if option == "-M":
            servers = [line.split()[0] for line in done.stdout.splitlines() if line.split()[7] == "smtpd"]
            assert servers == [str(server) for server in config.next_hop.servers]


@pytest.mark.debian("prometheus")
def test_the_prometheus_finds_our_rules_where_they_are_mounted(tmp_path: Path) -> None:
    for volume in SERVICES["prometheus"]["volumes"]:
        source, inside = volume.split(":")[:2]
        if source.startswith("."):
            place = tmp_path / inside.removeprefix("/etc/prometheus/")
            copy = shutil.copytree if (DIRECTORY / source).is_dir() else shutil.copy
            copy(DIRECTORY / source, place)
    words = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule files found" in done.stdout
