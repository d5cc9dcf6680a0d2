"""The commands of the page about installing, run as they stand there, with other directories."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = "/opt/detector/venv"
COMMANDS = [
    shlex.split(line.removeprefix("sudo "))
    for line in re.findall(r"^   (sudo .+)$", (ROOT / "deploy" / "install.md").read_text("utf-8"), re.MULTILINE)
]


def command(*beginning: str) -> list[str]:
    """The first command of the page that begins so."""
    return next(words for words in COMMANDS if tuple(words[: len(beginning)]) == beginning)


def run(words: list[str], directory: Path = ROOT) -> str:
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_lock_is_complete_and_this_environment_is_what_it_says() -> None:
    """Nothing is fetched: `--dry-run` compares only, and `--no-index` would refuse what is not here already."""
    words = command(f"{HERE}/bin/pip", "install", "--require-hashes")
    assert words[2:] == ["--require-hashes", "-r", "requirements.lock"]
    printed = run([sys.executable, "-m", "pip", *words[1:], "--dry-run", "--no-index", "--no-deps"])
    assert "Would install" not in printed


def test_the_installed_program_has_all_its_files(tmp_path: Path) -> None:
    """Its own files are built and installed; the libraries are those of this environment, which the lock names."""
    assert command("python3", "-m", "venv") == ["python3", "-m", "venv", HERE]
    environment = tmp_path / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    [site] = environment.glob("lib/python3*/site-packages")
    libraries = Path(pytest.__file__).parents[1]
    # To build, only setuptools: where mypyc cannot be found nothing is compiled, which would take half a minute.
    tools = tmp_path / "tools"
    tools.mkdir()
    for part in (libraries / "_distutils_hack", *libraries.glob("setuptools*")):
        (tools / part.name).symlink_to(part)
    (site / "libraries.pth").write_text(f"{tools}\n", "utf-8")
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("detector", "models"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    words = command(f"{HERE}/bin/pip", "install", "--no-deps")
    run([sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), *words[1:], "--no-index"], copy)
    (site / "libraries.pth").write_text(f"{libraries}\n", "utf-8")

    installed = {file.relative_to(site / "detector").as_posix() for file in (site / "detector").rglob("*")}
    ours = {file.relative_to(copy / "detector").as_posix() for file in (copy / "detector").rglob("*")}
    assert ours - installed == set()
    program = environment / "bin" / "detector"
    assert run([str(program), "--version"], tmp_path).startswith("detector ")
    asked = "import detector.models as m; print(m.load_content()[2], m.load_prior()[1], m.__file__)"
    assert str(site) in run([str(environment / "bin" / "python"), "-c", asked], tmp_path)


def test_the_page_installs_the_files_of_systemd_that_are_there() -> None:
    sources = [word for words in COMMANDS if words[0] == "install" for word in words if word.startswith("deploy/")]
    assert {Path(source).suffix for source in sources} == {".service", ".socket", ".sysusers", ".tmpfiles"}
    assert all((ROOT / source).is_file() for source in sources)
