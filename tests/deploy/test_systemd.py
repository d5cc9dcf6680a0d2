"""The files in deploy/systemd, asked of systemd's own tools; nothing of the host is touched."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from detector.cli.options import DEFAULT_CONFIG
from detector.config import Config
from tests.support.ports import PATIENCE

DIRECTORY = Path(__file__).parents[2] / "deploy" / "systemd"
ON = {"NoNewPrivileges", "PrivateDevices", "ProtectHostname", "ProtectClock", "ProtectKernelTunables"} | {
    *("ProtectKernelModules", "ProtectKernelLogs", "RestrictAddressFamilies", "RestrictNamespaces", "LockPersonality"),
    *("MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "SystemCallFilter", "SystemCallArchitectures"),
}
"""With any of these sudo gets no rights: where systemd.exec(5) of version 252 says `NoNewPrivileges=yes is implied`."""

pytestmark = pytest.mark.debian("systemd")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)


def settings(name: str) -> list[tuple[str, str]]:
    """Each setting of a unit in order."""
    text = (DIRECTORY / name).read_text("utf-8")
    return re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy in which the program is one that this host has, and nothing else differs."""
    for name in ("detector.service", "detector.socket"):
        shutil.copy(DIRECTORY / name, tmp_path)
    service = tmp_path / "detector.service"
    service.write_text(service.read_text("utf-8").replace("/opt/detector/venv/bin/detector", "/bin/true"), "utf-8")
    return tmp_path


def exposure(unit: Path) -> float:
    """As `systemd-analyze security` counts it: 0 is nothing at all, 10 everything."""
    printed = run("systemd-analyze", "security", "--offline=true", unit).stdout
    return float(printed.rpartition("exposure level for")[2].split()[1])


def test_the_service_is_hardened(units: Path) -> None:
    assert exposure(units / "detector.service") < 2.0


def test_systemd_finds_no_fault_in_the_units(units: Path) -> None:
    verdict = run("systemd-analyze", "verify", units / "detector.service", units / "detector.socket")
    assert (verdict.stdout, verdict.stderr, verdict.returncode) == ("", "", 0)


def test_the_drop_in_for_sudo_takes_back_all_that_would_stop_it_and_not_more() -> None:
    given, taken = settings("detector.service"), settings("with-sudo.conf")
    before = {name for name, value in given if value not in {"", "no"}} & ON
    after = {name: value for name, value in taken if name in ON}
    assert after.keys() == before == ON
    assert set(after.values()) == {"", "no"}
    assert {name for name, _ in taken} - ON == {"CapabilityBoundingSet", "PrivateUsers", "ReadWritePaths"}


def test_the_drop_in_for_sudo_says_what_it_costs(units: Path) -> None:
    """Beside the unit, where systemd looks for drop-ins."""
    beside = units / "detector.service.d"
    beside.mkdir()
    shutil.copy(DIRECTORY / "with-sudo.conf", beside)
    said = re.search(r"exposure of ([\d.]+) instead of ([\d.]+)", (DIRECTORY / "with-sudo.conf").read_text("utf-8"))
    assert said is not None
    with_it = exposure(units / "detector.service")
    shutil.rmtree(beside)
    without = exposure(units / "detector.service")
    assert [with_it, without] == pytest.approx([float(said[1]), float(said[2])], abs=0.5)


def test_the_units_name_the_places_that_the_program_has_by_itself() -> None:
    service, plain = dict(settings("detector.service")), Config()
    assert service["ExecStart"].endswith(f"/detector serve --config {DEFAULT_CONFIG}")
    assert Path("/var/lib", service["StateDirectory"]) == plain.state.directory == Path(service["WorkingDirectory"])
    listening = [value for name, value in settings("detector.socket") if name == "ListenStream"]
    assert listening == [str(address) for address in (*plain.relay.listen, *plain.policy_service.listen)]


def test_there_is_room_for_the_connections_that_the_limits_allow() -> None:
    service, plain = dict(settings("detector.service")), Config()
    assert int(service["LimitNOFILE"]) >= 4 * (plain.relay.limits.connections + plain.next_hop.connections)
    assert float(service["TimeoutStopSec"].removesuffix("s")) > 2 * plain.relay.limits.stop_time


def test_memory_never_comes_to_a_disk() -> None:
    assert dict(settings("detector.service"))["LimitCORE"] == "0"


def test_the_user_is_made_without_a_login(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    done = run("systemd-sysusers", f"--root={tmp_path}", DIRECTORY / "detector.sysusers")
    assert done.returncode == 0, done.stderr
    fields = (tmp_path / "etc" / "passwd").read_text("utf-8").strip().split(":")
    assert fields[0] == dict(settings("detector.service"))["User"] == "detector"
    assert fields[5:] == ["/var/lib/detector", "/usr/sbin/nologin"]


def test_the_configuration_is_for_root_to_write_and_for_the_service_to_read(tmp_path: Path) -> None:
    """`--root`, and one file that names two directories: nothing else can be made or removed."""
    etc = tmp_path / "etc" / "detector"
    etc.mkdir(parents=True)
    (tmp_path / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh\ndetector:x:990:990::/:/bin/false\n", "utf-8")
    (tmp_path / "etc" / "group").write_text("root:x:0:\ndetector:x:990:\n", "utf-8")
    (etc / "detector.toml").write_text("observe = true\n", "utf-8")
    done = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", DIRECTORY / "detector.tmpfiles")
    assert done.returncode == 0, done.stderr
    assert [f"{path.stat().st_mode & 0o777:o}" for path in (etc, etc / "detector.toml")] == ["750", "640"]
    state = tmp_path / "var" / "lib" / "detector"
    assert (f"{state.stat().st_mode & 0o777:o}", state.stat().st_uid) == ("700", 990), "check comes before the start"
